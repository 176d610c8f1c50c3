import type { EntityRef } from '../normalised.ts'
import { openPartners, packPartners, type WorkingPartners } from './hubs.ts'
import { type Link, type Reason, renumberReason } from './reason.ts'
import { openHours, packHours, type WorkingHours } from './recurrence.ts'
import type { CorrelationRules } from './rules.ts'
import {
  type CorrelatedAlert,
  type CorrelationState,
  type EntityState,
  entityKey,
  type IncidentState,
  type Plan,
  type PlannedIncident,
  type SeriesState,
  type Sighting,
  seriesKey,
} from './state.ts'
import { emptySummary, mergeSummaries, type Summary } from './summary.ts'

// The mutable side of one run of `correlate`; nothing of it leaves that run.

/** An incident while a batch is worked on. */
export interface Node {
  /** Its id; of a new one its place in the order of creation, below 0. */
  readonly number: number
  /** The incident it was merged into. */
  absorbedBy: Node | null
  readonly status: string
  readonly isOpen: boolean
  /** Alerts before the batch; 0 for a new one. */
  readonly before: number
  alerts: number
  summary: Summary
  firstMs: number | null
  lastMs: number | null
  touched: boolean
}

/** A {@link Sighting} that may grow. */
export interface WorkingSighting {
  readonly openedBy: string
  readonly node: Node
  firstMs: number
  lastMs: number
  alertCount: number
  changed: boolean
}

/** An entity while a batch is worked on. */
export interface WorkingEntity {
  readonly ref: Pick<EntityState, 'kind' | 'value'>
  alertCount: number
  firstMs: number
  lastMs: number
  readonly partners: WorkingPartners
  readonly sightings: WorkingSighting[]
  changed: boolean
}

/** A series while a batch is worked on. */
export interface WorkingSeries {
  readonly ref: Pick<SeriesState, 'rule' | 'kind' | 'value'>
  alertCount: number
  lastMs: number
  node: Node | null
  recurring: Node | null
  readonly hours: WorkingHours
  changed: boolean
}

/** Everything a run holds. */
export interface Work {
  readonly rules: CorrelationRules
  readonly entities: Map<string, WorkingEntity>
  readonly series: Map<string, WorkingSeries>
  readonly nodes: Map<number, Node>
  readonly joins: Map<string, { node: Node; reason: Reason }>
  /** The alert that opened each new incident. */
  readonly founders: Map<Node, string>
  readonly merges: { from: Node; into: Node; reason: Reason }[]
  created: number
}

/** Unpacks the state for a run. */
export function openWork(state: CorrelationState, rules: CorrelationRules): Work {
  const nodes = new Map(state.incidents.map((incident) => [incident.id, openNode(incident)]))
  const work: Work = {
    rules,
    entities: new Map(),
    series: new Map(),
    nodes,
    joins: new Map(),
    founders: new Map(),
    merges: [],
    created: 0,
  }
  for (const entity of state.entities) {
    const { kind, value, alertCount, firstMs, lastMs } = entity
    const partners = openPartners(entity.partners)
    const opened = { ref: { kind, value }, alertCount, firstMs, lastMs, partners, sightings: [], changed: false }
    work.entities.set(entityKey(entity), opened)
  }
  for (const sighting of state.sightings) {
    const node = nodes.get(sighting.incident)
    const { openedBy, firstMs, lastMs, alertCount } = sighting
    if (node === undefined) continue
    findEntity(work, sighting).sightings.push({ openedBy, node, firstMs, lastMs, alertCount, changed: false })
  }
  for (const series of state.series) {
    const { rule, kind, value, alertCount, lastMs } = series
    work.series.set(seriesKey(rule, series), {
      ref: { rule, kind, value },
      alertCount,
      lastMs,
      node: nodes.get(series.incident) ?? null,
      recurring: series.recurringIncident === null ? null : (nodes.get(series.recurringIncident) ?? null),
      hours: openHours(series.hours),
      changed: false,
    })
  }
  return work
}

function openNode(incident: IncidentState): Node {
  const { id, status, isOpen, alertCount, summary } = incident
  const times = { firstMs: null, lastMs: null }
  return {
    number: id,
    absorbedBy: null,
    status,
    isOpen,
    before: alertCount,
    alerts: alertCount,
    summary,
    ...times,
    touched: false,
  }
}

/** Opens a new incident, founded by `alert`. */
export function createNode(work: Work, alert: CorrelatedAlert, recurring: boolean): Node {
  work.created += 1
  const node: Node = {
    number: -work.created,
    absorbedBy: null,
    status: 'active',
    isOpen: true,
    before: 0,
    alerts: 0,
    summary: emptySummary(recurring),
    firstMs: null,
    lastMs: null,
    touched: true,
  }
  work.nodes.set(node.number, node)
  work.founders.set(node, alert.id)
  return node
}

/** The incident a node has become. */
export function surviving(node: Node): Node {
  let at = node
  while (at.absorbedBy !== null) at = at.absorbedBy
  return at
}

/** Older first: by id, then new ones by creation. */
export function compareNodes(a: Node, b: Node): number {
  return a.number > 0 && b.number > 0 ? a.number - b.number : b.number - a.number
}

