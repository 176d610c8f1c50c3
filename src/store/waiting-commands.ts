import { type ExpressionBuilder, type ExpressionWrapper, type SqlBool, sql } from 'kysely'
import type { CommandState } from './agents.ts'
import type { Db, Tx } from './db.ts'
import { prepareOnce } from './prepared.ts'
import type { CommandRow, Schema } from './schema.ts'

/** A command that its host has yet to fetch, or to answer. */
export type WaitingCommand = Pick<CommandRow, 'id' | 'seq' | 'jws' | 'family' | 'state' | 'delivered_at'>

/**
 * Commands to hand to a host, in their order: those it has not recorded yet and may begin now, and those it was given and said nothing of,
 * whatever the time, because only the host knows whether it has them.
 */
export async function readWaitingCommands(
  db: Db,
  agentId: string,
  now: string,
  limit: number,
): Promise<WaitingCommand[]> {
  const queued = await selectWaiting(db, agentId, 'queued', now, limit)
  const given = await selectWaiting(db, agentId, 'given', '', limit)
  if (given.length === 0) return queued
  return [...given, ...queued].sort((left, right) => left.seq - right.seq).slice(0, limit)
}

const selectWaiting = prepareOnce((db, agentId: string, state: CommandState, lastsBeyond: string, limit: number) =>
  db
    .selectFrom('commands')
    .select(['id', 'seq', 'jws', 'family', 'state', 'delivered_at'])
    .where('agent_id', '=', agentId)
    .where('state', '=', state)
    .where('not_after', '>', lastsBeyond)
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('agents')
          .select('agents.id')
          .whereRef('agents.id', '=', 'commands.agent_id')
          .where('agents.revoked_at', 'is', null),
      ),
    )
    .where(isDispatchOn)
    .orderBy('seq')
    .limit(limit),
)

/** Agents that have something to fetch: a command, or the order to make another key. */
export async function readAgentsWithNews(db: Db, now: string): Promise<string[]> {
  const commanded = db
    .selectFrom('commands')
    .select('agent_id')
    .distinct()
    .where('state', '=', 'queued')
    .where('not_after', '>', now)
    .where(isDispatchOn)
  const ordered = db.selectFrom('agents').select('id as agent_id').where('key_ordered_at', 'is not', null)
  const rows = await commanded.union(ordered.where('revoked_at', 'is', null)).execute()
  return rows.map(({ agent_id }) => agent_id)
}

/** The kill switch of a tenant holds back what was queued before it, too. */
function isDispatchOn(eb: ExpressionBuilder<Schema, 'commands'>): ExpressionWrapper<Schema, 'commands', SqlBool> {
  return eb.not(
    eb.exists(
      eb
        .selectFrom('policies')
        .select('policies.tenant_id')
        .whereRef('policies.tenant_id', '=', 'commands.tenant_id')
        .where('policies.paused', '=', sql.lit(1)),
    ),
  )
}

/** Notes that commands went out in a poll answer; the host has not recorded them yet. */
export async function markSent(tx: Tx, ids: readonly string[], now: string): Promise<void> {
  for (const id of ids) await setSent(tx, now, id)
}

const setSent = prepareOnce((tx: Tx, now: string, id: string) =>
  tx.updateTable('commands').set({ delivered_at: now }).where('id', '=', id),
)

/**
 * Lets a host begin commands as soon as it has them, unless they were taken back meanwhile.
 * @returns the ids of those it may begin
 */
export async function giveCommands(tx: Tx, ids: readonly string[], now: string): Promise<string[]> {
  const given: string[] = []
  for (const id of ids) given.push(...(await setGiven(tx, 'given', now, id)).map((row) => row.id))
  return given
}

const setGiven = prepareOnce((tx: Tx, state: CommandState, now: string, id: string) =>
  tx
    .updateTable('commands')
    .set({ state, delivered_at: now })
    .where('id', '=', id)
    .where('state', '=', sql.lit('queued'))
    .returning('id'),
)
