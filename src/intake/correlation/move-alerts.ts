import { CordonError, isRefusal } from '../../model/errors.ts'
import { readAlerts, type StoredAlert } from '../../store/alerts.ts'
import type { Tx } from '../../store/db.ts'
import { allocateIncidentIds, insertIncidents, type StoredIncident, updateIncident } from '../../store/incidents.ts'
import { lockIntake, moveSightings, readJoins, readSummaries, writeJoins, writeSummaries } from '../../store/intake.ts'
import { moveRows } from '../../store/moved-rows.ts'
import { type Actor, type AuditEntry, recordChange } from '../../store/record.ts'
import { entitiesOf } from '../entities.ts'
import { finish, type RegroupDeps, readWithSurvivors } from './merge-incidents.ts'
import { type MovePlan, planMove } from './regroup.ts'
import { blankIncident, withSummary } from './save.ts'
import { entityKey } from './state.ts'
import { type Sum, sumUpIncident } from './sum-up.ts'

/** A person's move. */
export interface MoveRequest {
  readonly alertIds: readonly string[]
  /** null: a new one. */
  readonly incidentId: string | null
  /** Goes to the target; null or blank for none. */
  readonly comment: string | null
  /** Flags of correlationReason, joined by commas. */
  readonly reasons: string | null
}

/**
 * Moves alerts to another incident, or to a new one. Titles, severities and counts of both sides follow; an incident that is left without
 * alerts stays as it is, and a resolved one that gets an open alert is active again.
 * @returns id of the target
 * @throws CordonError BadRequest for no or repeated ids; NotFound for an unknown alert or target, and then nothing changes
 * @source design contract 6
 */
export async function moveAlerts(deps: RegroupDeps, actor: Actor, request: MoveRequest): Promise<string> {
  return deps.store.transaction(async (tx) => {
    const { tenantId } = actor
    await lockIntake(tx, tenantId)
    const alerts = new Map((await readAlerts(tx, tenantId, request.alertIds)).map((alert) => [alert.doc.id, alert]))
    const incidentOf = new Map([...alerts].map(([id, { incidentId }]) => [id, incidentId]))
    const named = request.incidentId === null ? [] : [request.incidentId]
    const incidents = await readWithSurvivors(tx, tenantId, [...new Set([...incidentOf.values(), ...named])])
    const known = request.incidentId === null ? null : findTarget(incidents, request.incidentId)
    const plan = planMove(request.alertIds, incidentOf, known?.doc.id ?? null)
    if (isRefusal(plan)) throw new CordonError(plan.refused, plan.reason, { target: 'alertIds' })
    if (known !== null && plan.size === 0) return known.doc.id
    const now = deps.clock.now()
    const [fresh = ''] = known === null ? await allocateIncidentIds(tx, 1) : []
    const target = known ?? blankIncident(tenantId, Number(fresh), actor.name, now)
    await writeMove(tx, actor, { request, plan, alerts, incidents, target, isNew: known === null, now })
    return target.doc.id
  })
}

function findTarget(incidents: ReadonlyMap<string, StoredIncident>, id: string): StoredIncident {
  const named = incidents.get(id)
  const target = incidents.get(named?.doc.redirectIncidentId ?? id)
  if (target === undefined) {
    throw new CordonError('NotFound', `Incident ${id.slice(0, 100)} not found.`, { target: 'incidentId' })
  }
  return target
}

interface Move {
  readonly request: MoveRequest
  readonly plan: MovePlan
  readonly alerts: ReadonlyMap<string, StoredAlert>
  readonly incidents: ReadonlyMap<string, StoredIncident>
  readonly target: StoredIncident
  readonly isNew: boolean
  readonly now: string
}

