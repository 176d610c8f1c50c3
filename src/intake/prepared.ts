import { hash } from 'node:crypto'
import { msOf } from '../io/clock.ts'
import { numberOf } from '../model/graph-values.ts'
import type { AlertEntityRow } from '../store/schema.ts'
import type { CorrelatedAlert } from './correlation/state.ts'
import type { NormalisedAlert } from './normalised.ts'
import { timeOfId } from './text.ts'

/**
 * The id of an alert: opaque, and the same for the same tenant, source and provider's alert id. Where the provider's id tells the time, the
 * id begins with it: alerts that come together then lie together on disk, which halves what a batch has to write.
 */
export function alertIdOf(tenantId: string, source: string, providerAlertId: string): string {
  const digest = hash('sha256', JSON.stringify([tenantId, source, providerAlertId]), 'hex')
  return `cd${timeOfId(providerAlertId) ?? digest.slice(32, 40)}${digest.slice(0, 24)}`
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
