import type { Clock } from '../io/clock.ts'
import { CordonError } from '../model/errors.ts'
import { type AlertDoc, readAlert, type StoredAlert, toAlertRow } from '../store/alerts.ts'
import type { Store, Tx } from '../store/db.ts'
import { deriveId, noticeJob } from '../store/deliveries.ts'
import { allocateIncidentIds, insertIncidents, type StoredIncident, updateIncident } from '../store/incidents.ts'
import { lockIntake, readKnownAlertIds, writeIntake } from '../store/intake.ts'
import type { NewJob } from '../store/jobs.ts'
import { type Actor, chunksOf, type OutgoingEvent, recordChange } from '../store/record.ts'
import { correlate } from './correlation/correlate.ts'
import { loadState } from './correlation/load.ts'
import { absorbIncident } from './correlation/merge-incidents.ts'
import { type CorrelationRules, defaultRules } from './correlation/rules.ts'
import {
  changedIncident,
  componentName,
  countNew,
  type Numbered,
  newIncident,
  numberPlan,
  toRows,
} from './correlation/save.ts'
import type { Merge } from './correlation/state.ts'
import type { NormalisedAlert } from './normalised.ts'
import { alertEntityRows, type Prepared, prepareAlerts } from './prepared.ts'
import { resendAlert } from './resend.ts'

/** What receiving needs. */
export interface ReceiveDeps {
  readonly store: Pick<Store, 'transaction'>
  readonly clock: Clock
  /** The measured defaults without. */
  readonly rules?: CorrelationRules
  /**
   * Alerts per transaction, 1 to 1,000: they share one flush to disk, and hold up other requests as long. A server takes fewer than a
   * command that has the process to itself. 1,000 without.
   */
  readonly batchSize?: number
  /** Rest between transactions, so that another process on the same embedded database gets its turn. None without. */
  readonly pauseMs?: number
}

/** What became of a batch. `accepted` + `duplicates` is the number of alerts given. */
export interface Received {
  readonly accepted: number
  /** Known before, or twice in the batch; those that said something new have been updated. */
  readonly duplicates: number
  readonly incidentsOpened: number
  readonly incidentsMerged: number
}

/** Most alerts in one transaction. */
export const maxBatch = 1_000

/**
 * Stores alerts and places each in an incident, batch by batch; each batch is one transaction with its audit entry and events. The same
 * alert (source and provider's alert id) again is no second one.
 * @throws CordonError ServiceUnavailable when the store cannot be written; batches before it stay
 */
export async function receiveAlerts(
  deps: ReceiveDeps,
  actor: Actor,
  sourceName: string,
  alerts: readonly NormalisedAlert[],
): Promise<Received> {
  const total = { accepted: 0, duplicates: 0, incidentsOpened: 0, incidentsMerged: 0 }
  for (const batch of chunksOf(alerts, deps.batchSize ?? maxBatch)) {
    const prepared = prepareAlerts(actor.tenantId, batch)
    const outcome = await deps.store.transaction((tx) => receiveBatch(deps, tx, actor, sourceName, prepared))
    total.accepted += outcome.accepted
    total.duplicates += batch.length - outcome.accepted
    total.incidentsOpened += outcome.incidentsOpened
    total.incidentsMerged += outcome.incidentsMerged
  }
  return total
}

/** What became of one alert. */
export interface ReceivedOne {
  /** `known`: the same alert with the same content had been stored before. */
  readonly outcome: 'created' | 'updated' | 'known'
  /** As stored, with its incident. */
  readonly alert: StoredAlert
}

/**
 * Stores one alert and returns it with its incident: correlation has run before this returns.
 * @throws CordonError ServiceUnavailable when the store cannot be written
 */
