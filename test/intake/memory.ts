import { correlate } from '../../src/intake/correlation/correlate.ts'
import { renumberReason } from '../../src/intake/correlation/reason.ts'
import { type CorrelationRules, defaultRules } from '../../src/intake/correlation/rules.ts'
import {
  type CorrelatedAlert,
  type CorrelationState,
  type EntityState,
  entityKey,
  type IncidentState,
  type Join,
  type Merge,
  type Plan,
  type SeriesState,
  type Sighting,
  seriesKey,
} from '../../src/intake/correlation/state.ts'
import type { EntityKind, EntityRef } from '../../src/intake/normalised.ts'

/** What correlation has decided so far, kept in memory as the store would keep it. */
export interface Memory {
  /** Correlates a batch and applies the plan. */
  receive(alerts: readonly CorrelatedAlert[]): Plan
  /** The open incident an alert stands in now. */
  incidentOf(alertId: string): number
  readonly joins: ReadonlyMap<string, Join>
  readonly merges: readonly Merge[]
  readonly incidents: ReadonlyMap<number, IncidentState>
  /** Alert ids by incident, as sorted lists: the partition. */
  partition(): string[][]
  /** A person closes an incident. */
  resolve(incident: number): void
}

interface Stored {
  readonly entities: Map<string, EntityState>
  readonly sightings: Map<string, Sighting>
  readonly series: Map<string, SeriesState>
  readonly incidents: Map<number, IncidentState>
  readonly redirects: Map<number, number>
  readonly joins: Map<string, Join>
  readonly merges: Merge[]
  lastId: number
}

/** An empty memory with the default rules but for `changes`. */
export function openMemory(changes: Partial<CorrelationRules> = {}): Memory {
  const rules = { ...defaultRules, ...changes }
  const stored: Stored = {
    entities: new Map(),
    sightings: new Map(),
    series: new Map(),
    incidents: new Map(),
    redirects: new Map(),
    joins: new Map(),
    merges: [],
    lastId: 0,
  }
  const { incidents, joins, merges } = stored
  const incidentOf = (alertId: string): number => {
    const join = joins.get(alertId)
    if (join === undefined) throw new Error(`alert ${alertId} was never placed`)
    return survivorOf(stored, join.incident)
  }
  return {
    receive: (alerts) => {
      const plan = correlate(stateOf(stored), alerts, rules)
      apply(stored, plan)
      return plan
    },
    incidentOf,
    joins,
    merges,
    incidents,
    partition: () => {
      const parts = new Map<number, string[]>()
      for (const alertId of joins.keys()) {
        const incident = incidentOf(alertId)
        const part = parts.get(incident) ?? []
        parts.set(incident, part)
        part.push(alertId)
      }
      return [...parts.values()].map((part) => part.sort()).sort((a, b) => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1))
    },
    resolve: (id) => {
      const incident = incidents.get(id)
      if (incident) incidents.set(id, { ...incident, status: 'resolved', isOpen: false })
    },
  }
}

function survivorOf(stored: Stored, id: number): number {
  return stored.redirects.get(id) ?? id
}

function stateOf(stored: Stored): CorrelationState {
  return {
    entities: [...stored.entities.values()],
    sightings: [...stored.sightings.values()],
    series: [...stored.series.values()].map((one) => ({
      ...one,
      incident: survivorOf(stored, one.incident),
      recurringIncident: one.recurringIncident === null ? null : survivorOf(stored, one.recurringIncident),
    })),
    incidents: [...stored.incidents.values()],
  }
}

function apply(stored: Stored, plan: Plan): void {
  const { incidents, joins, lastId } = stored
  const idOf = (number: number): number => (number > 0 ? number : lastId - number)
  for (const merge of plan.merges) applyMerge(stored, { ...merge, into: idOf(merge.into) })
  for (const { incident, summary, addedAlerts } of plan.incidents) {
    const id = idOf(incident)
    const known = incidents.get(id)
    const alertCount = (known?.alertCount ?? 0) + addedAlerts
    incidents.set(id, { id, status: known?.status ?? 'active', isOpen: true, alertCount, summary })
  }
  for (const entity of plan.entities) stored.entities.set(entityKey(entity), entity)
  for (const sighting of plan.sightings) {
    const key = `${entityKey(sighting)}\n${sighting.openedBy}`
    stored.sightings.set(key, { ...sighting, incident: idOf(sighting.incident) })
  }
  for (const one of plan.series) {
    const recurringIncident = one.recurringIncident === null ? null : idOf(one.recurringIncident)
    stored.series.set(seriesKey(one.rule, one), { ...one, incident: idOf(one.incident), recurringIncident })
  }
  for (const join of plan.joins) {
    const reason = renumberReason(join.reason, idOf)
    joins.set(join.alertId, { ...join, incident: idOf(join.incident), reason })
  }
  stored.lastId += plan.incidents.filter(({ incident }) => incident < 0).length
}

function applyMerge(stored: Stored, merge: Merge): void {
  const { redirects, incidents, sightings } = stored
  stored.merges.push(merge)
  for (const [from, target] of redirects) if (target === merge.from) redirects.set(from, merge.into)
  redirects.set(merge.from, merge.into)
  const merged = incidents.get(merge.from)
  if (merged) incidents.set(merge.from, { ...merged, status: 'redirected', isOpen: false, alertCount: 0 })
  for (const [key, sighting] of sightings) {
    if (sighting.incident === merge.from) sightings.set(key, { ...sighting, incident: merge.into })
  }
}

/** The instant all test alerts count from. */
export const startMs: number = Date.UTC(2024, 0, 15, 12)

let serial = 0

/** An alert about `names` (`device web1`, `address 10.0.0.1`; joined by `=` when they name one thing), `hours` after the start. */
export function alertAbout(
  names: readonly string[],
  hours: number,
  facts: Partial<CorrelatedAlert> = {},
): CorrelatedAlert {
  serial += 1
  const title = facts.title ?? 'Rule'
  const lastMs = startMs + hours * 3_600_000
  return {
    id: `alert-${String(serial).padStart(6, '0')}`,
    rule: title.toLowerCase(),
    title,
    severity: 128,
    firstMs: lastMs,
    lastMs,
    entities: names.flatMap((name, thing) => name.split('=').map((one) => entityOf(one, thing))),
    techniques: [],
    tags: [],
    ...facts,
  }
}

function entityOf(name: string, thing: number): EntityRef {
  const [kind = '', value = ''] = name.trim().split(' ')
  return { kind: kind as EntityKind, value, thing, links: true }
}
