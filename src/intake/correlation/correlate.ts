import type { EntityRef } from '../normalised.ts'
import { isHub, notePartners } from './hubs.ts'
import type { Link, Note, Reason } from './reason.ts'
import { countHour, firingHours, isRecurring } from './recurrence.ts'
import type { CorrelationRules } from './rules.ts'
import { type CorrelatedAlert, type CorrelationState, entityKey, type Plan, subjectOf } from './state.ts'
import { addAlert } from './summary.ts'
import {
  absorb,
  compareNodes,
  createNode,
  extend,
  findEntity,
  findSeries,
  type Node,
  openWork,
  packPlan,
  surviving,
  type Work,
  type WorkingEntity,
  type WorkingSeries,
} from './working.ts'

const hourMs = 3_600_000
const maxNotes = 3
const highSeverity = 256

/**
 * Decides for a batch of new alerts in which incident each stands, and why.
 *
 * Two alerts belong together when they share an entity whose sightings lie no further apart than the window; an alert that ties several
 * open incidents together merges them into the oldest. Without hubs, recurring activity, closed or full incidents the outcome depends
 * only on the alerts, not on their order or their batches. Pure; alerts are taken by time of activity, then by id.
 * @param state what is stored about the batch's entities, series and their incidents ({@link CorrelationState})
 * @param alerts new alerts only, each id once
 */
export function correlate(state: CorrelationState, alerts: readonly CorrelatedAlert[], rules: CorrelationRules): Plan {
  const work = openWork(state, rules)
  for (const alert of inOrder(alerts)) place(work, alert)
  return packPlan(work, alerts)
}

function inOrder(alerts: readonly CorrelatedAlert[]): CorrelatedAlert[] {
  return [...alerts].sort((a, b) => a.lastMs - b.lastMs || (a.id < b.id ? -1 : 1))
}

/** An alert on its way to its incident. */
interface Placing {
  readonly work: Work
  readonly alert: CorrelatedAlert
  readonly subject: EntityRef | null
  readonly series: WorkingSeries
  /** Activity, not longer than the window: a sensor that reports years would tie everything together. */
  readonly firstMs: number
  readonly hour: number
  readonly notes: Note[]
}

function place(work: Work, alert: CorrelatedAlert): void {
  const subject = subjectOf(alert.entities)
  const series = findSeries(work, alert.rule, subject)
  const hour = Math.floor(alert.lastMs / hourMs)
  const firstMs = Math.max(alert.firstMs, alert.lastMs - work.rules.windowSeconds * 1000)
  const placing: Placing = { work, alert, subject, series, firstMs, hour, notes: [] }
  noteEntities(placing)
  series.alertCount += 1
  series.lastMs = Math.max(series.lastMs, alert.lastMs)
  series.changed = true
  countHour(series.hours, hour)
  if (alert.severity < highSeverity && isRecurring(series.hours, hour, work.rules)) {
    collectRecurring(placing)
    return
  }
  const ties = tyingEntities(placing)
  const target = joinByTies(placing, ties)
  for (const entity of ties) noteSighting(placing, entity, target)
}

function noteEntities({ work, alert, hour }: Placing): void {
  for (const ref of alert.entities) {
    const entity = findEntity(work, ref)
    entity.alertCount += 1
    entity.firstMs = Math.min(entity.firstMs, alert.firstMs)
    entity.lastMs = Math.max(entity.lastMs, alert.lastMs)
    entity.changed = true
  }
  notePartners(alert.entities, hour, (ref) => findEntity(work, ref).partners, work.rules)
}

/** Those entities that may tie this alert to others: not hubs, unless it has nothing else. Strongest kinds first. */
function tyingEntities({ work, alert, hour, notes }: Placing): WorkingEntity[] {
  const { rules } = work
  const kinds = rules.linkingKinds
  const linking = alert.entities.filter((ref) => ref.links && kinds.includes(ref.kind))
  const entities = linking.map((ref) => findEntity(work, ref))
  const hubs = entities.filter((entity) => isHub(entity.partners, hour, rules))
  if (hubs.length === 0 || hubs.length === entities.length) return entities
  for (const { ref } of hubs.slice(0, maxNotes)) {
    notes.push({ why: 'hub', entity: ref, partners: rules.hubPartners, hours: rules.hubWindowHours })
  }
  return entities.filter((entity) => !hubs.includes(entity))
}

/** Joins the oldest incident that shares a tying entity, merging the others into it; opens a new one when there is none. */
function joinByTies(placing: Placing, ties: readonly WorkingEntity[]): Node {
  const { work, alert, notes } = placing
  const candidates = [...findCandidates(placing, ties)].sort(([a], [b]) => compareNodes(a, b))
  const [first, ...others] = candidates
  if (first === undefined) {
    const node = createNode(work, alert, false)
    return join(placing, node, { rule: 'newIncident', notes })
  }
  const [target, link] = first
  if (others.length > work.rules.maxMerges) {
    const incidents = candidates.length
    addNote(notes, { why: 'tooManyToMerge', entity: link.entity, incidents, most: work.rules.maxMerges })
  } else {
    for (const [node, tie] of others) mergeInto(placing, node, target, tie)
  }
  const repeats = placing.series.node !== null && surviving(placing.series.node) === target
  const isSubject = placing.subject !== null && entityKey(link.entity) === entityKey(placing.subject)
  return join(placing, target, { rule: repeats && isSubject ? 'repeatedRule' : 'sharedEntity', ...link, notes })
}