async function writeMove(tx: Tx, actor: Actor, move: Move): Promise<void> {
  const { request, plan, target, isNew, now } = move
  const { tenantId } = actor
  const moved = [...plan.values()].flat()
  // Before its alerts: what an incident has of its alerts is kept when they come.
  if (isNew) await insertIncidents(tx, [target])
  await moveRows(tx, 'alerts', { tenantId, ids: moved, into: Number(target.doc.id), now })
  const audit: AuditEntry[] = []
  for (const [id, alertIds] of plan) {
    const source = move.incidents.get(id)
    if (source === undefined) throw new TypeError('an alert stands in an incident that is gone')
    const left = await restate(tx, source, now)
    await moveSightings(tx, tenantId, Number(id), Number(target.doc.id), listLeaving(move, alertIds, left.sum))
    // Without alerts nothing is known that could describe it better than what stands there.
    const kept = left.sum.alerts === 0 ? { ...source, alertCount: 0 } : left.incident
    const after = await updateIncident(tx, finish(kept, actor, null, now))
    audit.push(entryOf(id, source, after, { into: target.doc.id, alertIds }))
  }
  const { incident } = await restate(tx, target, now)
  const done = finish(reopen(incident, moved, move.alerts), actor, request.comment, now)
  await updateIncident(tx, done)
  await keepReasons(tx, actor, move, moved)
  audit.push(entryOf(target.doc.id, isNew ? null : target, done, { alertIds: moved, reasons: request.reasons }))
  await recordChange(tx, {
    at: now,
    actor,
    audit,
    events: [
      { change: isNew ? 'created' : 'updated', resource: 'incident', objectId: target.doc.id },
      ...[...plan.keys()].map((objectId) => ({ change: 'updated', resource: 'incident', objectId }) as const),
      ...moved.map((objectId) => ({ change: 'updated', resource: 'alert', objectId }) as const),
    ],
  })
}

/** An open alert in a resolved incident would be seen by nobody. */
function reopen(
  target: StoredIncident,
  moved: readonly string[],
  alerts: ReadonlyMap<string, StoredAlert>,
): StoredIncident {
  const isOpen = moved.some((id) => alerts.get(id)?.doc.status !== 'resolved')
  if (target.doc.status !== 'resolved' || !isOpen) return target
  return { ...target, doc: { ...target.doc, status: 'active' } }
}

function entryOf(
  id: string,
  before: StoredIncident | null,
  after: StoredIncident,
  details: Readonly<Record<string, unknown>>,
): AuditEntry {
  const entry = { action: 'moveAlerts', objectType: 'incident', objectId: id, decision: 'allowed', details } as const
  return { ...entry, ...(before === null ? {} : { before: before.doc }), after: after.doc }
}

/** The incident with title, severity, score, counts and times of the alerts it has now. */
async function restate(tx: Tx, incident: StoredIncident, now: string): Promise<{ incident: StoredIncident; sum: Sum }> {
  const { doc } = incident
  const tenantId = doc.tenantId ?? ''
  const [kept] = await readSummaries(tx, tenantId, [Number(doc.id)])
  const recurring = kept !== undefined && JSON.parse(kept.summary).recurring === true
  const sum = await sumUpIncident(tx, tenantId, doc.id, recurring)
  const { alerts, firstActivityAt, lastActivityAt } = sum
  // Tags that did not come from alerts are none of correlation's.
  const tags = kept === undefined ? [...new Set([...doc.systemTags, ...sum.summary.tags])] : sum.summary.tags
  const summary = { ...sum.summary, tags }
  await writeSummaries(tx, [{ tenant_id: tenantId, incident_id: Number(doc.id), summary: JSON.stringify(summary) }])
  const last = lastActivityAt !== null && lastActivityAt > now ? now : lastActivityAt
  const stated = { ...incident, alertCount: alerts, firstActivityAt, lastActivityAt: last }
  return { sum, incident: withSummary(stated, summary) }
}

/**
 * What goes with the alerts: everything they name and nothing that stays behind does. What both name stays where it was, or the next
 * alert about it would tie together again what a person took apart.
 */
function listLeaving(move: Move, alertIds: readonly string[], left: Sum): { kind: string; value: string }[] {
  const named = alertIds.flatMap((id) => entitiesOf(move.alerts.get(id)?.doc.evidence ?? []))
  return named.filter((entity) => !left.entities.has(entityKey(entity)))
}

/** Says of each alert that a person placed it, and why it stood where it was. */
async function keepReasons(tx: Tx, actor: Actor, move: Move, moved: readonly string[]): Promise<void> {
  const { request, target, alerts, now } = move
  const before = new Map((await readJoins(tx, actor.tenantId, moved)).map((join) => [join.alert_id, join.reason]))
  const why = request.reasons === null ? '' : ` (${request.reasons})`
  await writeJoins(
    tx,
    moved.map((id) => {
      const from = alerts.get(id)?.incidentId ?? null
      const earlier = before.get(id)
      const reason = {
        text: `Moved from incident ${from} by ${actor.name}${why}.`,
        rule: 'movedByPerson',
        by: actor.name,
        from,
        correlationReasons: request.reasons,
        before: earlier === undefined ? null : (JSON.parse(earlier).text ?? null),
      }
      return {
        tenant_id: actor.tenantId,
        alert_id: id,
        incident_id: Number(target.doc.id),
        rule: reason.rule,
        reason: JSON.stringify(reason),
        joined_at: now,
      }
    }),
  )
}