/** Makes two incidents one. A new one that never was seen outside leaves no trace but the reason of its founder. */
export function absorb(work: Work, from: Node, into: Node, alertId: string, link: Link): void {
  from.absorbedBy = into
  into.alerts += from.alerts
  into.summary = mergeSummaries(into.summary, from.summary)
  into.touched = true
  extend(into, from.firstMs, from.lastMs)
  const reason: Reason = { rule: 'bridgedBy', alertId, ...link, notes: [] }
  if (from.number > 0) work.merges.push({ from, into, reason })
  const founder = work.founders.get(from)
  const join = founder === undefined ? undefined : work.joins.get(founder)
  if (join !== undefined) join.reason = reason
}

/** Widens an incident's activity. */
export function extend(node: Node, firstMs: number | null, lastMs: number | null): void {
  if (firstMs !== null && (node.firstMs === null || firstMs < node.firstMs)) node.firstMs = firstMs
  if (lastMs !== null && (node.lastMs === null || lastMs > node.lastMs)) node.lastMs = lastMs
}

/** The working form of an entity, made when it is new. */
export function findEntity(work: Work, ref: Pick<EntityRef, 'kind' | 'value'>): WorkingEntity {
  const key = entityKey(ref)
  let entity = work.entities.get(key)
  if (entity === undefined) {
    const times = { firstMs: Number.POSITIVE_INFINITY, lastMs: Number.NEGATIVE_INFINITY }
    const { kind, value } = ref
    entity = { ref: { kind, value }, alertCount: 0, ...times, partners: new Map(), sightings: [], changed: false }
    work.entities.set(key, entity)
  }
  return entity
}

/** The working form of a series, made when it is new. */
export function findSeries(work: Work, rule: string, subject: EntityRef | null): WorkingSeries {
  const key = seriesKey(rule, subject)
  let series = work.series.get(key)
  if (series === undefined) {
    const ref = { rule, kind: subject?.kind ?? ('' as const), value: subject?.value ?? '' }
    series = { ref, alertCount: 0, lastMs: 0, node: null, recurring: null, hours: new Map(), changed: false }
    work.series.set(key, series)
  }
  return series
}

/** Packs what a run decided. New incidents that survive are numbered from -1 on in the order of their creation. */
export function packPlan(work: Work, alerts: readonly CorrelatedAlert[]): Plan {
  const numbers = new Map<Node, number>()
  const planned: PlannedIncident[] = []
  let fresh = 0
  for (const node of work.nodes.values()) {
    if (node.absorbedBy !== null) continue
    if (node.number < 0) fresh += 1
    numbers.set(node, node.number > 0 ? node.number : -fresh)
  }
  const numberOf = (node: Node): number => numbers.get(surviving(node)) ?? 0
  for (const [node, incident] of numbers) {
    if (!node.touched) continue
    const { summary, firstMs, lastMs } = node
    planned.push({ incident, summary, addedAlerts: node.alerts - node.before, firstMs, lastMs })
  }
  const renumber = (reason: Reason): Reason =>
    // A merge's own reason names the incident that is no more.
    renumberReason(reason, (incident) => (incident > 0 ? incident : numberOf(nodeOf(work, incident))))
  return {
    joins: alerts.flatMap((alert) => {
      const join = work.joins.get(alert.id)
      if (join === undefined) return []
      return [{ alertId: alert.id, incident: numberOf(join.node), reason: renumber(join.reason) }]
    }),
    incidents: planned,
    merges: work.merges.map(({ from, into, reason }) => ({
      from: from.number,
      into: numberOf(into),
      reason: renumber(reason),
    })),
    sightings: packSightings(work, numberOf),
    entities: packEntities(work),
    series: packSeries(work, numberOf),
  }
}

function nodeOf(work: Work, number: number): Node {
  const node = work.nodes.get(number)
  if (node === undefined) throw new Error(`incident ${number} is not part of this run`)
  return node
}

function packSightings(work: Work, numberOf: (node: Node) => number): Sighting[] {
  const sightings: Sighting[] = []
  for (const { ref, sightings: all } of work.entities.values()) {
    for (const { openedBy, node, firstMs, lastMs, alertCount, changed } of all) {
      if (changed) sightings.push({ ...ref, openedBy, incident: numberOf(node), firstMs, lastMs, alertCount })
    }
  }
  return sightings
}

function packEntities(work: Work): EntityState[] {
  const entities: EntityState[] = []
  for (const { ref, alertCount, firstMs, lastMs, partners, changed } of work.entities.values()) {
    if (changed) entities.push({ ...ref, alertCount, firstMs, lastMs, partners: packPartners(partners, work.rules) })
  }
  return entities
}

function packSeries(work: Work, numberOf: (node: Node) => number): SeriesState[] {
  const packed: SeriesState[] = []
  for (const { ref, alertCount, lastMs, node, recurring, hours, changed } of work.series.values()) {
    if (!changed || node === null) continue
    const recurringIncident = recurring === null ? null : numberOf(recurring)
    packed.push({ ...ref, alertCount, lastMs, incident: numberOf(node), recurringIncident, hours: packHours(hours) })
  }
  return packed
}
