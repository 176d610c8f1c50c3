import { instantOf } from '../../io/clock.ts'
import type { AlertSeverity, IncidentStatus } from '../../model/generated.ts'
import { enums } from '../../model/generated.ts'
import { earliest, laterThan, latest } from '../../model/instant.ts'
import type { IncidentDoc, StoredIncident } from '../../store/incidents.ts'
import type {
  AlertJoinRow,
  AlertSeriesRow,
  EntityRow,
  IncidentMergeRow,
  IncidentSummaryRow,
  SightingRow,
} from '../../store/schema.ts'
import { describeReason, type Reason, renumberReason } from './reason.ts'
import type { Join, Merge, Plan, PlannedIncident } from './state.ts'
import { type Summary, scoreOf, titleOf } from './summary.ts'

/** Name of the component in `lastModifiedBy` and in the audit log. */
export const componentName = 'Cordon correlation'

/** A plan with the numbers its new incidents got. */
export interface Numbered {
  readonly plan: Plan
  /** The id behind a number of the plan. */
  readonly idOf: (incident: number) => number
}

/** Gives the new incidents of a plan their ids, in order. */
export function numberPlan(plan: Plan, fresh: readonly string[]): Numbered {
  return { plan, idOf: (incident) => (incident > 0 ? incident : Number(fresh[-incident - 1])) }
}

/** How many incidents a plan opens. */
export function countNew(plan: Plan): number {
  return plan.incidents.filter(({ incident }) => incident < 0).length
}

/** The rows correlation keeps for itself. */
export interface CorrelationRows {
  readonly joins: AlertJoinRow[]
  readonly entities: EntityRow[]
  readonly sightings: SightingRow[]
  readonly series: AlertSeriesRow[]
  readonly summaries: IncidentSummaryRow[]
  readonly merges: IncidentMergeRow[]
}

/** Writes a plan as rows. @param now 7-digit instant */
export function toRows(tenantId: string, { plan, idOf }: Numbered, now: string): CorrelationRows {
  return {
    joins: plan.joins.map((join) => toJoinRow(tenantId, join, idOf, now)),
    entities: plan.entities.map((entity) => ({
      tenant_id: tenantId,
      kind: entity.kind,
      value: entity.value,
      alert_count: entity.alertCount,
      first_seen_at: instantOf(entity.firstMs),
      last_seen_at: instantOf(entity.lastMs),
      partners: JSON.stringify(entity.partners),
    })),
    sightings: plan.sightings.map((sighting) => ({
      tenant_id: tenantId,
      kind: sighting.kind,
      value: sighting.value,
      opened_by: sighting.openedBy,
      incident_id: idOf(sighting.incident),
      first_at: instantOf(sighting.firstMs),
      last_at: instantOf(sighting.lastMs),
      alert_count: sighting.alertCount,
    })),
    series: plan.series.map((series) => ({
      tenant_id: tenantId,
      rule: series.rule,
      kind: series.kind,
      value: series.value,
      alert_count: series.alertCount,
      last_at: instantOf(series.lastMs),
      incident_id: idOf(series.incident),
      recurring_incident_id: series.recurringIncident === null ? null : idOf(series.recurringIncident),
      hours: JSON.stringify(series.hours),
    })),
    summaries: plan.incidents.map(({ incident, summary }) => ({
      tenant_id: tenantId,
      incident_id: idOf(incident),
      summary: JSON.stringify(summary),
    })),
    merges: plan.merges.map((merge) => toMergeRow(tenantId, merge, idOf, now)),
  }
}

function toJoinRow(tenantId: string, join: Join, idOf: (incident: number) => number, now: string): AlertJoinRow {
  return {
    tenant_id: tenantId,
    alert_id: join.alertId,
    incident_id: idOf(join.incident),
    rule: join.reason.rule,
    reason: reasonText(join.reason, idOf),
    joined_at: now,
  }
}

function toMergeRow(tenantId: string, merge: Merge, idOf: (incident: number) => number, now: string): IncidentMergeRow {
  return {
    tenant_id: tenantId,
    incident_id: merge.from,
    into_incident_id: idOf(merge.into),
    rule: merge.reason.rule,
    reason: reasonText(merge.reason, idOf),
    merged_at: now,
  }
}

/** The reason as data and, in `text`, in words. */
function reasonText(reason: Reason, idOf: (incident: number) => number): string {
  const shown = renumberReason(reason, idOf)
  return JSON.stringify({ text: describeReason(shown), ...shown })
}

