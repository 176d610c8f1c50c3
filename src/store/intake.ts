import { readRows, writeRows } from './bulk.ts'
import type { Db, Tx } from './db.ts'
import { moveRows } from './moved-rows.ts'
import { chunksOf } from './record.ts'
import type {
  AlertEntityRow,
  AlertJoinRow,
  AlertRow,
  AlertSeriesRow,
  EntityRow,
  IncidentMergeRow,
  IncidentSummaryRow,
  SightingRow,
} from './schema.ts'

/** An entity by its name. */
export interface EntityName {
  readonly kind: string
  readonly value: string
}

/** A series by its name. */
export interface SeriesName extends EntityName {
  readonly rule: string
}

/**
 * Makes the tenant's intakes take turns until the transaction ends: two servers that correlated the same tenant at once would each open
 * an incident for what belongs together.
 */
export async function lockIntake(tx: Tx, tenantId: string): Promise<void> {
  await tx
    .insertInto('counters')
    .values({ name: `intake:${tenantId}`, value: 1 })
    .onConflict((conflict) => conflict.column('name').doUpdateSet((eb) => ({ value: eb('counters.value', '+', 1) })))
    .execute()
}

/** Those of `ids` that the tenant has alerts for. */
export async function readKnownAlertIds(db: Db, tenantId: string, ids: readonly string[]): Promise<Set<string>> {
  const rows = await readRows(db, tenantId, {
    table: 'alerts',
    columns: ['id'],
    key: ['id'],
    keys: ids.map((id) => [id]),
  })
  return new Set(rows.map((row) => row.id))
}

/** What is known of entities; those never seen are absent. */
export function readEntities(db: Db, tenantId: string, names: readonly EntityName[]): Promise<EntityRow[]> {
  const keys = names.map(({ kind, value }) => [kind, value])
  return readRows(db, tenantId, { table: 'entities', key: ['kind', 'value'], keys })
}

/** Sightings of entities that touch the time from `from` to `to` (7-digit instants, both included). */
export function readSightings(
  db: Db,
  tenantId: string,
  names: readonly EntityName[],
  from: string,
  to: string,
): Promise<SightingRow[]> {
  return readRows(db, tenantId, {
    table: 'sightings',
    key: ['kind', 'value'],
    keys: names.map(({ kind, value }) => [kind, value]),
    where: [
      ['last_at', '>=', from],
      ['first_at', '<=', to],
    ],
  })
}

/** What is known of series; those that never fired are absent. */
export function readSeries(db: Db, tenantId: string, names: readonly SeriesName[]): Promise<AlertSeriesRow[]> {
  const keys = names.map(({ rule, kind, value }) => [rule, kind, value])
  return readRows(db, tenantId, { table: 'alert_series', key: ['rule', 'kind', 'value'], keys })
}

/** Summaries of incidents that correlation has touched. */
export function readSummaries(db: Db, tenantId: string, ids: readonly number[]): Promise<IncidentSummaryRow[]> {
  return readRows(db, tenantId, { table: 'incident_summaries', key: ['incident_id'], keys: ids.map((id) => [id]) })
}

/** What one batch leaves behind. */
export interface IntakeRows {
  readonly alerts: readonly AlertRow[]
  readonly alertEntities: readonly AlertEntityRow[]
  readonly joins: readonly AlertJoinRow[]
  readonly entities: readonly EntityRow[]
  readonly sightings: readonly SightingRow[]
  readonly series: readonly AlertSeriesRow[]
  readonly summaries: readonly IncidentSummaryRow[]
  readonly merges: readonly IncidentMergeRow[]
}

/** Writes it: new alerts with what they name and why they stand where they stand, and what correlation knows from now on. */
export async function writeIntake(tx: Tx, rows: IntakeRows): Promise<void> {
  await writeRows(tx, 'alerts', rows.alerts)
  await writeRows(tx, 'alert_entities', rows.alertEntities)
  await writeRows(tx, 'alert_joins', rows.joins)
  await writeRows(tx, 'entities', rows.entities, ['tenant_id', 'kind', 'value'])
  await writeRows(tx, 'sightings', rows.sightings, ['tenant_id', 'kind', 'value', 'opened_by'])
  await writeRows(tx, 'alert_series', rows.series, ['tenant_id', 'rule', 'kind', 'value'])
  await writeRows(tx, 'incident_summaries', rows.summaries, ['tenant_id', 'incident_id'])
  await writeRows(tx, 'incident_merges', rows.merges)
}

