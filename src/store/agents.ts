import { sql } from 'kysely'
import { type Db, holdRows, type Tx } from './db.ts'
import { prepareOnce } from './prepared.ts'
import { chunksOf } from './record.ts'
import type { AgentRow, CommandRow, EnrolmentTokenRow } from './schema.ts'

/**
 * States of a command. `queued`: signed, waiting until the host has recorded it; `given`: handed to a host that may begin at once, and never
 * taken back; `acked`: recorded there; the rest is final. `partial`: some of it was done; `unverified` is a claimed success whose proof does
 * not hold.
 */
export type CommandState =
  | 'queued'
  | 'given'
  | 'acked'
  | 'succeeded'
  | 'partial'
  | 'unverified'
  | 'failed'
  | 'refused'
  | 'expired'
  | 'cancelled'

/** A command as the server knows it. */
export interface StoredCommand extends Omit<CommandRow, 'state'> {
  readonly state: CommandState
}

/** Writes an enrolment token; only its hash is ever stored. */
export async function insertEnrolmentToken(tx: Tx, row: EnrolmentTokenRow): Promise<void> {
  await tx.insertInto('enrolment_tokens').values(row).execute()
}

/**
 * Uses an enrolment token up.
 * @returns the tenant it belongs to, and whether the host waits for an admin; null when it is unknown, used or expired
 */
export async function consumeEnrolmentToken(
  tx: Tx,
  tokenHash: string,
  now: string,
  agentId: string,
): Promise<Pick<EnrolmentTokenRow, 'tenant_id' | 'needs_approval'> | null> {
  const row = await tx
    .updateTable('enrolment_tokens')
    .set({ used_at: now, agent_id: agentId })
    .where('token_hash', '=', tokenHash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returning(['tenant_id', 'needs_approval'])
    .executeTakeFirst()
  return row ?? null
}

/** Writes a newly enrolled agent. */
export async function insertAgent(tx: Tx, row: AgentRow): Promise<void> {
  await tx.insertInto('agents').values(row).execute()
}

/** One agent of a tenant, also a revoked one. */
export async function readAgent(db: Db, tenantId: string, id: string): Promise<AgentRow | null> {
  const query = db.selectFrom('agents').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id)
  return (await query.executeTakeFirst()) ?? null
}

/** Every agent of a tenant by host name, revoked ones included. */
export async function listAgents(db: Db, tenantId: string): Promise<AgentRow[]> {
  return db
    .selectFrom('agents')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('hostname')
    .orderBy('id')
    .execute()
}

/** Lets a waiting agent take commands. @returns its host name; null when no agent in force waits under this id */
export async function approveAgent(tx: Tx, tenantId: string, id: string, now: string): Promise<string | null> {
  const row = await tx
    .updateTable('agents')
    .set({ approved_at: now })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('approved_at', 'is', null)
    .where('revoked_at', 'is', null)
    .returning('hostname')
    .executeTakeFirst()
  return row?.hostname ?? null
}

/** Agents in force of a tenant whose id, host name or full name equals the text, whatever its case. */
export async function findAgents(db: Db, tenantId: string, text: string): Promise<AgentRow[]> {
  const name = text.toLowerCase()
  return db
    .selectFrom('agents')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('approved_at', 'is not', null)
    .where('revoked_at', 'is', null)
    .where((eb) =>
      eb.or([
        eb('id', '=', name),
        eb(eb.fn<string>('lower', ['hostname']), '=', name),
        eb(eb.fn<string>('lower', ['fqdn']), '=', name),
      ]),
    )
    .orderBy('id')
    .limit(10)
    .execute()
}

/** True when the tenant has an agent in force. */
export async function hasAgents(db: Db, tenantId: string): Promise<boolean> {
  const query = db.selectFrom('agents').select('id').where('tenant_id', '=', tenantId).where('revoked_at', 'is', null)
  return (await query.limit(1).executeTakeFirst()) !== undefined
}

/** Writes what a heartbeat said. */
export async function writeAgentFacts(
  tx: Tx,
  agentId: string,
  facts: Pick<AgentRow, 'hostname' | 'fqdn' | 'machine_id' | 'os' | 'agent_version' | 'facts'> & {
    readonly capabilities?: string
  },
): Promise<void> {
  await tx.updateTable('agents').set(facts).where('id', '=', agentId).execute()
}

