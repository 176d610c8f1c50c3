import { instantOf, msOf } from '../../io/clock.ts'
import { numberOf } from '../../model/graph-values.ts'
import type { Tx } from '../../store/db.ts'
import { readIncidentsForUpdate, type StoredIncident } from '../../store/incidents.ts'
import {
  type EntityName,
  readEntities,
  readSeries,
  readSightings,
  readSummaries,
  type SeriesName,
} from '../../store/intake.ts'
import type { EntityRow, SightingRow } from '../../store/schema.ts'
import type { EntityKind } from '../normalised.ts'
import type { CorrelationRules } from './rules.ts'
import {
  type CorrelatedAlert,
  type CorrelationState,
  type EntityState,
  entityKey,
  type IncidentState,
  type SeriesState,
  type Sighting,
  seriesKey,
  subjectOf,
} from './state.ts'
import { emptySummary, type Summary } from './summary.ts'

/** The state of a batch, and the incidents behind it, held until the transaction ends. */
export interface Loaded {
  readonly state: CorrelationState
  readonly incidents: ReadonlyMap<number, StoredIncident>
}

/** Reads what is stored about everything the batch's alerts name. */
export async function loadState(
  tx: Tx,
  tenantId: string,
  alerts: readonly CorrelatedAlert[],
  rules: CorrelationRules,
): Promise<Loaded> {
  const { names, seriesNames, from, to } = keysOf(alerts, rules)
  const entities = await readEntities(tx, tenantId, names)
  // An entity that was never seen has no sightings either.
  const known = entities.map(({ kind, value }) => ({ kind, value }))
  const sightings = await readSightings(tx, tenantId, known, from, to)
  const series = await readSeries(tx, tenantId, seriesNames)
  const ids = new Set(sightings.map((row) => row.incident_id))
  for (const row of series) {
    ids.add(row.incident_id)
    if (row.recurring_incident_id !== null) ids.add(row.recurring_incident_id)
  }
  const { incidents, leadTo } = await loadIncidents(tx, tenantId, ids)
  const summaries = await readSummaries(tx, tenantId, [...incidents.keys()])
  const summaryOf = new Map(summaries.map((row) => [row.incident_id, row.summary]))
  return {
    incidents,
    state: {
      entities: entities.map(toEntity),
      sightings: sightings.map((row) => toSighting(row, leadTo)),
      series: series.map((row) => ({
        rule: row.rule,
        kind: row.kind as SeriesState['kind'],
        value: row.value,
        alertCount: row.alert_count,
        lastMs: msOf(row.last_at),
        incident: leadTo(row.incident_id),
        recurringIncident: row.recurring_incident_id === null ? null : leadTo(row.recurring_incident_id),
        hours: JSON.parse(row.hours),
      })),
      incidents: [...incidents.values()].map((incident) => toState(incident, summaryOf.get(Number(incident.doc.id)))),
    },
  }
}

interface Keys {
  readonly names: readonly EntityName[]
  readonly seriesNames: readonly SeriesName[]
  readonly from: string
  readonly to: string
}

function keysOf(alerts: readonly CorrelatedAlert[], rules: CorrelationRules): Keys {
  const names = new Map<string, EntityName>()
  const seriesNames = new Map<string, SeriesName>()
  let earliestMs = Number.POSITIVE_INFINITY
  let latestMs = Number.NEGATIVE_INFINITY
  for (const alert of alerts) {
    for (const entity of alert.entities) names.set(entityKey(entity), entity)
    const subject = subjectOf(alert.entities)
    const series = { rule: alert.rule, kind: subject?.kind ?? '', value: subject?.value ?? '' }
    seriesNames.set(seriesKey(alert.rule, subject), series)
    earliestMs = Math.min(earliestMs, alert.lastMs)
    latestMs = Math.max(latestMs, alert.lastMs)
  }
  const windowMs = rules.windowSeconds * 1000
  return {
    names: [...names.values()],
    seriesNames: [...seriesNames.values()],
    // An alert's activity counts no further back than the window before its end, and a sighting no further than the window before that.
    from: instantOf(Math.max(earliestMs - 2 * windowMs, 0)),
    to: instantOf(latestMs + windowMs),
  }
}

async function loadIncidents(
  tx: Tx,
  tenantId: string,
  ids: ReadonlySet<number>,
): Promise<{ incidents: Map<number, StoredIncident>; leadTo: (id: number) => number }> {
  const incidents = new Map<number, StoredIncident>()
  const redirects = new Map<number, number>()
  // A merge elsewhere may have left a pointer behind; chains are one long.
  for (let missing = [...ids]; missing.length > 0; ) {
    const found = await readIncidentsForUpdate(tx, tenantId, missing.map(String))
    missing = []
    for (const incident of found) {
      incidents.set(Number(incident.doc.id), incident)
      const target = incident.doc.redirectIncidentId === null ? null : Number(incident.doc.redirectIncidentId)
      if (target === null) continue
      redirects.set(Number(incident.doc.id), target)
      if (!ids.has(target) && !incidents.has(target)) missing.push(target)
    }
  }
  return { incidents, leadTo: (id) => redirects.get(id) ?? id }
}

function toState(incident: StoredIncident, summary: string | undefined): IncidentState {
  const { doc, alertCount } = incident
  const isOpen = doc.status !== 'resolved' && doc.status !== 'redirected'
  return { id: Number(doc.id), status: doc.status, isOpen, alertCount, summary: summaryFrom(incident, summary) }
}

function summaryFrom({ doc }: StoredIncident, text: string | undefined): Summary {
  if (text !== undefined) return JSON.parse(text)
  return { ...emptySummary(false), severity: numberOf('alertSeverity', doc.severity), tags: doc.systemTags }
}

function toEntity(row: EntityRow): EntityState {
  return {
    kind: row.kind as EntityKind,
    value: row.value,
    alertCount: row.alert_count,
    firstMs: msOf(row.first_seen_at),
    lastMs: msOf(row.last_seen_at),
    partners: JSON.parse(row.partners),
  }
}

function toSighting(row: SightingRow, leadTo: (id: number) => number): Sighting {
  return {
    kind: row.kind as EntityKind,
    value: row.value,
    openedBy: row.opened_by,
    incident: leadTo(row.incident_id),
    firstMs: msOf(row.first_at),
    lastMs: msOf(row.last_at),
    alertCount: row.alert_count,
  }
}
