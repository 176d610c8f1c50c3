import { type Db, holdRows, type Tx } from './db.ts'
import { prepareOnce } from './prepared.ts'
import type { AgentRow } from './schema.ts'

/**
 * Puts a new device key in the place of the one in force, which answers an order of another one.
 * @returns false when the agent has another key by now, or is revoked
 */
export async function replaceAgentKey(
  tx: Tx,
  agentId: string,
  keys: { readonly from: string; readonly to: string },
  now: string,
): Promise<boolean> {
  const done = await tx
    .updateTable('agents')
    .set({ public_key: keys.to, key_since: now, key_ordered_at: null })
    .where('id', '=', agentId)
    .where('public_key', '=', keys.from)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

/** Notes that another key is wanted of an agent. @returns false when the tenant has no such agent in force */
export async function orderAgentKey(tx: Tx, tenantId: string, agentId: string, now: string): Promise<boolean> {
  const done = await tx
    .updateTable('agents')
    .set({ key_ordered_at: now })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', agentId)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

/** True while an agent has not answered an order of another key. */
export async function isAgentKeyOrdered(db: Db, agentId: string): Promise<boolean> {
  const query = db.selectFrom('agents').select('key_ordered_at').where('id', '=', agentId)
  return typeof (await query.executeTakeFirst())?.key_ordered_at === 'string'
}

/** One agent, held until the transaction ends. */
export async function readAgentForUpdate(tx: Tx, id: string): Promise<AgentRow | null> {
  return (await holdRows(tx, tx.selectFrom('agents').selectAll().where('id', '=', id)).executeTakeFirst()) ?? null
}

/** Writes the ids of an agent's last runs. */
export async function writeAgentRuns(tx: Tx, id: string, runIds: string): Promise<void> {
  await tx.updateTable('agents').set({ run_ids: runIds }).where('id', '=', id).execute()
}

/** Ends the right of two hosts with one key to speak. */
export async function markCloned(tx: Tx, id: string, now: string): Promise<void> {
  await tx.updateTable('agents').set({ revoked_at: now, cloned_at: now }).where('id', '=', id).execute()
}

/** What a request is judged by: who its sender is and may be. What the host said of itself is much longer, and not read. */
export type AgentIdentity = Pick<AgentRow, (typeof identityColumns)[number]>

const identityColumns = [
  'tenant_id',
  'id',
  'hostname',
  'fqdn',
  'public_key',
  'run_ids',
  'key_ordered_at',
  'cloned_at',
  'revoked_at',
] as const

/** The agent a token belongs to, also a revoked one. */
export async function readAgentByToken(db: Db, tokenHash: string): Promise<AgentIdentity | null> {
  const [row] = await selectByToken(db, tokenHash)
  return row ?? null
}

const selectByToken = prepareOnce((db, tokenHash: string) =>
  db.selectFrom('agents').select(identityColumns).where('token_hash', '=', tokenHash),
)

/**
 * Accepts a request number, if it is higher than every one before and the agent is in force; notes that the agent was heard of.
 * @returns false otherwise
 */
export async function claimSequence(tx: Tx, agentId: string, seq: number, now: string): Promise<boolean> {
  return (await raiseSequence(tx, seq, now, agentId, seq)).length > 0
}

const raiseSequence = prepareOnce((db, seq: number, now: string, agentId: string, above: number) =>
  db
    .updateTable('agents')
    .set({ last_seq: seq, last_seen_at: now })
    .where('id', '=', agentId)
    .where('last_seq', '<', above)
    .where('revoked_at', 'is', null)
    .returning('id'),
)
