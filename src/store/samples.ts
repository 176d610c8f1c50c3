import type { Db, Tx } from './db.ts'

/** What a sample left behind in the store. */
export interface SampleRows {
  readonly incidentId: string
  readonly alertIds: readonly string[]
  readonly taskIds: readonly string[]
}

/** Ids of every task that stands in the incident, those that people added among them. */
export async function listTaskIds(db: Db, tenantId: string, incidentId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('tasks')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('incident_id', '=', Number(incidentId))
    .execute()
  return rows.map(({ id }) => id)
}

/** Ids of the incident's alerts that are not among these. */
export async function listOtherAlerts(db: Db, tenantId: string, rows: SampleRows): Promise<string[]> {
  const found = await db
    .selectFrom('alerts')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('incident_id', '=', Number(rows.incidentId))
    .where('id', 'not in', [...rows.alertIds])
    .limit(1_000)
    .execute()
  return found.map(({ id }) => id)
}

/** True while a run of one of the tasks has not ended. */
export async function hasLiveRun(db: Db, tenantId: string, taskIds: readonly string[]): Promise<boolean> {
  const found = await db
    .selectFrom('executions')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('task_id', 'in', [...taskIds])
    .where('live', '=', 1)
    .limit(1)
    .execute()
  return found.length > 0
}

/** Removes the incident with its alerts and tasks, and what hangs on them. The audit log keeps what was done. */
export async function deleteSampleRows(tx: Tx, tenantId: string, rows: SampleRows): Promise<void> {
  const tasks = [...rows.taskIds]
  const alerts = [...rows.alertIds]
  const asked = tx.selectFrom('approvals').select('id').where('tenant_id', '=', tenantId).where('task_id', 'in', tasks)
  await tx.deleteFrom('approval_votes').where('tenant_id', '=', tenantId).where('approval_id', 'in', asked).execute()
  await tx.deleteFrom('approvals').where('tenant_id', '=', tenantId).where('task_id', 'in', tasks).execute()
  await tx.deleteFrom('answers').where('tenant_id', '=', tenantId).where('task_id', 'in', tasks).execute()
  await tx.deleteFrom('executions').where('tenant_id', '=', tenantId).where('task_id', 'in', tasks).execute()
  await tx.deleteFrom('task_targets').where('tenant_id', '=', tenantId).where('task_id', 'in', tasks).execute()
  await tx.deleteFrom('tasks').where('tenant_id', '=', tenantId).where('id', 'in', tasks).execute()
  await tx.deleteFrom('alert_joins').where('tenant_id', '=', tenantId).where('alert_id', 'in', alerts).execute()
  await tx.deleteFrom('alert_entities').where('tenant_id', '=', tenantId).where('alert_id', 'in', alerts).execute()
  await tx.deleteFrom('alerts').where('tenant_id', '=', tenantId).where('id', 'in', alerts).execute()
  const id = Number(rows.incidentId)
  await tx.deleteFrom('incidents').where('tenant_id', '=', tenantId).where('id', '=', id).execute()
}
