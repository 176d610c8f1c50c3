import { type SelectQueryBuilder, sql } from 'kysely'
import type { ActionType } from '../model/actions.ts'
import { type ExecutionResult, namesOfTarget, type Target } from '../model/execution.ts'
import { type ExecutionState, isLive } from '../model/execution-state.ts'
import { type Db, holdRows, type Tx } from './db.ts'
import type { Schema } from './schema.ts'
import type { AnswerRow, ExecutionRow } from './schema-respond.ts'
import { noteTargets } from './task-targets.ts'

/** Who wants an execution. */
export interface Requester {
  readonly id: string
  readonly name: string
  readonly kind: 'application' | 'user' | 'agent' | 'system'
}

/** One run of a task's response action, or the undo of one. */
export interface Execution {
  readonly tenantId: string
  readonly id: string
  readonly taskId: string
  readonly kind: 'run' | 'undo'
  /** The execution this one takes back. */
  readonly undoes: string | null
  /** The execution this one tries again. */
  readonly supersedes: string | null
  readonly actionType: ActionType
  readonly state: ExecutionState
  readonly reasonCode: string | null
  readonly reason: string | null
  readonly requestedBy: Requester
  readonly clientRequestId: string | null
  /** Null when nothing known controls the target. */
  readonly connector: string | null
  readonly target: Target
  readonly family: string
  readonly parameters: Readonly<Record<string, unknown>>
  readonly handle: string | null
  readonly result: ExecutionResult | null
  readonly epoch: number
  /** Its effect should last: an isolation nobody has released. */
  readonly holds: boolean
  /** Version of the safety policy it was last weighed by. */
  readonly policyVersion: number
  readonly requestedAt: string
  /** Its place in the line of those that act on the target, and about when it took it; null while it waits for approval. */
  readonly queuedAt: string | null
  readonly notAfter: string
  readonly startedAt: string | null
  readonly finishedAt: string | null
  readonly updatedAt: string
}

/**
 * Writes a new execution.
 * @throws the database's duplicate-key error when the task has a live one already; see {@link ../store/db.ts isDuplicateKey}
 */
export async function insertExecution(tx: Tx, execution: Execution): Promise<void> {
  await tx.insertInto('executions').values(toRow(execution)).execute()
  const { tenantId, taskId, requestedAt, target } = execution
  await noteTargets(tx, tenantId, taskId, requestedAt, namesOfTarget(target))
}

/** Writes an execution read in this transaction. */
export async function writeExecution(tx: Tx, execution: Execution): Promise<void> {
  const { tenant_id, id, ...values } = toRow(execution)
  await tx.updateTable('executions').set(values).where('tenant_id', '=', tenant_id).where('id', '=', id).execute()
}

/** Reads one execution of a tenant. */
export async function readExecution(db: Db, tenantId: string, id: string): Promise<Execution | null> {
  const row = await db
    .selectFrom('executions')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row ? toExecution(row) : null
}

/** As {@link readExecution}, holding the row until the transaction ends. */
export async function readExecutionForUpdate(tx: Tx, tenantId: string, id: string): Promise<Execution | null> {
  const query = tx.selectFrom('executions').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id)
  const row = await holdRows(tx, query).executeTakeFirst()
  return row ? toExecution(row) : null
}

/** Every execution of a task, newest first. */
export async function readExecutionsOfTask(db: Db, tenantId: string, taskId: string): Promise<Execution[]> {
  const rows = await db
    .selectFrom('executions')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('task_id', '=', taskId)
    .orderBy('requested_at', 'desc')
    .orderBy('id', 'desc')
    .execute()
  return rows.map(toExecution)
}

/**
 * The executions without an outcome that act on one target in one family, in the order of their turns. Those that wait for approval have
 * none yet and come last.
 */
export async function readLiveOnTarget(
  db: Db,
  tenantId: string,
  targetKey: string,
  family: string,
): Promise<Execution[]> {
  const rows = await selectLiveOnTarget(db, tenantId, targetKey, family).execute()
  return rows.map(toExecution).sort(byTurn)
}