export async function receiveOne(deps: ReceiveDeps, actor: Actor, alert: NormalisedAlert): Promise<ReceivedOne> {
  const prepared = prepareAlerts(actor.tenantId, [alert])
  const [first] = prepared
  if (first === undefined) throw new TypeError('one alert was given')
  return deps.store.transaction(async (tx) => {
    const outcome = await receiveBatch(deps, tx, actor, alert.source, prepared)
    const stored = await readAlert(tx, actor.tenantId, first.id)
    if (stored === null) throw new CordonError('InternalServerError', 'The alert was not stored.')
    if (outcome.accepted === 1) return { outcome: 'created', alert: stored }
    return { outcome: outcome.updated > 0 ? 'updated' : 'known', alert: stored }
  })
}

interface BatchOutcome {
  readonly accepted: number
  readonly updated: number
  readonly incidentsOpened: number
  readonly incidentsMerged: number
}

async function receiveBatch(
  deps: ReceiveDeps,
  tx: Tx,
  actor: Actor,
  sourceName: string,
  batch: readonly Prepared[],
): Promise<BatchOutcome> {
  const { tenantId } = actor
  const now = deps.clock.now()
  await lockIntake(tx, tenantId)
  const known = await readKnownAlertIds(tx, tenantId, [...new Set(batch.map(({ id }) => id))])
  const { fresh, again } = splitKnown(batch, known)
  const placed = await placeAlerts(deps, tx, tenantId, fresh, now)
  let updated = 0
  for (const one of again) if (await resendAlert(tx, actor, one, now)) updated += 1
  const { incidentsOpened, incidentsMerged } = placed
  if (fresh.length === 0) return { accepted: 0, updated, incidentsOpened, incidentsMerged }
  await recordChange(tx, {
    at: now,
    actor,
    audit: {
      action: 'ingestAlerts',
      objectType: 'alert',
      objectId: fresh.length === 1 ? (fresh[0]?.id ?? sourceName) : sourceName,
      decision: 'allowed',
      details: { source: sourceName, accepted: fresh.length, duplicates: batch.length - fresh.length, incidentsOpened },
    },
    events: [
      ...fresh.map(({ id }) => ({ change: 'created', resource: 'alert', objectId: id }) as const),
      ...placed.events,
    ],
    jobs: placed.jobs,
  })
  return { accepted: fresh.length, updated, incidentsOpened, incidentsMerged }
}

/** The first of each id that is not known yet; the rest come again. */
function splitKnown(batch: readonly Prepared[], known: ReadonlySet<string>): { fresh: Prepared[]; again: Prepared[] } {
  const fresh: Prepared[] = []
  const again: Prepared[] = []
  const seen = new Set(known)
  for (const one of batch) {
    if (seen.has(one.id)) again.push(one)
    else fresh.push(one)
    seen.add(one.id)
  }
  return { fresh, again }
}

interface Placed {
  readonly incidentsOpened: number
  readonly incidentsMerged: number
  readonly events: OutgoingEvent[]
  readonly jobs: readonly NewJob[]
}

async function placeAlerts(
  deps: ReceiveDeps,
  tx: Tx,
  tenantId: string,
  fresh: readonly Prepared[],
  now: string,
): Promise<Placed> {
  if (fresh.length === 0) return { incidentsOpened: 0, incidentsMerged: 0, events: [], jobs: [] }
  const rules = deps.rules ?? defaultRules
  const alerts = fresh.map(({ correlated }) => correlated)
  const { state, incidents } = await loadState(tx, tenantId, alerts, rules)
  const plan = correlate(state, alerts, rules)
  const opened = countNew(plan)
  const numbered = numberPlan(plan, opened === 0 ? [] : await allocateIncidentIds(tx, opened))
  const working = new Map(incidents)
  const moved = await mergeIncidents(tx, tenantId, numbered, working, now)
  const written = await writeIncidents(tx, tenantId, numbered, working, now)
  const events = [...moved, ...written.events]
  const rows = toRows(tenantId, numbered, now)
  const incidentOf = new Map(plan.joins.map((join) => [join.alertId, String(numbered.idOf(join.incident))]))
  await writeIntake(tx, {
    ...rows,
    alerts: fresh.map((one) => toAlertRow(toStored(tenantId, one, incidentOf.get(one.id) ?? '', now))),
    alertEntities: fresh.flatMap(({ id, alert }) => alertEntityRows(tenantId, id, alert)),
  })
  const jobs = written.alarming.map((id) => highSeverityNotice(tenantId, id, now))
  return { incidentsOpened: opened, incidentsMerged: plan.merges.length, events, jobs }
}