/** Ends an agent's right to speak. @returns false when there is no such agent in force */
export async function revokeAgent(tx: Tx, tenantId: string, id: string, now: string): Promise<boolean> {
  const done = await tx
    .updateTable('agents')
    .set({ revoked_at: now })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

/** Revokes a tenant's agents in force that have this device key; a device enrols anew with its key. @returns their ids */
export async function revokeAgentsWithKey(tx: Tx, tenantId: string, publicKey: string, now: string): Promise<string[]> {
  const rows = await tx
    .updateTable('agents')
    .set({ revoked_at: now })
    .where('tenant_id', '=', tenantId)
    .where('public_key', '=', publicKey)
    .where('revoked_at', 'is', null)
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}

/** Hands out the next command number of each of these agents, by id; those not in force get none. */
export async function takeCommandSeqs(
  tx: Tx,
  tenantId: string,
  agentIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const taken = new Map<string, number>()
  for (const chunk of chunksOf(agentIds, 500)) {
    const rows = await tx
      .updateTable('agents')
      .set((eb) => ({ command_seq: eb('command_seq', '+', 1) }))
      .where('tenant_id', '=', tenantId)
      .where('id', 'in', chunk)
      .where('approved_at', 'is not', null)
      .where('revoked_at', 'is', null)
      .returning(['id', 'command_seq'])
      .execute()
    for (const row of rows) taken.set(row.id, row.command_seq)
  }
  return taken
}

/** Hands out the number of the next break-glass code of an agent in force. @returns null when there is none */
export async function takeBreakGlassSerial(tx: Tx, tenantId: string, agentId: string): Promise<number | null> {
  const row = await tx
    .updateTable('agents')
    .set((eb) => ({ break_glass_serial: eb('break_glass_serial', '+', 1) }))
    .where('tenant_id', '=', tenantId)
    .where('id', '=', agentId)
    .where('revoked_at', 'is', null)
    .returning('break_glass_serial')
    .executeTakeFirst()
  return row?.break_glass_serial ?? null
}

/** Writes new commands. */
export async function insertCommands(tx: Tx, commands: readonly StoredCommand[]): Promise<void> {
  for (const chunk of chunksOf(commands, 200)) await tx.insertInto('commands').values(chunk).execute()
}

/** One command of a tenant. */
export async function readCommand(db: Db, tenantId: string, id: string): Promise<StoredCommand | null> {
  const query = db.selectFrom('commands').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id)
  return toCommand(await query.executeTakeFirst())
}

/** As {@link readCommand}, holding the row until the transaction ends. */
export async function readCommandForUpdate(tx: Tx, tenantId: string, id: string): Promise<StoredCommand | null> {
  const [row] = await holdCommand(tx, tenantId, id)
  return toCommand(row)
}

const holdCommand = prepareOnce((tx: Tx, tenantId: string, id: string) =>
  holdRows(tx, tx.selectFrom('commands').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id)),
)

/** Commands of an agent and action the host has not recorded yet, held until the transaction ends. */
export async function readQueuedOfAction(tx: Tx, agentId: string, actionType: string): Promise<StoredCommand[]> {
  const query = tx
    .selectFrom('commands')
    .selectAll()
    .where('agent_id', '=', agentId)
    .where('action_type', '=', actionType)
    .where('state', '=', 'queued')
  return (await holdRows(tx, query).execute()).flatMap((row) => toCommand(row) ?? [])
}

/** Executions whose commands to these agents have no result yet. */
export async function readOpenExecutions(db: Db, agentIds: readonly string[]): Promise<string[]> {
  if (agentIds.length === 0) return []
  const rows = await db
    .selectFrom('commands')
    .select('execution_id')
    .distinct()
    .where('state', 'in', ['queued', 'given', 'acked'])
    .where('agent_id', 'in', agentIds)
    .orderBy('execution_id')
    .execute()
  return rows.map(({ execution_id }) => execution_id)
}

/** Notes that a host has recorded a command. */
export async function markRecorded(tx: Tx, id: string, now: string): Promise<void> {
  await setRecorded(tx, 'acked', now, id)
}

const setRecorded = prepareOnce((tx: Tx, state: CommandState, now: string, id: string) =>
  tx.updateTable('commands').set({ state, acked_at: now }).where('id', '=', id),
)

/** What became of a command in the end. */
export interface FinishedCommand extends Pick<StoredCommand, 'id' | 'state' | 'hold'> {
  readonly finished_at: string
  readonly result: string
}

/** Writes the end of a command. */
export async function finishCommand(tx: Tx, { id, state, hold, finished_at, result }: FinishedCommand): Promise<void> {
  await setFinished(tx, state, hold, finished_at, result, id)
}

const setFinished = prepareOnce((tx: Tx, state: CommandState, hold: number, now: string, result: string, id: string) =>
  tx.updateTable('commands').set({ state, hold, finished_at: now, result }).where('id', '=', id),
)

/** Writes what changed about a command. */
export async function updateCommand(
  tx: Tx,
  id: string,
  changes: Partial<Pick<StoredCommand, 'state' | 'finished_at' | 'result'>>,
): Promise<void> {
  await tx.updateTable('commands').set(changes).where('id', '=', id).execute()
}

/** The commands whose effect should last on a host, with the tasks they belong to. */
export async function readHolds(
  db: Db,
  agentId: string,
): Promise<{ readonly id: string; readonly task_id: string; readonly family: string }[]> {
  return selectHolds(db, agentId)
}

const selectHolds = prepareOnce((db, agentId: string) =>
  db
    .selectFrom('commands')
    .select(['id', 'task_id', 'family'])
    .where('agent_id', '=', agentId)
    .where('hold', '=', sql.lit(1))
    .orderBy('seq'),
)

/** Ends the holds of one task on a host. */
export async function dropHoldsOfTask(tx: Tx, agentId: string, taskId: string): Promise<void> {
  await tx
    .updateTable('commands')
    .set({ hold: 0 })
    .where('agent_id', '=', agentId)
    .where('task_id', '=', taskId)
    .where('hold', '=', 1)
    .execute()
}

/** Ends every hold of a family on a host. */
export async function dropHolds(tx: Tx, agentId: string, family: string): Promise<void> {
  await tx
    .updateTable('commands')
    .set({ hold: 0 })
    .where('agent_id', '=', agentId)
    .where('family', '=', family)
    .where('hold', '=', 1)
    .execute()
}

function toCommand(row: CommandRow | undefined): StoredCommand | null {
  return row === undefined ? null : { ...row, state: row.state as CommandState }
}
