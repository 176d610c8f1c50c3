import { type ExpressionBuilder, sql } from 'kysely'
import type { Target } from '../model/execution.ts'
import type { Db } from './db.ts'
import type { Schema } from './schema.ts'
import type { ExecutionRow } from './schema-respond.ts'

/** Which executions are meant; several values of one name mean any of them. Instants: `from` is included, `to` is not. */
export interface ExecutionFilter {
  readonly state?: readonly string[]
  readonly actionType?: readonly string[]
  /** Id or name of who asked for it. */
  readonly requestedBy?: readonly string[]
  readonly from?: string
  readonly to?: string
}

/** An execution as it stands in a list, with what its task says about it; parameters, result and proof are read one by one. */
export interface ListedExecution {
  readonly id: string
  readonly taskId: string
  readonly taskDisplayName: string
  readonly incidentId: string
  readonly kind: string
  /** The execution this one takes back. */
  readonly undoes: string | null
  /** The execution this one tries again. */
  readonly supersedes: string | null
  readonly actionType: string
  readonly state: string
  readonly reasonCode: string | null
  readonly reason: string | null
  readonly requestedBy: { readonly id: string; readonly name: string; readonly kind: string }
  readonly connector: string | null
  readonly target: Target
  readonly holds: boolean
  readonly requestedAt: string
  readonly notAfter: string
  readonly startedAt: string | null
  readonly finishedAt: string | null
  /** The newest undo that takes it back, or is to; null where there is none. */
  readonly undoneBy: { readonly id: string; readonly state: string } | null
}

const columns = [
  'id',
  'task_id',
  'kind',
  'undoes',
  'supersedes',
  'action_type',
  'state',
  'reason_code',
  'reason',
  'requested_by',
  'requested_by_name',
  'requested_by_kind',
  'connector',
  'target',
  'holds',
  'requested_at',
  'not_after',
  'started_at',
  'finished_at',
] as const satisfies readonly (keyof ExecutionRow)[]

/** Where a page ended: newest first, by this and then by id. */
export interface ExecutionPlace {
  readonly requestedAt: string
  readonly id: string
}

/** The executions of a tenant that a filter means, newest first, from just behind a place. */
export async function pageExecutions(
  db: Db,
  tenantId: string,
  filter: ExecutionFilter,
  behind: ExecutionPlace | null,
  limit: number,
): Promise<ListedExecution[]> {
  let query = db
    .selectFrom('executions')
    .innerJoin('tasks', (join) =>
      join.onRef('tasks.tenant_id', '=', 'executions.tenant_id').onRef('tasks.id', '=', 'executions.task_id'),
    )
    .select(columns.map((column) => `executions.${column}` as const))
    .select(['tasks.display_name as task_display_name', 'tasks.incident_id as incident_id'])
    .where('executions.tenant_id', '=', tenantId)
    .where((eb) => isMeant(eb, filter))
  if (behind !== null) {
    const { requestedAt, id } = behind
    query = query.where(sql<boolean>`(executions.requested_at, executions.id) < (${requestedAt}, ${id})`)
  }
  const rows = await query
    .orderBy('executions.requested_at', 'desc')
    .orderBy('executions.id', 'desc')
    .limit(limit)
    .execute()
  const undone = await readUndone(
    db,
    tenantId,
    rows.filter(({ kind }) => kind === 'run').map((row) => row.task_id),
  )
  return rows.map((row) => ({
    id: row.id,
    taskId: row.task_id,
    taskDisplayName: row.task_display_name,
    incidentId: String(row.incident_id),
    kind: row.kind,
    undoes: row.undoes,
    undoneBy: undone.get(row.id) ?? null,
    supersedes: row.supersedes,
    actionType: row.action_type,
    state: row.state,
    reasonCode: row.reason_code,
    reason: row.reason,
    requestedBy: { id: row.requested_by, name: row.requested_by_name, kind: row.requested_by_kind },
    connector: row.connector,
    target: JSON.parse(row.target),
    holds: row.holds === 1,
    requestedAt: row.requested_at,
    notAfter: row.not_after,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  }))
}

/** How many a filter means. */
export async function countExecutions(db: Db, tenantId: string, filter: ExecutionFilter): Promise<number> {
  const row = await db
    .selectFrom('executions')
    .select((eb) => eb.fn.countAll<number>().as('found'))
    .where('executions.tenant_id', '=', tenantId)
    .where((eb) => isMeant(eb, filter))
    .executeTakeFirstOrThrow()
  return Number(row.found)
}

function isMeant(eb: ExpressionBuilder<Schema, 'executions'>, filter: ExecutionFilter) {
  const { state = [], actionType = [], requestedBy = [], from, to } = filter
  return eb.and([
    ...(state.length === 0 ? [] : [eb('executions.state', 'in', state)]),
    ...(actionType.length === 0 ? [] : [eb('executions.action_type', 'in', actionType)]),
    ...(requestedBy.length === 0
      ? []
      : [
          eb.or([
            eb('executions.requested_by', 'in', requestedBy),
            eb('executions.requested_by_name', 'in', requestedBy),
          ]),
        ]),
    ...(from === undefined ? [] : [eb('executions.requested_at', '>=', from)]),
    ...(to === undefined ? [] : [eb('executions.requested_at', '<', to)]),
  ])
}

/** The newest undo of each execution of these tasks that has one. */
async function readUndone(
  db: Db,
  tenantId: string,
  taskIds: readonly string[],
): Promise<ReadonlyMap<string, { readonly id: string; readonly state: string }>> {
  if (taskIds.length === 0) return new Map()
  const undos = await db
    .selectFrom('executions')
    .select(['id', 'state', 'undoes'])
    .where('tenant_id', '=', tenantId)
    .where('task_id', 'in', [...new Set(taskIds)])
    .where('kind', '=', 'undo')
    .orderBy('requested_at')
    .orderBy('id')
    .execute()
  return new Map(undos.flatMap(({ id, state, undoes }) => (undoes === null ? [] : [[undoes, { id, state }] as const])))
}
