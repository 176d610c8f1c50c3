import { actionKinds, isActionType } from '../model/actions.ts'
import { keepNames, type ThingName } from '../model/execution.ts'
import type { IncidentTask } from '../model/generated.ts'
import { numberOf } from '../model/graph-values.ts'
import { type Db, holdRows, type Tx } from './db.ts'
import type { TaskRow } from './schema.ts'
import { noteTargets } from './task-targets.ts'

/** A task's Graph form without its incident, which a merge may change. */
export type TaskDoc = Omit<IncidentTask, 'incident'>

/** A task as stored. */
export interface StoredTask {
  readonly tenantId: string
  readonly doc: TaskDoc
  readonly incidentId: string
  /** Id of who attached it to the incident, who never approves it; null where that is not known. */
  readonly proposedBy: string | null
  /** Set back to open by a person since its last execution. */
  readonly reopened: boolean
  /** Counts changes; the ETag. 0 before the first write. */
  readonly version: number
}

const columns = [
  'tenant_id',
  'doc',
  'incident_id',
  'proposed_by',
  'reopened',
  'version',
] as const satisfies readonly (keyof TaskRow)[]

/** Reads one task of a tenant; null when the tenant has none with this id. */
export async function readTask(db: Db, tenantId: string, id: string): Promise<StoredTask | null> {
  const row = await db
    .selectFrom('tasks')
    .select(columns)
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row ? toStored(row) : null
}

/** The first tasks of an incident, oldest first. */
export async function listTasksOfIncident(
  db: Db,
  tenantId: string,
  incidentId: string,
  most: number,
): Promise<StoredTask[]> {
  const rows = await db
    .selectFrom('tasks')
    .select(columns)
    .where('tenant_id', '=', tenantId)
    .where('incident_id', '=', Number(incidentId))
    .orderBy('created_at')
    .orderBy('id')
    .limit(most)
    .execute()
  return rows.map(toStored)
}

/** As {@link readTask}, holding the row until the transaction ends. */
export async function readTaskForUpdate(tx: Tx, tenantId: string, id: string): Promise<StoredTask | null> {
  const query = tx.selectFrom('tasks').select(columns).where('tenant_id', '=', tenantId).where('id', '=', id)
  const row = await holdRows(tx, query).executeTakeFirst()
  return row ? toStored(row) : null
}

/** Writes a new task. */
export async function insertTask(tx: Tx, task: StoredTask): Promise<StoredTask> {
  const next = { ...task, version: 1 }
  await tx.insertInto('tasks').values(toTaskRow(next)).execute()
  const { doc, tenantId } = task
  await noteTargets(tx, tenantId, doc.id, doc.createdDateTime, namesIn(doc))
  return next
}

/** Writes a task read in this transaction; its version goes up by one. Returns it as now stored. */
export async function writeTask(tx: Tx, task: StoredTask): Promise<StoredTask> {
  const next = { ...task, version: task.version + 1 }
  const { tenant_id, id, ...values } = toTaskRow(next)
  await tx.updateTable('tasks').set(values).where('tenant_id', '=', tenant_id).where('id', '=', id).execute()
  return next
}

/** How many guided tasks of an incident still wait for or occupy somebody (open or inProgress). */
export async function countOpenGuidedTasks(db: Db, tenantId: string, incidentId: string): Promise<number> {
  const row = await db
    .selectFrom('tasks')
    .select((eb) => eb.fn.countAll<number>().as('waiting'))
    .where('tenant_id', '=', tenantId)
    .where('incident_id', '=', Number(incidentId))
    .where('source', '=', numberOf('incidentTaskSource', 'defenderExpertsGuidedResponse'))
    .where('status', 'in', [numberOf('incidentTaskStatus', 'open'), numberOf('incidentTaskStatus', 'inProgress')])
    .executeTakeFirstOrThrow()
  return Number(row.waiting)
}

/** What the task's response action names; nothing for one that acts on nothing. */
function namesIn({ actionType, responseAction }: TaskDoc): readonly ThingName[] {
  if (responseAction === null || !isActionType(actionType)) return []
  const { targetKind } = actionKinds[actionType]
  const host = 'deviceId' in responseAction ? (responseAction.deviceId ?? '') : ''
  return keepNames([
    { kind: targetKind, value: responseAction.identifierValue },
    { kind: 'device', value: host },
  ])
}

/** A row as it is worked with. */
export function toStored(
  row: Pick<TaskRow, 'tenant_id' | 'doc' | 'incident_id' | 'proposed_by' | 'reopened' | 'version'>,
): StoredTask {
  return {
    tenantId: row.tenant_id,
    doc: JSON.parse(row.doc),
    incidentId: String(row.incident_id),
    proposedBy: row.proposed_by,
    reopened: row.reopened === 1,
    version: row.version,
  }
}

/** The columns that repeat what lies in `doc`, for whoever writes rows in bulk. */
export function toTaskRow(task: StoredTask): TaskRow {
  const { doc } = task
  return {
    tenant_id: task.tenantId,
    id: doc.id,
    incident_id: Number(task.incidentId),
    status: numberOf('incidentTaskStatus', doc.status),
    action_status: numberOf('incidentTaskActionStatus', doc.actionStatus),
    action_type: numberOf('incidentTaskActionType', doc.actionType),
    source: numberOf('incidentTaskSource', doc.source),
    display_name: doc.displayName,
    created_at: doc.createdDateTime,
    updated_at: doc.lastModifiedDateTime,
    proposed_by: task.proposedBy,
    reopened: task.reopened ? 1 : 0,
    version: task.version,
    doc: JSON.stringify(doc),
  }
}