/** As {@link readLiveOnTarget}, holding the rows until the transaction ends, so that only one of them decides whose turn it is. */
export async function holdLiveOnTarget(
  tx: Tx,
  tenantId: string,
  targetKey: string,
  family: string,
): Promise<Execution[]> {
  const rows = await holdRows(tx, selectLiveOnTarget(tx, tenantId, targetKey, family)).execute()
  return rows.map(toExecution).sort(byTurn)
}

function selectLiveOnTarget(
  db: Db,
  tenantId: string,
  targetKey: string,
  family: string,
): SelectQueryBuilder<Schema, 'executions', ExecutionRow> {
  return (
    db
      .selectFrom('executions')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .where('target_key', '=', targetKey)
      .where('family', '=', family)
      .where('live', '=', 1)
      // The same order for everybody, so that two who hold these rows wait for each other instead of locking each other out.
      .orderBy('id')
  )
}

function byTurn(left: Execution, right: Execution): number {
  const [a, b] = [left, right].map(({ queuedAt, id }) => `${queuedAt ?? '~'} ${id}`)
  return (a ?? '') < (b ?? '') ? -1 : 1
}

/** The latest place in the line of those that act on one target in one family; null when nobody stands there. */
export async function readLastPlace(
  db: Db,
  tenantId: string,
  targetKey: string,
  family: string,
): Promise<string | null> {
  const row = await db
    .selectFrom('executions')
    .select((eb) => eb.fn.max('queued_at').as('place'))
    .where('tenant_id', '=', tenantId)
    .where('target_key', '=', targetKey)
    .where('family', '=', family)
    .where('live', '=', 1)
    .executeTakeFirst()
  return row?.place ?? null
}

/** Executions of a tenant that wait to be handed over, or that a stopped server was about to hand over; oldest first. */
export async function readUndelivered(db: Db, tenantId: string): Promise<Execution[]> {
  const rows = await db
    .selectFrom('executions')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('live', '=', sql.lit(1))
    .where((eb) =>
      eb.or([eb('state', '=', 'queued'), eb.and([eb('state', '=', 'dispatching'), eb('handle', 'is', null)])]),
    )
    .orderBy('queued_at')
    .orderBy('id')
    .execute()
  return rows.map(toExecution)
}

/** The tasks whose executions hold a target in one family, each once, with the incident of each. */
export async function readHolders(
  db: Db,
  tenantId: string,
  targetKey: string,
  family: string,
): Promise<readonly { readonly taskId: string; readonly incidentId: string; readonly executionId: string }[]> {
  const rows = await db
    .selectFrom('executions')
    .innerJoin('tasks', (join) =>
      join.onRef('tasks.tenant_id', '=', 'executions.tenant_id').onRef('tasks.id', '=', 'executions.task_id'),
    )
    .select(['executions.task_id', 'executions.id', 'tasks.incident_id'])
    .where('executions.tenant_id', '=', tenantId)
    .where('executions.target_key', '=', targetKey)
    .where('executions.family', '=', family)
    .where('executions.holds', '=', sql.lit(1))
    .orderBy('executions.finished_at')
    .orderBy('executions.id')
    .execute()
  return rows.map((row) => ({ taskId: row.task_id, incidentId: String(row.incident_id), executionId: row.id }))
}

/** What was done to a target in one family, oldest first. Of what ended within one tick of the clock, what was asked for first had its turn first. */
export async function readDoneOnTarget(
  db: Db,
  tenantId: string,
  targetKey: string,
  family: string,
): Promise<Execution[]> {
  const rows = await db
    .selectFrom('executions')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('target_key', '=', targetKey)
    .where('family', '=', family)
    .where('state', 'in', ['succeeded', 'partial'])
    .orderBy('finished_at')
    .orderBy('requested_at')
    .orderBy('id')
    .execute()
  return rows.map(toExecution)
}

