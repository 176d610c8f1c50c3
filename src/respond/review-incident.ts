import { CordonError } from '../model/errors.ts'
import { laterThan } from '../model/instant.ts'
import { newComment } from '../store/comments.ts'
import type { Tx } from '../store/db.ts'
import { noticeJob } from '../store/deliveries.ts'
import {
  type IncidentDoc,
  type PersonSet,
  readIncidentForUpdate,
  type StoredIncident,
  updateIncident,
} from '../store/incidents.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { type AcceptedVersions, requireVersion } from './precondition.ts'
import type { ReviewDeps } from './review.ts'

/** The writable properties of an incident; absent ones keep their value. */
export type IncidentChange = Partial<
  Pick<
    IncidentDoc,
    | 'assignedTo'
    | 'classification'
    | 'customTags'
    | 'description'
    | 'determination'
    | 'displayName'
    | 'resolvingComment'
    | 'severity'
    | 'status'
    | 'summary'
  >
>

/**
 * Changes an incident on a person's behalf.
 * @returns the incident as stored afterwards; the very same when nothing differs
 * @throws CordonError NotFound; PreconditionFailed for another version; Conflict when it was merged away and the change would change
 * anything; BadRequest for status redirected
 * @source design contract 4
 */
export async function changeIncident(
  deps: ReviewDeps,
  actor: Actor,
  id: string,
  change: IncidentChange,
  accepted: AcceptedVersions = null,
): Promise<StoredIncident> {
  return deps.store.transaction(async (tx) => {
    const incident = await readForChange(tx, actor, id)
    requireVersion(incident.version, accepted)
    const doc = incident.doc
    if (change.status === 'redirected' && doc.status !== 'redirected') {
      throw new CordonError('BadRequest', "Property 'status' cannot be set to redirected; merge incidents instead.", {
        target: 'status',
      })
    }
    const names = changedProperties(doc, change)
    if (names.length === 0) return incident
    refuseRedirected(incident)
    const now = deps.clock.now()
    const next = await updateIncident(tx, {
      ...incident,
      personSet: markPersonSet(incident.personSet, names),
      doc: {
        ...doc,
        ...change,
        lastModifiedBy: actor.name,
        lastUpdateDateTime: laterThan(doc.lastUpdateDateTime, now),
      },
    })
    await recordChange(tx, {
      at: now,
      actor,
      audit: {
        action: 'updateIncident',
        objectType: 'incident',
        objectId: id,
        decision: 'allowed',
        before: doc,
        after: next.doc,
        details: { properties: names },
      },
      events: [{ change: 'updated', resource: 'incident', objectId: id }],
      jobs:
        next.doc.status === 'awaitingAction' && doc.status !== 'awaitingAction'
          ? [
              noticeJob(deps.ids.guid(), {
                event: 'awaitingAction',
                incidentId: id,
                taskId: null,
                executionId: null,
                at: now,
              }),
            ]
          : [],
    })
    return next
  })
}

/**
 * Adds a comment at the end of an incident's list.
 * @throws CordonError NotFound; Conflict when it was merged away
 * @source design contract 5
 */
export async function commentIncident(
  deps: ReviewDeps,
  actor: Actor,
  id: string,
  comment: string,
): Promise<StoredIncident> {
  return deps.store.transaction(async (tx) => {
    const incident = await readForChange(tx, actor, id)
    refuseRedirected(incident)
    const now = deps.clock.now()
    const next = await updateIncident(tx, {
      ...incident,
      doc: {
        ...incident.doc,
        comments: [...incident.doc.comments, newComment(actor, comment, now)],
        lastModifiedBy: actor.name,
        lastUpdateDateTime: laterThan(incident.doc.lastUpdateDateTime, now),
      },
    })
    await recordChange(tx, {
      at: now,
      actor,
      audit: {
        action: 'commentIncident',
        objectType: 'incident',
        objectId: id,
        decision: 'allowed',
        before: incident.doc,
        after: next.doc,
      },
      events: [{ change: 'updated', resource: 'incident', objectId: id }],
    })
    return next
  })
}

/** Names of the properties whose value the change would alter. */
export function changedProperties<T extends object>(doc: T, change: Partial<T>): (keyof T & string)[] {
  const names = Object.keys(change) as (keyof T & string)[]
  return names.filter((name) => JSON.stringify(doc[name]) !== JSON.stringify(change[name]))
}

async function readForChange(tx: Tx, actor: Actor, id: string): Promise<StoredIncident> {
  const incident = await readIncidentForUpdate(tx, actor.tenantId, id)
  if (!incident) throw new CordonError('NotFound', `Incident ${id} not found.`)
  return incident
}

function refuseRedirected(incident: StoredIncident): void {
  const { redirectIncidentId, id } = incident.doc
  if (redirectIncidentId !== null) {
    throw new CordonError('Conflict', `Incident ${id} was merged into ${redirectIncidentId}; change that one.`)
  }
}

function markPersonSet(before: readonly PersonSet[], names: readonly string[]): PersonSet[] {
  const watched: readonly PersonSet[] = ['displayName', 'severity']
  return watched.filter((name) => before.includes(name) || names.includes(name))
}
