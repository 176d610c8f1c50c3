import { makeInert, type NoticeMessage } from '../../model/notices/message.ts'
import { type Notice, severityOf } from '../../model/notices/notice.ts'
import { findTenant } from '../../store/access.ts'
import type { Db } from '../../store/db.ts'
import { readExecution } from '../../store/executions.ts'
import { readIncident, type StoredIncident } from '../../store/incidents.ts'
import { readTask } from '../../store/tasks.ts'

/** A message before it has a receiver and so an id. */
export type Draft = Omit<NoticeMessage, 'id'>

const maxName = 200
const maxRemark = 300

/**
 * Says what a notice is about, as it stands now; null when the incident is gone. Names are made inert here, once for all channels.
 * @param origin of the portal
 */
export async function composeMessage(db: Db, tenantId: string, notice: Notice, origin: string): Promise<Draft | null> {
  const incident = await readSurvivor(db, tenantId, notice.incidentId)
  if (incident === null) return null
  const [tenant, task, execution] = await Promise.all([
    findTenant(db, tenantId),
    notice.taskId === null ? null : readTask(db, tenantId, notice.taskId),
    notice.executionId === null ? null : readExecution(db, tenantId, notice.executionId),
  ])
  const { id, displayName, severity } = incident.doc
  const action = task?.doc.responseAction ?? null
  const target = execution?.target.displayName ?? action?.identifierValue ?? ''
  const failed = notice.event === 'executionFailed' || notice.event === 'outcomeUnknown'
  return {
    event: notice.event,
    severity: severityOf(severity),
    at: notice.at,
    tenant: { id: tenantId, name: makeInert(tenant?.name ?? '', maxName) },
    incident: { id, name: makeInert(displayName ?? '', maxName) },
    task: task === null ? null : { id: task.doc.id, name: makeInert(task.doc.displayName, maxName) },
    action:
      task === null ? null : { type: execution?.actionType ?? task.doc.actionType, target: makeInert(target, maxName) },
    remark: failed ? makeInert(execution?.reason ?? execution?.reasonCode ?? '', maxRemark) : '',
    link: `${origin}/t/${tenantId}/incidents/${id}${task === null ? '' : `/tasks/${encodeURIComponent(task.doc.id)}`}`,
  }
}

/** The incident, or the one it was merged into. */
async function readSurvivor(db: Db, tenantId: string, id: string): Promise<StoredIncident | null> {
  const incident = await readIncident(db, tenantId, id)
  const into = incident?.doc.redirectIncidentId ?? null
  return into === null ? incident : readIncident(db, tenantId, into)
}