/** Makes executions hold their target again. */
export async function setHolds(tx: Tx, tenantId: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await tx
    .updateTable('executions')
    .set({ holds: 1 })
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', ids)
    .execute()
}

/**
 * Ends what executions hold on a target.
 * @param executionId only that of this one; null: everybody's
 */
export async function dropHolds(
  tx: Tx,
  tenantId: string,
  targetKey: string,
  family: string,
  executionId: string | null,
): Promise<void> {
  const held = tx
    .updateTable('executions')
    .set({ holds: 0 })
    .where('tenant_id', '=', tenantId)
    .where('target_key', '=', targetKey)
    .where('family', '=', family)
    .where('holds', '=', sql.lit(1))
  await (executionId === null ? held : held.where('id', '=', executionId)).execute()
}

/** The stored first answer to this caller's client-request-id, unless it is older than its 24 h. */
export async function readAnswer(
  db: Db,
  tenantId: string,
  caller: string,
  clientRequestId: string,
  now: string,
): Promise<AnswerRow | null> {
  const row = await db
    .selectFrom('answers')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('caller', '=', caller)
    .where('client_request_id', '=', clientRequestId)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return row ?? null
}

/** Stores the first answer; one that has expired gives way. */
export async function insertAnswer(tx: Tx, answer: AnswerRow): Promise<void> {
  const { tenant_id, caller, client_request_id, ...values } = answer
  await tx
    .insertInto('answers')
    .values(answer)
    .onConflict((conflict) => conflict.columns(['tenant_id', 'caller', 'client_request_id']).doUpdateSet(values))
    .execute()
}

/** A row as it is worked with. */
export function toExecution(row: ExecutionRow): Execution {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    taskId: row.task_id,
    kind: row.kind === 'undo' ? 'undo' : 'run',
    undoes: row.undoes,
    supersedes: row.supersedes,
    actionType: row.action_type as ActionType,
    state: row.state as ExecutionState,
    reasonCode: row.reason_code,
    reason: row.reason,
    requestedBy: {
      id: row.requested_by,
      name: row.requested_by_name,
      kind: row.requested_by_kind as Requester['kind'],
    },
    clientRequestId: row.client_request_id,
    connector: row.connector,
    target: JSON.parse(row.target),
    family: row.family,
    parameters: JSON.parse(row.parameters),
    handle: row.handle,
    result: row.result === null ? null : JSON.parse(row.result),
    epoch: row.epoch,
    holds: row.holds === 1,
    policyVersion: row.policy_version,
    requestedAt: row.requested_at,
    queuedAt: row.queued_at,
    notAfter: row.not_after,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    updatedAt: row.updated_at,
  }
}

function toRow(execution: Execution): ExecutionRow {
  return {
    tenant_id: execution.tenantId,
    id: execution.id,
    task_id: execution.taskId,
    kind: execution.kind,
    undoes: execution.undoes,
    supersedes: execution.supersedes,
    action_type: execution.actionType,
    state: execution.state,
    live: isLive(execution.state) ? 1 : 0,
    holds: execution.holds ? 1 : 0,
    reason_code: execution.reasonCode,
    reason: execution.reason,
    requested_by: execution.requestedBy.id,
    requested_by_name: execution.requestedBy.name,
    requested_by_kind: execution.requestedBy.kind,
    client_request_id: execution.clientRequestId,
    connector: execution.connector,
    target: JSON.stringify(execution.target),
    target_key: execution.target.key,
    family: execution.family,
    parameters: JSON.stringify(execution.parameters),
    handle: execution.handle,
    result: execution.result === null ? null : JSON.stringify(execution.result),
    epoch: execution.epoch,
    policy_version: execution.policyVersion,
    requested_at: execution.requestedAt,
    queued_at: execution.queuedAt,
    not_after: execution.notAfter,
    started_at: execution.startedAt,
    finished_at: execution.finishedAt,
    updated_at: execution.updatedAt,
  }
}