/** Open incidents with room in which a tying entity was seen within the window, each with its closest tie. */
function findCandidates(placing: Placing, ties: readonly WorkingEntity[]): Map<Node, Link> {
  const { work, alert, firstMs } = placing
  const { windowSeconds } = work.rules
  const candidates = new Map<Node, Link>()
  for (const { ref, sightings } of ties) {
    for (const sighting of sightings) {
      const distanceSeconds = Math.max(0, sighting.firstMs - alert.lastMs, firstMs - sighting.lastMs) / 1000
      if (distanceSeconds > windowSeconds) continue
      const node = surviving(sighting.node)
      if (!takesAlert(placing, node, ref)) continue
      const known = candidates.get(node)
      if (known !== undefined && known.distanceSeconds <= distanceSeconds) continue
      candidates.set(node, { entity: ref, incident: node.number, status: node.status, distanceSeconds, windowSeconds })
    }
  }
  return candidates
}

function takesAlert(placing: Placing, node: Node, entity: WorkingEntity['ref']): boolean {
  const { work, series, notes } = placing
  if (!node.isOpen) {
    addNote(notes, { why: 'closed', entity, incident: node.number, status: node.status })
    return false
  }
  const repeats = series.node !== null && surviving(series.node) === node
  if (node.alerts < work.rules.maxAlerts && (repeats || node.summary.groups < work.rules.maxGroups)) return true
  addNote(notes, { why: 'full', entity, incident: node.number, alerts: node.alerts })
  return false
}

function mergeInto({ work, alert, notes }: Placing, from: Node, into: Node, link: Link): void {
  const alerts = from.alerts + into.alerts
  const groups = from.summary.groups + into.summary.groups
  if (alerts > work.rules.maxAlerts || groups > work.rules.maxGroups) {
    addNote(notes, { why: 'tooLargeToMerge', entity: link.entity, incident: from.number })
    return
  }
  absorb(work, from, into, alert.id, link)
}

function addNote(notes: Note[], note: Note): void {
  if (notes.length < maxNotes) notes.push(note)
}

/** Widens the nearest sighting of the entity in its incident, or opens one. */
function noteSighting({ work, alert, firstMs }: Placing, entity: WorkingEntity, node: Node): void {
  const windowMs = work.rules.windowSeconds * 1000
  let nearest: WorkingEntity['sightings'][number] | null = null
  let nearestMs = Number.POSITIVE_INFINITY
  for (const sighting of entity.sightings) {
    if (surviving(sighting.node) !== node) continue
    const distanceMs = Math.max(0, sighting.firstMs - alert.lastMs, firstMs - sighting.lastMs)
    if (distanceMs > windowMs || distanceMs >= nearestMs) continue
    nearest = sighting
    nearestMs = distanceMs
  }
  if (nearest === null) {
    const { lastMs } = alert
    entity.sightings.push({ openedBy: alert.id, node, firstMs, lastMs, alertCount: 1, changed: true })
    return
  }
  nearest.firstMs = Math.min(nearest.firstMs, firstMs)
  nearest.lastMs = Math.max(nearest.lastMs, alert.lastMs)
  nearest.alertCount += 1
  nearest.changed = true
}

/** Puts an alert of recurring activity to its like; it leaves no sighting, so that it ties nothing together. */
function collectRecurring(placing: Placing): void {
  const { work, alert, series, subject, hour, notes } = placing
  const { recurringDays, maxAlerts } = work.rules
  const known = series.recurring === null ? null : surviving(series.recurring)
  const takes = known?.isOpen && known.alerts < maxAlerts
  if (known !== null && !takes && subject !== null) {
    const entity = { kind: subject.kind, value: subject.value }
    const full = { why: 'full', entity, incident: known.number, alerts: known.alerts } as const
    addNote(notes, known.isOpen ? full : { why: 'closed', entity, incident: known.number, status: known.status })
  }
  const node = known !== null && takes ? known : createNode(work, alert, true)
  series.recurring = node
  const entity = subject === null ? null : { kind: subject.kind, value: subject.value }
  const hours = firingHours(series.hours, hour, work.rules)
  join(placing, node, { rule: 'recurringRule', entity, incident: node.number, hours, days: recurringDays, notes })
}

function join(placing: Placing, node: Node, reason: Reason): Node {
  const { work, alert, series, subject } = placing
  const startsGroup = series.node === null || surviving(series.node) !== node
  node.alerts += 1
  node.summary = addAlert(node.summary, alert, subject, startsGroup)
  node.touched = true
  extend(node, alert.firstMs, alert.lastMs)
  series.node = node
  work.joins.set(alert.id, { node, reason })
  return node
}