function toStored(tenantId: string, { id, alert }: Prepared, incidentId: string, now: string): StoredAlert {
  const doc: AlertDoc = {
    id,
    tenantId,
    ...alert.content,
    comments: [],
    lastUpdateDateTime: now,
    resolvedDateTime: alert.content.status === 'resolved' ? now : null,
  }
  return { doc, incidentId, source: alert.source, providerAlertId: alert.providerAlertId, version: 1 }
}

/** Redirects merged incidents to their survivors and moves what they hold; `incidents` is brought up to date. */
async function mergeIncidents(
  tx: Tx,
  tenantId: string,
  { plan, idOf }: Numbered,
  incidents: Map<number, StoredIncident>,
  now: string,
): Promise<OutgoingEvent[]> {
  const events: OutgoingEvent[] = []
  for (const merge of plan.merges) {
    const into = idOf(merge.into)
    const from = incidents.get(merge.from)
    const survivor = incidents.get(into)
    if (from === undefined || survivor === undefined) throw new TypeError('a merge names an incident that was not read')
    const absorbed = await absorbIncident(tx, from, survivor, componentName, now)
    incidents.set(into, absorbed.survivor)
    events.push(...absorbed.events)
    await recordMerge(tx, tenantId, merge, into, now)
  }
  return events
}

function recordMerge(tx: Tx, tenantId: string, merge: Merge, into: number, now: string): Promise<void> {
  return recordChange(tx, {
    at: now,
    actor: { tenantId, id: 'correlation', kind: 'system', name: componentName },
    audit: {
      action: 'mergeIncidents',
      objectType: 'incident',
      objectId: String(merge.from),
      decision: 'allowed',
      details: { into: String(into), rule: merge.reason.rule },
    },
  })
}

async function writeIncidents(
  tx: Tx,
  tenantId: string,
  { plan, idOf }: Numbered,
  incidents: ReadonlyMap<number, StoredIncident>,
  now: string,
): Promise<{ readonly events: OutgoingEvent[]; readonly alarming: readonly string[] }> {
  const events: OutgoingEvent[] = []
  const alarming: string[] = []
  const opened: StoredIncident[] = []
  for (const planned of plan.incidents) {
    const id = idOf(planned.incident)
    const change = planned.incident < 0 ? 'created' : 'updated'
    events.push({ change, resource: 'incident', objectId: String(id) })
    if (planned.incident < 0) {
      const fresh = newIncident(tenantId, id, planned, now)
      opened.push(fresh)
      if (fresh.doc.severity === 'high') alarming.push(String(id))
      continue
    }
    const incident = incidents.get(id)
    if (incident === undefined) throw new TypeError('a plan changes an incident that was not read')
    const changed = changedIncident(incident, planned, now)
    await updateIncident(tx, changed)
    if (changed.doc.severity === 'high' && incident.doc.severity !== 'high') alarming.push(String(id))
  }
  await insertIncidents(tx, opened)
  return { events, alarming }
}

/** Tells people of an incident that came up with high severity, or grew to it. */
function highSeverityNotice(tenantId: string, incidentId: string, at: string): NewJob {
  const event = 'highSeverityIncident'
  const id = deriveId(tenantId, event, incidentId, at)
  return noticeJob(id, { event, incidentId, taskId: null, executionId: null, at })
}
