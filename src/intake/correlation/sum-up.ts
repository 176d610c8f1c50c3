import { msOf } from '../../io/clock.ts'
import { numberOf } from '../../model/graph-values.ts'
import { earliest, latest } from '../../model/instant.ts'
import { readAlertsOfIncident, type StoredAlert } from '../../store/alerts.ts'
import type { Tx } from '../../store/db.ts'
import type { StoredIncident } from '../../store/incidents.ts'
import { readSummaries } from '../../store/intake.ts'
import { ruleKey } from '../content.ts'
import { entitiesOf } from '../entities.ts'
import { type CorrelatedAlert, entityKey, seriesKey, subjectOf } from './state.ts'
import { addAlert, emptySummary, type Summary } from './summary.ts'

/** Alerts read at a time: a full incident has too many to hold at once. */
const chunk = 500

/** What the alerts of one incident come to. */
export interface Sum {
  readonly summary: Summary
  readonly alerts: number
  readonly firstActivityAt: string | null
  readonly lastActivityAt: string | null
  /** Keys ({@link entityKey}) of everything they name. */
  readonly entities: ReadonlySet<string>
}

/** Sums an incident up from its stored alerts, for when some have left or joined by a person's hand. */
export async function sumUpIncident(tx: Tx, tenantId: string, incidentId: string, recurring: boolean): Promise<Sum> {
  let summary = emptySummary(recurring)
  let count = 0
  let firstActivityAt: string | null = null
  let lastActivityAt: string | null = null
  const entities = new Set<string>()
  const groups = new Set<string>()
  for (let last: StoredAlert | null = null; ; ) {
    const alerts: StoredAlert[] = await readAlertsOfIncident(tx, tenantId, incidentId, chunk, last)
    for (const alert of alerts) {
      const correlated = toCorrelated(alert)
      const subject = subjectOf(correlated.entities)
      const group = seriesKey(correlated.rule, subject)
      summary = addAlert(summary, correlated, subject, !groups.has(group))
      groups.add(group)
      for (const entity of correlated.entities) entities.add(entityKey(entity))
      firstActivityAt = earliest(firstActivityAt, alert.doc.firstActivityDateTime)
      lastActivityAt = latest(lastActivityAt, alert.doc.lastActivityDateTime)
    }
    count += alerts.length
    last = alerts.at(-1) ?? null
    if (alerts.length < chunk) return { summary, alerts: count, firstActivityAt, lastActivityAt, entities }
  }
}

/**
 * What an incident's title, severity and score follow from: what correlation keeps of it, else the sum of its alerts. Severity and tags of
 * one that correlation never touched count as they stand.
 */
export async function readSummary(tx: Tx, { doc }: StoredIncident): Promise<Summary> {
  const tenantId = doc.tenantId ?? ''
  const [kept] = await readSummaries(tx, tenantId, [Number(doc.id)])
  if (kept !== undefined) return JSON.parse(kept.summary)
  const { summary } = await sumUpIncident(tx, tenantId, doc.id, false)
  const severity = Math.max(summary.severity, numberOf('alertSeverity', doc.severity))
  return { ...summary, severity, tags: [...new Set([...doc.systemTags, ...summary.tags])] }
}

function toCorrelated({ doc }: StoredAlert): CorrelatedAlert {
  const at = doc.createdDateTime ?? doc.lastUpdateDateTime ?? ''
  return {
    id: doc.id,
    rule: ruleKey(doc.productName ?? doc.serviceSource, doc.detectorId ?? doc.title ?? ''),
    title: doc.title ?? '',
    severity: numberOf('alertSeverity', doc.severity),
    firstMs: msOf(doc.firstActivityDateTime ?? at),
    lastMs: msOf(doc.lastActivityDateTime ?? at),
    entities: entitiesOf(doc.evidence),
    techniques: doc.mitreTechniques,
    tags: doc.systemTags,
  }
}
