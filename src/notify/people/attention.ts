import { CordonError } from '../../model/errors.ts'
import { laterThan } from '../../model/instant.ts'
import {
  hasSeen,
  insertSight,
  listSights,
  readAcknowledgement,
  readEscalation,
  readEscalationForUpdate,
  writeAcknowledgement,
  writeEscalation,
} from '../../store/attention.ts'
import type { Db, Tx } from '../../store/db.ts'
import { readIncident, readIncidentForUpdate, updateIncident } from '../../store/incidents.ts'
import { type Actor, recordChange } from '../../store/record.ts'
import type { PreferenceDeps } from './preferences.ts'

/** Who looks after an incident. */
export interface Attention {
  /** First to last. */
  readonly seenBy: readonly { readonly id: string; readonly name: string; readonly at: string }[]
  /** null while nobody has taken it on. */
  readonly acknowledgedBy: { readonly id: string; readonly name: string; readonly at: string } | null
  /** What comes next while nobody does; null when nothing does. */
  readonly escalation: { readonly step: number; readonly at: string } | null
}

/** @throws CordonError NotFound */
export async function readAttention(db: Db, tenantId: string, incidentId: string): Promise<Attention> {
  if ((await readIncident(db, tenantId, incidentId)) === null) throw missing(incidentId)
  return collect(db, tenantId, incidentId)
}

async function collect(db: Db, tenantId: string, incidentId: string): Promise<Attention> {
  const [sights, acknowledgement, escalation] = await Promise.all([
    listSights(db, tenantId, incidentId),
    readAcknowledgement(db, tenantId, incidentId),
    readEscalation(db, tenantId, incidentId),
  ])
  return {
    seenBy: sights.map(({ user_id: id, user_name: name, at }) => ({ id, name, at })),
    acknowledgedBy:
      acknowledgement === undefined
        ? null
        : { id: acknowledgement.user_id, name: acknowledgement.user_name, at: acknowledgement.at },
    escalation:
      escalation?.state === 'running' && escalation.next_at !== null
        ? { step: escalation.step + 1, at: escalation.next_at }
        : null,
  }
}

/**
 * Writes down that a person has opened an incident: the first time, with one audit entry; after that nothing is written. What an
 * application reads is no sight.
 * @throws CordonError NotFound
 */
export async function noteSight(deps: PreferenceDeps, actor: Actor, incidentId: string): Promise<void> {
  const { tenantId, id, name } = actor
  if ((await readIncident(deps.store.read, tenantId, incidentId)) === null) throw missing(incidentId)
  if (actor.kind !== 'user' || (await hasSeen(deps.store.read, tenantId, incidentId, id))) return
  await deps.store.transaction(async (tx) => {
    const at = deps.clock.now()
    const row = { tenant_id: tenantId, incident_id: Number(incidentId), user_id: id, user_name: name, at }
    if (!(await insertSight(tx, row))) return
    const audit = { action: 'seeIncident', objectType: 'incident', objectId: incidentId, decision: 'allowed' } as const
    // The incident itself is as it was: whoever follows changes hears nothing.
    await recordChange(tx, { at, actor, audit })
  })
}

/**
 * Takes an incident on: assigns it to the caller and ends its escalation. Again by the same person changes nothing; another person takes it
 * over.
 * @throws CordonError NotFound; Conflict when it was merged away; BadRequest for an application
 */
export async function acknowledgeIncident(deps: PreferenceDeps, actor: Actor, incidentId: string): Promise<Attention> {
  return deps.store.transaction(async (tx) => {
    const { tenantId, id, name } = actor
    const incident = await readIncidentForUpdate(tx, tenantId, incidentId)
    if (incident === null) throw missing(incidentId)
    if (actor.kind !== 'user') throw new CordonError('BadRequest', 'Only people acknowledge; this is an application.')
    const { doc } = incident
    if (doc.redirectIncidentId !== null) {
      throw new CordonError(
        'Conflict',
        `Incident ${incidentId} was merged into ${doc.redirectIncidentId}; take that one on.`,
      )
    }
    const before = await readAcknowledgement(tx, tenantId, incidentId)
    if (before?.user_id !== id || doc.assignedTo !== name) {
      const at = deps.clock.now()
      await writeAcknowledgement(tx, {
        tenant_id: tenantId,
        incident_id: Number(incidentId),
        user_id: id,
        user_name: name,
        at,
      })
      const lastUpdateDateTime = laterThan(doc.lastUpdateDateTime, at)
      const next = await updateIncident(tx, {
        ...incident,
        doc: { ...doc, assignedTo: name, lastModifiedBy: name, lastUpdateDateTime },
      })
      const escalated = await endEscalation(tx, tenantId, incidentId)
      await recordChange(tx, {
        at,
        actor,
        audit: {
          action: 'acknowledgeIncident',
          objectType: 'incident',
          objectId: incidentId,
          decision: 'allowed',
          before: doc,
          after: next.doc,
          details: { endedEscalation: escalated, tookOverFrom: before?.user_id ?? null },
        },
        events: [{ change: 'updated', resource: 'incident', objectId: incidentId }],
      })
    }
    return collect(tx, tenantId, incidentId)
  })
}

/** @returns whether one was under way */
async function endEscalation(tx: Tx, tenantId: string, incidentId: string): Promise<boolean> {
  const row = await readEscalationForUpdate(tx, tenantId, incidentId)
  if (row?.state !== 'running') return false
  await writeEscalation(tx, { ...row, next_at: null, state: 'acknowledged' })
  return true
}

function missing(incidentId: string): CordonError {
  return new CordonError('NotFound', `Incident ${incidentId.slice(0, 100)} not found.`)
}
