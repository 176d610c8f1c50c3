import { laterThan } from '../model/instant.ts'
import { type AlertDoc, readAlertForUpdate, updateAlert } from '../store/alerts.ts'
import type { Tx } from '../store/db.ts'
import { replaceAlertEntities } from '../store/intake.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { alertEntityRows, type Prepared } from './prepared.ts'

/**
 * Takes in an alert that is known already. A sensor's repeat changes nothing; a Graph-shaped alert that says something else replaces what
 * its sender owns. What people decide about an alert (status, classification, determination, owner, comments) and its incident stay.
 * @returns whether anything was written
 */
export async function resendAlert(tx: Tx, actor: Actor, { id, alert }: Prepared, now: string): Promise<boolean> {
  if (!alert.source.startsWith('graph:')) return false
  const stored = await readAlertForUpdate(tx, actor.tenantId, id)
  if (stored === null) return false
  const { doc } = stored
  const { status, classification, determination, assignedTo, createdDateTime, ...content } = alert.content
  const next: AlertDoc = { ...doc, ...content }
  if (isSame(next, doc)) return false
  const lastUpdateDateTime = laterThan(doc.lastUpdateDateTime ?? now, now)
  const updated = await updateAlert(tx, { ...stored, doc: { ...next, lastUpdateDateTime } })
  await replaceAlertEntities(tx, actor.tenantId, id, alertEntityRows(actor.tenantId, id, alert))
  await recordChange(tx, {
    at: now,
    actor,
    audit: {
      action: 'resendAlert',
      objectType: 'alert',
      objectId: id,
      decision: 'allowed',
      before: doc,
      after: updated.doc,
    },
    events: [{ change: 'updated', resource: 'alert', objectId: id }],
  })
  return true
}

/** Equal content; blanks that became the time of arrival do not count. */
function isSame(a: AlertDoc, b: AlertDoc): boolean {
  return JSON.stringify(comparable(a)) === JSON.stringify(comparable(b))
}

function comparable(doc: AlertDoc): unknown {
  const { firstActivityDateTime, lastActivityDateTime, evidence, ...rest } = doc
  const items = evidence.map(({ createdDateTime, ...item }) => item)
  return sortKeys({ ...rest, evidence: items })
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, item]) => [name, sortKeys(item)]))
}
