import { sql } from 'kysely'
import type { CommandState } from './agents.ts'
import { type Db, holdRows, type Tx } from './db.ts'
import { prepareOnce } from './prepared.ts'
import type { AgentRow } from './schema.ts'
import type { IocRuleRow } from './schema-respond.ts'

/** Writes a rule, or writes it anew: a task has one. */
export async function writeIocRule(tx: Tx, row: IocRuleRow): Promise<void> {
  const { tenant_id, id, created_at, ...values } = row
  await tx
    .insertInto('ioc_rules')
    .values({ tenant_id, id, created_at, ...values })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'id']).doUpdateSet(values))
    .execute()
}

/** A rule of a tenant, held until the transaction ends. */
export async function readIocRuleForUpdate(tx: Tx, tenantId: string, id: string): Promise<IocRuleRow | null> {
  const query = tx.selectFrom('ioc_rules').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id)
  return (await holdRows(tx, query).executeTakeFirst()) ?? null
}

/** Marks a rule as taken back; the execution has yet to reach every host. */
export async function withdrawIocRule(tx: Tx, tenantId: string, id: string, executionId: string): Promise<void> {
  await tx
    .updateTable('ioc_rules')
    .set({ withdrawn: 1, execution_id: executionId, spread_after: '' })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute()
}

/** Rules of a tenant that have not ended by themselves, those taken back among them. */
export async function readIocRules(db: Db, tenantId: string, now: string): Promise<IocRuleRow[]> {
  return db
    .selectFrom('ioc_rules')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('expires_at', '>', now)
    .orderBy('created_at')
    .execute()
}

/** Notes how far commands about a rule have been written. @param after id of the last host; null when that was the last of all */
export async function noteSpread(tx: Tx, tenantId: string, id: string, after: string | null): Promise<void> {
  await tx
    .updateTable('ioc_rules')
    .set({ spread_after: after })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute()
}

/** Ends what an execution has not reached yet. @returns the rule it is about; null when it is none's newest */
export async function endSpread(tx: Tx, tenantId: string, executionId: string): Promise<string | null> {
  const row = await tx
    .updateTable('ioc_rules')
    .set({ spread_after: null })
    .where('tenant_id', '=', tenantId)
    .where('execution_id', '=', executionId)
    .returning('id')
    .executeTakeFirst()
  return row?.id ?? null
}

/**
 * Agents in force of a tenant with what they can do, by id.
 * @param part only so many after an id
 */
export async function readAgentsInForce(
  db: Db,
  tenantId: string,
  part?: { readonly after: string; readonly limit: number },
): Promise<Pick<AgentRow, 'id' | 'capabilities'>[]> {
  const query = db
    .selectFrom('agents')
    .select(['id', 'capabilities'])
    .where('tenant_id', '=', tenantId)
    .where('approved_at', 'is not', null)
    .where('revoked_at', 'is', null)
    .orderBy('id')
  return (part === undefined ? query : query.where('id', '>', part.after).limit(part.limit)).execute()
}

/** Takes every command about a rule back that its host has not recorded. */
export async function cancelQueuedOfRule(tx: Tx, tenantId: string, ruleId: string, now: string): Promise<void> {
  await tx
    .updateTable('commands')
    .set({ state: 'cancelled', finished_at: now })
    .where('tenant_id', '=', tenantId)
    .where('state', '=', 'queued')
    .where('family', '=', 'ioc')
    .where('task_id', '=', ruleId)
    .execute()
}

/** A command about a rule, without its text. */
export interface RuleCommand {
  readonly id: string
  readonly agentId: string
  readonly ruleId: string
  readonly actionType: string
  readonly state: CommandState
}

/** Commands about rules to some hosts, in the order each of them gets them; about one rule, or about all. */
export async function readRuleCommands(
  db: Db,
  tenantId: string,
  agentIds: readonly string[],
  ruleId?: string,
): Promise<RuleCommand[]> {
  if (agentIds.length === 0) return []
  const query = db
    .selectFrom('commands')
    .select(['id', 'agent_id', 'task_id', 'action_type', 'state'])
    .where('tenant_id', '=', tenantId)
    .where('family', '=', 'ioc')
    .where('agent_id', 'in', agentIds)
    .orderBy('seq')
  const rows = await (ruleId === undefined ? query : query.where('task_id', '=', ruleId)).execute()
  return rows.map((row) => ({
    id: row.id,
    agentId: row.agent_id,
    ruleId: row.task_id,
    actionType: row.action_type,
    state: row.state as CommandState,
  }))
}

/** What became of a command on its host. */
export interface HostCommand {
  readonly id: string
  readonly agentId: string
  readonly hostname: string
  /** Null when the host was never heard of. */
  readonly lastSeenAt: string | null
  readonly revoked: boolean
  readonly actionType: string
  readonly state: CommandState
  readonly createdAt: string
  readonly ackedAt: string | null
  readonly result: string | null
}

/** True while a host of an execution has something left to say. */
export async function hasOpenCommands(db: Db, executionId: string): Promise<boolean> {
  return (await selectOpen(db, executionId)).length > 0
}

const selectOpen = prepareOnce((db, executionId: string) =>
  db
    .selectFrom('commands')
    .select('id')
    .where('execution_id', '=', executionId)
    .where('state', 'in', [sql.lit('queued'), sql.lit('given'), sql.lit('acked')])
    .limit(sql.lit(1)),
)

/** Every command of an execution with its host. */
export async function readCommandsOfExecution(db: Db, tenantId: string, executionId: string): Promise<HostCommand[]> {
  return (await selectWithHost(db, tenantId).where('commands.execution_id', '=', executionId).execute()).map(
    toHostCommand,
  )
}

/** Every command of a task to some hosts, questions of previews among them. */
export async function readCommandsOfTask(
  db: Db,
  tenantId: string,
  taskId: string,
  agentIds: readonly string[],
): Promise<HostCommand[]> {
  if (agentIds.length === 0) return []
  const ofTask = selectWithHost(db, tenantId).where('commands.task_id', '=', taskId)
  return (await ofTask.where('commands.agent_id', 'in', agentIds).execute()).map(toHostCommand)
}

function selectWithHost(db: Db, tenantId: string) {
  return db
    .selectFrom('commands')
    .innerJoin('agents', 'agents.id', 'commands.agent_id')
    .select(['commands.id', 'commands.agent_id', 'agents.hostname', 'agents.last_seen_at', 'commands.action_type'])
    .select(['commands.state', 'commands.created_at', 'commands.acked_at', 'commands.result', 'agents.revoked_at'])
    .where('commands.tenant_id', '=', tenantId)
    .orderBy('agents.hostname')
    .orderBy('commands.id')
}

type HostCommandRow = Awaited<ReturnType<ReturnType<typeof selectWithHost>['execute']>>[number]

function toHostCommand(row: HostCommandRow): HostCommand {
  return {
    id: row.id,
    agentId: row.agent_id,
    hostname: row.hostname,
    lastSeenAt: row.last_seen_at,
    revoked: row.revoked_at !== null,
    actionType: row.action_type,
    state: row.state as CommandState,
    createdAt: row.created_at,
    ackedAt: row.acked_at,
    result: row.result,
  }
}