const severityNames: ReadonlyMap<number, AlertSeverity> = new Map(
  Object.entries(enums.alertSeverity.members).map(([name, number]) => [number, name as AlertSeverity]),
)

/** The incident a plan opens. */
export function newIncident(tenantId: string, id: number, planned: PlannedIncident, now: string): StoredIncident {
  return grow(blankIncident(tenantId, id, componentName, now), planned, now)
}

/** An incident without alerts. */
export function blankIncident(tenantId: string, id: number, by: string, now: string): StoredIncident {
  const doc: IncidentDoc = {
    id: String(id),
    tenantId,
    status: 'active',
    severity: 'unknown',
    // Unset reads `unknown` on incidents, as the live service has it (design contract 4).
    classification: 'unknown',
    determination: 'unknown',
    displayName: null,
    description: null,
    summary: null,
    assignedTo: null,
    resolvingComment: null,
    customTags: [],
    systemTags: [],
    comments: [],
    priorityScore: null,
    redirectIncidentId: null,
    lastModifiedBy: by,
    createdDateTime: now,
    lastUpdateDateTime: now,
  }
  return { doc, firstActivityAt: null, lastActivityAt: null, alertCount: 0, personSet: [], version: 0 }
}

/** An incident with what a plan adds to it. What a person set stays. */
export function changedIncident(incident: StoredIncident, planned: PlannedIncident, now: string): StoredIncident {
  const { doc } = incident
  const lastUpdateDateTime = laterThan(doc.lastUpdateDateTime, now)
  return grow({ ...incident, doc: { ...doc, lastUpdateDateTime, lastModifiedBy: componentName } }, planned, now)
}

function grow(incident: StoredIncident, planned: PlannedIncident, now: string): StoredIncident {
  // An alert that claims a later time than its arrival does not keep its incident on top of a list.
  const last = planned.lastMs === null ? null : instantOf(planned.lastMs)
  const grown = {
    ...incident,
    firstActivityAt: earliest(incident.firstActivityAt, planned.firstMs === null ? null : instantOf(planned.firstMs)),
    lastActivityAt: latest(incident.lastActivityAt, last !== null && last > now ? now : last),
    alertCount: incident.alertCount + planned.addedAlerts,
  }
  return withSummary(grown, planned.summary)
}

/** An incident with what follows from its summary. What a person set stays. */
export function withSummary(incident: StoredIncident, summary: Summary): StoredIncident {
  const { doc, personSet } = incident
  const severity = severityNames.get(summary.severity) ?? 'unknown'
  const keepsName = personSet.includes('displayName') || summary.rules.length === 0
  return {
    ...incident,
    doc: {
      ...doc,
      severity: personSet.includes('severity') ? doc.severity : severity,
      displayName: keepsName ? doc.displayName : titleOf(summary),
      systemTags: summary.recurring ? ['Recurring', ...summary.tags] : summary.tags,
      priorityScore: scoreOf(summary),
    },
  }
}

/** The incident that was merged into another. @param by who merged it */
export function redirectedIncident(incident: StoredIncident, into: number, by: string, now: string): StoredIncident {
  const lastUpdateDateTime = laterThan(incident.doc.lastUpdateDateTime, now)
  const redirect = { status: 'redirected', redirectIncidentId: String(into) } as const
  return {
    ...incident,
    alertCount: 0,
    doc: { ...incident.doc, ...redirect, lastModifiedBy: by, lastUpdateDateTime },
  }
}

const statusOrder: readonly IncidentStatus[] = ['active', 'inProgress', 'awaitingAction']

/** What people had done on a merged incident goes on in the survivor: how far it was, who has it, their tags, the earliest activity. */
export function inheritFrom(into: StoredIncident, from: StoredIncident): StoredIncident {
  const further = statusOrder.indexOf(from.doc.status) > statusOrder.indexOf(into.doc.status)
  const fresh = from.doc.customTags.filter((tag) => !into.doc.customTags.includes(tag))
  return {
    ...into,
    firstActivityAt: earliest(into.firstActivityAt, from.firstActivityAt),
    lastActivityAt: latest(into.lastActivityAt, from.lastActivityAt),
    doc: {
      ...into.doc,
      status: further ? from.doc.status : into.doc.status,
      assignedTo: into.doc.assignedTo ?? from.doc.assignedTo,
      customTags: [...into.doc.customTags, ...fresh].slice(0, 100),
    },
  }
}
