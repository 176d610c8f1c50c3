import type { Clock } from '../../io/clock.ts'
import type { JobHandler } from '../../jobs/worker.ts'
import { readAlert } from '../../store/alerts.ts'
import type { Store } from '../../store/db.ts'
import { readIncident } from '../../store/incidents.ts'
import type { Actor } from '../../store/record.ts'
import { readTask } from '../../store/tasks.ts'
import { maxEvidence, sensorAlert } from '../content.ts'
import { mergeIncidents } from '../correlation/merge-incidents.ts'
import { moveAlerts } from '../correlation/move-alerts.ts'
import { deviceEvidence, fileEvidence } from '../evidence.ts'
import { type Fields, isFields, numberAt, objectAt, textAt } from '../fields.ts'
import type { NormalisedAlert } from '../normalised.ts'
import { receiveOne } from '../receive.ts'

/** What recording findings needs. */
export interface FindingsDeps {
  readonly store: Store
  readonly clock: Clock
}

/** What intake does by jobs, by kind of job. */
export function findingsHandlers(deps: FindingsDeps): Readonly<Record<string, JobHandler>> {
  return { 'record-findings': createRecordFindings(deps) }
}

/**
 * Handler of `record-findings`: what a scan found becomes an alert of the incident whose task ordered the scan, with the host and each file
 * as evidence. The same scan again is the same alert.
 * @source design actions 7.4
 */
function createRecordFindings(deps: FindingsDeps): JobHandler {
  return async (job) => {
    if (!isFields(job.payload)) throw new TypeError('the job holds no findings')
    const task = await readTask(deps.store.read, job.tenantId, textAt(job.payload, 'taskId') ?? '')
    if (task === null) return undefined
    const actor: Actor = { tenantId: job.tenantId, id: 'findings', kind: 'system', name: 'Cordon scan findings' }
    const { alert } = await receiveOne(deps, actor, toAlert(job.payload, deps.clock.now()))
    await bringHome(deps, actor, alert.doc.id, task.incidentId)
    return undefined
  }
}

/** Puts the alert into the incident of its task: an incident that was opened for it alone is merged, out of any other it is moved. */
async function bringHome(deps: FindingsDeps, actor: Actor, alertId: string, wanted: string): Promise<void> {
  const alert = await readAlert(deps.store.read, actor.tenantId, alertId)
  const incident = await readIncident(deps.store.read, actor.tenantId, alert?.incidentId ?? '')
  const home = await readIncident(deps.store.read, actor.tenantId, wanted)
  const target = home?.doc.redirectIncidentId ?? wanted
  if (alert === null || incident === null || incident.doc.id === target) return
  const why = { comment: null, reasons: null }
  if (incident.alertCount === 1) {
    await mergeIncidents(deps, actor, { incidentIds: [target, incident.doc.id], ...why })
  } else await moveAlerts(deps, actor, { alertIds: [alertId], incidentId: target, ...why })
}

function toAlert(payload: Fields, receivedAt: string): NormalisedAlert {
  const device = objectAt(payload, 'device')
  const hostName = textAt(device, 'hostname') ?? 'unknown'
  const listed: unknown = payload.findings
  const findings = (Array.isArray(listed) ? listed : []).filter(isFields)
  const total = numberAt(payload, 'total') ?? findings.length
  const at = textAt(payload, 'at') ?? receivedAt
  const shared = { createdDateTime: at, verdict: 'malicious' as const }
  const [first] = findings
  return sensorAlert({
    source: `cordon-agent:${textAt(device, 'id') ?? hostName}`,
    providerAlertId: `scan:${textAt(payload, 'commandId') ?? ''}`,
    detectorId: 'runAntiVirusScan',
    productName: textAt(payload, 'engine') ?? 'ClamAV',
    title: `Malware found on ${hostName}`,
    description: `${total} finding(s) of a scan, the first: ${textAt(first ?? {}, 'signature') ?? 'unnamed'}.`,
    severity: 'high',
    at,
    receivedAt,
    categories: ['Malware'],
    threatFamilyName: textAt(first ?? {}, 'signature'),
    evidence: [
      deviceEvidence({ createdDateTime: at, hostName }),
      ...findings.slice(0, maxEvidence - 1).map((finding) => {
        const path = textAt(finding, 'path') ?? ''
        const slash = path.lastIndexOf('/')
        return fileEvidence(
          { ...shared, tags: [textAt(finding, 'signature') ?? 'unnamed'] },
          {
            fileName: path.slice(slash + 1),
            filePath: path.slice(0, Math.max(slash, 1)),
            fileSize: numberAt(finding, 'size'),
            sha1: textAt(finding, 'sha1'),
            sha256: textAt(finding, 'sha256'),
          },
        )
      }),
    ],
    additionalData: { findings: total, commandId: textAt(payload, 'commandId') ?? '' },
  })
}