/** Replaces what an alert names, when its sender sent it again with other content. */
export async function replaceAlertEntities(
  tx: Tx,
  tenantId: string,
  alertId: string,
  rows: readonly AlertEntityRow[],
): Promise<void> {
  await tx.deleteFrom('alert_entities').where('tenant_id', '=', tenantId).where('alert_id', '=', alertId).execute()
  await writeRows(tx, 'alert_entities', rows)
}

/** What a merge moved, for the events. */
export interface Moved {
  readonly alertIds: readonly string[]
  readonly taskIds: readonly string[]
  /** Incidents merged into `from` earlier, which from now on must lead to `into`. */
  readonly redirectedIds: readonly number[]
}

/**
 * Moves the alerts, tasks and sightings of one incident to another. Ids stay; versions and times of the last change go up, because what the
 * rows show has changed. The incidents themselves are the caller's.
 * @param now 7-digit instant
 */
export async function moveIncident(tx: Tx, tenantId: string, from: number, into: number, now: string): Promise<Moved> {
  const alertIds = await listRowsOf(tx, 'alerts', tenantId, from)
  await moveRows(tx, 'alerts', { tenantId, ids: alertIds, into, now })
  const taskIds = await listRowsOf(tx, 'tasks', tenantId, from)
  await moveRows(tx, 'tasks', { tenantId, ids: taskIds, into, now })
  await tx
    .updateTable('sightings')
    .set({ incident_id: into })
    .where('tenant_id', '=', tenantId)
    .where('incident_id', '=', from)
    .execute()
  const redirected = await tx
    .selectFrom('incidents')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('redirect_incident_id', '=', from)
    .execute()
  return {
    alertIds,
    taskIds,
    redirectedIds: redirected.map((row) => row.id),
  }
}

async function listRowsOf(tx: Tx, table: 'alerts' | 'tasks', tenantId: string, incidentId: number): Promise<string[]> {
  const rows = await tx
    .selectFrom(table)
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('incident_id', '=', incidentId)
    .execute()
  return rows.map((row) => row.id)
}

/** Moves what is known of where entities were seen in one incident to another. */
export async function moveSightings(
  tx: Tx,
  tenantId: string,
  from: number,
  into: number,
  names: readonly EntityName[],
): Promise<void> {
  for (const kind of new Set(names.map((name) => name.kind))) {
    const values = names.filter((name) => name.kind === kind).map((name) => name.value)
    for (const chunk of chunksOf(values, 500)) {
      await tx
        .updateTable('sightings')
        .set({ incident_id: into })
        .where('tenant_id', '=', tenantId)
        .where('incident_id', '=', from)
        .where('kind', '=', kind)
        .where('value', 'in', [...chunk])
        .execute()
    }
  }
}

/** Why alerts stand in their incidents; those that correlation did not place are absent. */
export function readJoins(db: Db, tenantId: string, alertIds: readonly string[]): Promise<AlertJoinRow[]> {
  return readRows(db, tenantId, { table: 'alert_joins', key: ['alert_id'], keys: alertIds.map((id) => [id]) })
}

/** Why the alerts of an incident stand in it, those that joined last first. */
export async function listJoins(db: Db, tenantId: string, incidentId: number, limit: number): Promise<AlertJoinRow[]> {
  return db
    .selectFrom('alert_joins')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('incident_id', '=', incidentId)
    .orderBy('joined_at', 'desc')
    .orderBy('alert_id')
    .limit(limit)
    .execute()
}

/** Writes why alerts stand in their incidents, in place of what was known. */
export function writeJoins(tx: Tx, joins: readonly AlertJoinRow[]): Promise<void> {
  return writeRows(tx, 'alert_joins', joins, ['tenant_id', 'alert_id'])
}

/** Writes what incidents' titles and scores follow from, in place of what was known. */
export function writeSummaries(tx: Tx, summaries: readonly IncidentSummaryRow[]): Promise<void> {
  return writeRows(tx, 'incident_summaries', summaries, ['tenant_id', 'incident_id'])
}

/** Writes why incidents were merged. */
export function writeMerges(tx: Tx, merges: readonly IncidentMergeRow[]): Promise<void> {
  return writeRows(tx, 'incident_merges', merges)
}

/** Why an alert stands in its incident; null when it was not placed by correlation. */
export async function readJoin(db: Db, tenantId: string, alertId: string): Promise<AlertJoinRow | null> {
  const row = await db
    .selectFrom('alert_joins')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('alert_id', '=', alertId)
    .executeTakeFirst()
  return row ?? null
}
