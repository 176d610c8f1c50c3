import { hash } from 'node:crypto'
import { msOf } from '../io/clock.ts'
import { numberOf } from '../model/enum-number.ts'
import type { AlertEntityRow } from '../store/schema.ts'
import type { CorrelatedAlert } from './correlation/state.ts'
import type { NormalisedAlert } from './normalised.ts'

/** The id of an alert: opaque, stable over repeats. */
export function alertIdOf(tenantId: string, source: string, providerAlertId: string): string {
  return `cd${hash('sha256', JSON.stringify([tenantId, source, providerAlertId]), 'hex').slice(0, 32)}`
}

/** An alert on its way in. */
export interface Prepared {
  readonly id: string
  readonly alert: NormalisedAlert
  readonly correlated: CorrelatedAlert
}

/** Gives alerts their ids and the form that correlation looks at. */
export function prepareAlerts(tenantId: string, alerts: readonly NormalisedAlert[]): Prepared[] {
  return alerts.map((alert) => {
    const id = alertIdOf(tenantId, alert.source, alert.providerAlertId)
    return { id, alert, correlated: toCorrelated(id, alert) }
  })
}

function toCorrelated(id: string, { rule, content, entities }: NormalisedAlert): CorrelatedAlert {
  return {
    id,
    rule,
    title: content.title ?? '',
    severity: numberOf('alertSeverity', content.severity),
    firstMs: msOf(content.firstActivityDateTime),
    lastMs: msOf(content.lastActivityDateTime),
    entities,
    techniques: content.mitreTechniques,
    tags: content.systemTags,
  }
}

/** An alert's entities as rows. */
export function alertEntityRows(tenantId: string, alertId: string, alert: NormalisedAlert): AlertEntityRow[] {
  return alert.entities.map(({ kind, value }) => ({ tenant_id: tenantId, alert_id: alertId, kind, value }))
}
