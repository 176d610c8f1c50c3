import { CordonError } from '../model/errors.ts'
import { laterThan } from '../model/instant.ts'
import { type AlertDoc, readAlertForUpdate, type StoredAlert, updateAlert } from '../store/alerts.ts'
import type { Tx } from '../store/db.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { type AcceptedVersions, requireVersion } from './precondition.ts'
import type { ReviewDeps } from './review.ts'
import { changedProperties, newComment } from './review-incident.ts'

/** The writable properties of an alert; absent ones keep their value. */
export type AlertChange = Partial<
  Pick<AlertDoc, 'assignedTo' | 'classification' | 'customDetails' | 'determination' | 'status'>
>

/**
 * Changes an alert on a person's behalf. resolvedDateTime follows the status: set when it becomes resolved, null again when reopened.
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
    const alert = await readForChange(tx, actor, id)
    requireVersion(alert.version, accepted)
    const names = changedProperties(alert.doc, change)
    if (names.length === 0) return alert
    const now = deps.clock.now()
    const status = change.status ?? alert.doc.status
    const resolvedDateTime = status === 'resolved' ? (alert.doc.resolvedDateTime ?? now) : null
    return writeChange(tx, actor, alert, { ...alert.doc, ...change, resolvedDateTime }, 'updateAlert', now, names)
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
