import { CordonError } from '../model/errors.ts'
import { laterThan } from '../model/instant.ts'
import {
  type AlertDoc,
  countOpenAlerts,
  readAlert,
  readAlertForUpdate,
  type StoredAlert,
  updateAlert,
} from '../store/alerts.ts'
import { newComment } from '../store/comments.ts'
import type { Tx } from '../store/db.ts'
import { readIncidentForUpdate, type StoredIncident, updateIncident } from '../store/incidents.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { type AcceptedVersions, requireVersion } from './precondition.ts'
import type { ReviewDeps } from './review.ts'
import { changedProperties } from './review-incident.ts'

/** The writable properties of an alert; absent ones keep their value. */
export type AlertChange = Partial<
  Pick<AlertDoc, 'assignedTo' | 'classification' | 'customDetails' | 'determination' | 'status'>
>

/**
 * Changes an alert on a person's behalf. resolvedDateTime follows the status: set when it becomes resolved, null again when reopened. With
 * its last open alert the incident is resolved too.
 * @throws CordonError NotFound; PreconditionFailed for another version
 * @source design contract 11
 */
export async function changeAlert(
  deps: ReviewDeps,
  actor: Actor,
  id: string,
  change: AlertChange,
  accepted: AcceptedVersions = null,
): Promise<StoredAlert> {
  return deps.store.transaction(async (tx) => {
    const incident = change.status === 'resolved' ? await holdIncident(tx, actor, id) : null
    const alert = await readForChange(tx, actor, id)
    requireVersion(alert.version, accepted)
    const names = changedProperties(alert.doc, change)
    if (names.length === 0) return alert
    const now = deps.clock.now()
    const status = change.status ?? alert.doc.status
    const resolvedDateTime = status === 'resolved' ? (alert.doc.resolvedDateTime ?? now) : null
    const doc = { ...alert.doc, ...change, resolvedDateTime }
    const next = await writeChange(tx, actor, alert, doc, 'updateAlert', now, names)
    if (incident !== null && names.includes('status')) {
      // Between the two reads it may have been moved.
      const isSame = incident.doc.id === next.incidentId
      const owner = isSame ? incident : await readIncidentForUpdate(tx, actor.tenantId, next.incidentId)
      if (owner !== null) await resolveIncident(tx, actor, owner, next, now)
    }
    return next
  })
}

/** Held before the alert, as everything that moves alerts does it; also so that of two last alerts one sees the other resolved. */
async function holdIncident(tx: Tx, actor: Actor, alertId: string): Promise<StoredIncident | null> {
  const alert = await readAlert(tx, actor.tenantId, alertId)
  return alert === null ? null : readIncidentForUpdate(tx, actor.tenantId, alert.incidentId)
}

/**
 * Resolves the incident when this was the last of its alerts that was not. One that waits for the customer goes on waiting: its tasks say
 * when that ends.
 * @source observed on the live service (wazuh#38230); design contract 4
 */
async function resolveIncident(
  tx: Tx,
  actor: Actor,
  incident: StoredIncident,
  alert: StoredAlert,
  now: string,
): Promise<void> {
  const { doc } = incident
  if (doc.status !== 'active' && doc.status !== 'inProgress') return
  if ((await countOpenAlerts(tx, actor.tenantId, doc.id)) > 0) return
  const system: Actor = { ...actor, id: 'auto-resolve', kind: 'system', name: 'Cordon auto-resolve' }
  const next = await updateIncident(tx, {
    ...incident,
    doc: {
      ...doc,
      status: 'resolved',
      resolvingComment: `Resolved automatically: all alerts of this incident are resolved, ${alert.doc.id} as the last.`,
      lastModifiedBy: system.name,
      lastUpdateDateTime: laterThan(doc.lastUpdateDateTime, now),
    },
  })
  await recordChange(tx, {
    at: now,
    actor: system,
    audit: {
      action: 'autoResolveIncident',
      objectType: 'incident',
      objectId: doc.id,
      decision: 'allowed',
      before: doc,
      after: next.doc,
      details: { lastAlertId: alert.doc.id, resolvedBy: actor.name, status: { from: doc.status, to: 'resolved' } },
    },
    events: [{ change: 'updated', resource: 'incident', objectId: doc.id }],
  })
}

/**
 * Adds comments at the end of an alert's list, in the order given.
 * @throws CordonError NotFound
 * @source design contract 5
 */
export async function commentAlert(
  deps: ReviewDeps,
  actor: Actor,
  id: string,
  comments: readonly string[],
): Promise<StoredAlert> {
  return deps.store.transaction(async (tx) => {
    const alert = await readForChange(tx, actor, id)
    const now = deps.clock.now()
    const added = comments.map((comment) => newComment(actor, comment, now))
    const doc = { ...alert.doc, comments: [...alert.doc.comments, ...added] }
    return writeChange(tx, actor, alert, doc, 'commentAlert', now, ['comments'])
  })
}

async function readForChange(tx: Tx, actor: Actor, id: string): Promise<StoredAlert> {
  const alert = await readAlertForUpdate(tx, actor.tenantId, id)
  if (!alert) throw new CordonError('NotFound', `Alert ${id.slice(0, 100)} not found.`)
  return alert
}

async function writeChange(
  tx: Tx,
  actor: Actor,
  alert: StoredAlert,
  doc: AlertDoc,
  action: string,
  now: string,
  properties: readonly string[],
): Promise<StoredAlert> {
  const previous = alert.doc.lastUpdateDateTime ?? now
  const next = await updateAlert(tx, { ...alert, doc: { ...doc, lastUpdateDateTime: laterThan(previous, now) } })
  await recordChange(tx, {
    at: now,
    actor,
    audit: {
      action,
      objectType: 'alert',
      objectId: alert.doc.id,
      decision: 'allowed',
      before: alert.doc,
      after: next.doc,
      details: { properties },
    },
    events: [{ change: 'updated', resource: 'alert', objectId: alert.doc.id }],
  })
  return next
}
