import type { ThingName } from '../model/execution.ts'
import type { Db, Tx } from './db.ts'

/** Notes by which names a task's target goes, so that what was done about a thing is found. Names that are noted already stay. */
export async function noteTargets(
  tx: Tx,
  tenantId: string,
  taskId: string,
  at: string,
  names: readonly ThingName[],
): Promise<void> {
  if (names.length === 0) return
  await tx
    .insertInto('task_targets')
    .values(names.map(({ kind, value }) => ({ tenant_id: tenantId, kind, value, task_id: taskId, named_at: at })))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** The tasks whose target goes by one of these names, those named last first, each once. */
export async function listTasksNaming(
  db: Db,
  tenantId: string,
  kind: string,
  values: readonly string[],
  limit: number,
): Promise<string[]> {
  if (values.length === 0) return []
  const rows = await db
    .selectFrom('task_targets')
    .select((eb) => ['task_id', eb.fn.max('named_at').as('last_at')])
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', kind)
    .where('value', 'in', [...values])
    .groupBy('task_id')
    .orderBy('last_at', 'desc')
    .orderBy('task_id')
    .limit(limit)
    .execute()
  return rows.map((row) => row.task_id)
}

/** The names of what each of these tasks acts on. */
export async function listTargetNames(
  db: Db,
  tenantId: string,
  taskIds: readonly string[],
): Promise<readonly (ThingName & { readonly taskId: string })[]> {
  if (taskIds.length === 0) return []
  const rows = await db
    .selectFrom('task_targets')
    .select(['kind', 'value', 'task_id'])
    .where('tenant_id', '=', tenantId)
    .where('task_id', 'in', [...taskIds])
    .execute()
  return rows.map(({ kind, value, task_id: taskId }) => ({ kind, value, taskId }))
}
