import type { Clock } from '../../io/clock.ts'
import { CordonError, isRefusal } from '../../model/errors.ts'
import { laterThan } from '../../model/instant.ts'
import { newComment } from '../../store/comments.ts'
import type { Store, Tx } from '../../store/db.ts'
import { readIncidentsForUpdate, type StoredIncident, updateIncident } from '../../store/incidents.ts'
import { lockIntake, type Moved, moveIncident, writeMerges, writeSummaries } from '../../store/intake.ts'
import { type Actor, type AuditEntry, type OutgoingEvent, recordChange } from '../../store/record.ts'
import { type MergePlan, planMerge } from './regroup.ts'
import { inheritFrom, redirectedIncident, withSummary } from './save.ts'
import { readSummary } from './sum-up.ts'
import { mergeSummaries, type Summary } from './summary.ts'

/** What regrouping by hand needs. */
export interface RegroupDeps {
  readonly store: Pick<Store, 'transaction'>
  readonly clock: Clock
}

/** A person's merge. */
export interface MergeRequest {
  readonly incidentIds: readonly string[]
  /** Goes to the target; null or blank for none. */
  readonly comment: string | null
  /** Flags of correlationReason, joined by commas. */
  readonly reasons: string | null
}

/**
 * Merges incidents into the first one named: the others become redirected, and their alerts, tasks and running executions move over.
 * @returns id of the target
 * @throws CordonError BadRequest for fewer than two or repeated ids; NotFound for an unknown one, and then nothing changes
 * @source design contract 6
 */
export async function mergeIncidents(deps: RegroupDeps, actor: Actor, request: MergeRequest): Promise<string> {
  return deps.store.transaction(async (tx) => {
    await lockIntake(tx, actor.tenantId)
    const incidents = await readWithSurvivors(tx, actor.tenantId, request.incidentIds)
    const survivors = new Map([...incidents].map(([id, { doc }]) => [id, doc.redirectIncidentId ?? id]))
    const plan = planMerge(request.incidentIds, survivors)
    if (isRefusal(plan)) throw new CordonError(plan.refused, plan.reason, { target: 'incidentIds' })
    if (plan.sources.length > 0) await writeMerge(tx, actor, request, plan, incidents, deps.clock.now())
    return plan.target
  })
}

/** Reads and holds incidents and what they were merged into, by id. */
export async function readWithSurvivors(
  tx: Tx,
  tenantId: string,
  ids: readonly string[],
): Promise<Map<string, StoredIncident>> {
  const incidents = new Map<string, StoredIncident>()
  let missing = [...new Set(ids)]
  while (missing.length > 0) {
    const found = await readIncidentsForUpdate(tx, tenantId, missing)
    for (const incident of found) incidents.set(incident.doc.id, incident)
    const targets = found.flatMap(({ doc }) => doc.redirectIncidentId ?? [])
    missing = [...new Set(targets)].filter((id) => !incidents.has(id))
  }
  return incidents
}

async function writeMerge(
  tx: Tx,
  actor: Actor,
  request: MergeRequest,
  plan: MergePlan,
  incidents: ReadonlyMap<string, StoredIncident>,
  now: string,
): Promise<void> {
  const { tenantId } = actor
  const before = held(incidents, plan.target)
  const events: OutgoingEvent[] = []
  const audit: AuditEntry[] = []
  let target = before
  let summary: Summary = await readSummary(tx, before)
  for (const id of plan.sources) {
    const source = held(incidents, id)
    summary = mergeSummaries(summary, await readSummary(tx, source))
    const absorbed = await absorbIncident(tx, source, target, actor.name, now)
    target = { ...absorbed.survivor, alertCount: target.alertCount + absorbed.moved.alertIds.length }
    events.push(...absorbed.events)
    const details = { into: plan.target, reasons: request.reasons }
    audit.push({ action: 'mergeIncidents', objectType: 'incident', objectId: id, decision: 'allowed', details })
  }
  const merged = await updateIncident(tx, finish(withSummary(target, summary), actor, request.comment, now))
  await writeSummaries(tx, [
    { tenant_id: tenantId, incident_id: Number(plan.target), summary: JSON.stringify(summary) },
  ])
  const reason = JSON.stringify({
    text: `Merged by ${actor.name}${request.reasons === null ? '' : ` (${request.reasons})`}.`,
    rule: 'mergedByPerson',
    by: actor.name,
    correlationReasons: request.reasons,
  })
  await writeMerges(
    tx,
    plan.sources.map((id) => ({
      tenant_id: tenantId,
      incident_id: Number(id),
      into_incident_id: Number(plan.target),
      rule: 'mergedByPerson',
      reason,
      merged_at: now,
    })),
  )
  await recordChange(tx, {
    at: now,
    actor,
    audit: [
      {
        action: 'mergeIncidents',
        objectType: 'incident',
        objectId: plan.target,
        decision: 'allowed',
        before: before.doc,
        after: merged.doc,
        details: { merged: plan.sources, reasons: request.reasons },
      },
      ...audit,
    ],
    events: [{ change: 'updated', resource: 'incident', objectId: plan.target }, ...events],
  })
}

function held(incidents: ReadonlyMap<string, StoredIncident>, id: string): StoredIncident {
  const incident = incidents.get(id)
  if (incident === undefined) throw new TypeError('an incident that was merged into one that is gone')
  return incident
}

/** An incident that a person regrouped, with their comment. */
export function finish(incident: StoredIncident, actor: Actor, comment: string | null, now: string): StoredIncident {
  const { doc } = incident
  const added = comment === null || comment.trim() === '' ? [] : [newComment(actor, comment, now)]
  return {
    ...incident,
    doc: {
      ...doc,
      comments: [...doc.comments, ...added],
      lastModifiedBy: actor.name,
      lastUpdateDateTime: laterThan(doc.lastUpdateDateTime, now),
    },
  }
}

/** What became of an incident that was merged into another. */
export interface Absorbed {
  /** With what people had done on the other; still to be written. */
  readonly survivor: StoredIncident
  readonly moved: Moved
  readonly events: readonly OutgoingEvent[]
}

/** Redirects an incident, and those merged into it earlier, to `survivor`, and moves what it holds. @param by who merged them */
export async function absorbIncident(
  tx: Tx,
  from: StoredIncident,
  survivor: StoredIncident,
  by: string,
  now: string,
): Promise<Absorbed> {
  const tenantId = from.doc.tenantId ?? ''
  const into = Number(survivor.doc.id)
  const moved = await moveIncident(tx, tenantId, Number(from.doc.id), into, now)
  const redirected = await readIncidentsForUpdate(tx, tenantId, moved.redirectedIds.map(String))
  const events: OutgoingEvent[] = []
  for (const incident of [from, ...redirected]) {
    await updateIncident(tx, redirectedIncident(incident, into, by, now))
    events.push({ change: 'updated', resource: 'incident', objectId: incident.doc.id })
  }
  for (const objectId of moved.alertIds) events.push({ change: 'updated', resource: 'alert', objectId })
  for (const objectId of moved.taskIds) events.push({ change: 'updated', resource: 'incidentTask', objectId })
  return { survivor: inheritFrom(survivor, from), moved, events }
}
