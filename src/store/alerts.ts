import type { Alert } from '../model/generated.ts'
import { hasHidden } from '../model/graph-validate.ts'
import { numberOf, numberOrNull } from '../model/graph-values.ts'
import { type Db, holdRows, type Tx } from './db.ts'
import { chunksOf } from './record.ts'
import type { AlertRow } from './schema.ts'

/** An alert's Graph form without its links (they depend on who asks) and its incident (a merge moves it without touching the alert). */
export type AlertDoc = Omit<Alert, 'alertWebUrl' | 'incidentWebUrl' | 'incidentId'>

/** An alert as stored. */
export interface StoredAlert {
  readonly doc: AlertDoc
  readonly incidentId: string
  /** The sending application or sensor. */
  readonly source: string
  /** Unique within the source; a second alert with the same one is the same alert. */
  readonly providerAlertId: string
  /** Counts changes; the ETag. 0 before the first write. */
  readonly version: number
}

const columns = [
  'doc',
  'incident_id',
  'source',
  'provider_alert_id',
  'version',
] as const satisfies readonly (keyof AlertRow)[]

/** Reads one alert of a tenant; null when the tenant has none with this id. */
export async function readAlert(db: Db, tenantId: string, id: string): Promise<StoredAlert | null> {
  const row = await db
    .selectFrom('alerts')
    .select(columns)
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row ? toStored(row) : null
}

/** As {@link readAlert}, holding the row until the transaction ends. */
export async function readAlertForUpdate(tx: Tx, tenantId: string, id: string): Promise<StoredAlert | null> {
  const query = tx.selectFrom('alerts').select(columns).where('tenant_id', '=', tenantId).where('id', '=', id)
  const row = await holdRows(tx, query).executeTakeFirst()
  return row ? toStored(row) : null
}

/** Writes new alerts. */
export async function insertAlerts(tx: Tx, alerts: readonly StoredAlert[]): Promise<void> {
  for (const chunk of chunksOf(alerts, 200)) {
    await tx
      .insertInto('alerts')
      .values(chunk.map((alert) => toAlertRow({ ...alert, version: 1 })))
      .execute()
  }
}

/** Writes an alert read in this transaction; its version goes up by one. Returns it as now stored. */
export async function updateAlert(tx: Tx, alert: StoredAlert): Promise<StoredAlert> {
  const next = { ...alert, version: alert.version + 1 }
  const { tenant_id, id, ...values } = toAlertRow(next)
  await tx.updateTable('alerts').set(values).where('tenant_id', '=', tenant_id).where('id', '=', id).execute()
  return next
}

/** Reads up to `limit` alerts of an incident, oldest first; with `after`, those that follow it. */
export async function readAlertsOfIncident(
  db: Db,
  tenantId: string,
  incidentId: string,
  limit: number,
  after: StoredAlert | null = null,
): Promise<StoredAlert[]> {
  let query = db
    .selectFrom('alerts')
    .select(columns)
    .where('tenant_id', '=', tenantId)
    .where('incident_id', '=', Number(incidentId))
  if (after !== null) {
    const { createdDateTime, id } = after.doc
    query = query.where((eb) => eb(eb.refTuple('created_at', 'id'), '>', eb.tuple(createdDateTime ?? '', id)))
  }
  return (await query.orderBy('created_at').orderBy('id').limit(limit).execute()).map(toStored)
}

/** Reads several alerts of a tenant; those it does not have are absent. */
export async function readAlerts(db: Db, tenantId: string, ids: readonly string[]): Promise<StoredAlert[]> {
  const found: StoredAlert[] = []
  for (const chunk of chunksOf(ids, 500)) {
    const rows = await db
      .selectFrom('alerts')
      .select(columns)
      .where('tenant_id', '=', tenantId)
      .where('id', 'in', [...chunk])
      .execute()
    found.push(...rows.map(toStored))
  }
  return found
}

/** How many alerts of an incident are not resolved. */
export async function countOpenAlerts(db: Db, tenantId: string, incidentId: string): Promise<number> {
  const row = await db
    .selectFrom('alerts')
    .select((eb) => eb.fn.countAll<number>().as('open'))
    .where('tenant_id', '=', tenantId)
    .where('incident_id', '=', Number(incidentId))
    .where('status', '<>', numberOf('alertStatus', 'resolved'))
    .executeTakeFirstOrThrow()
  return Number(row.open)
}

function toStored(row: Pick<AlertRow, (typeof columns)[number]>): StoredAlert {
  return {
    doc: JSON.parse(row.doc),
    incidentId: String(row.incident_id),
    source: row.source,
    providerAlertId: row.provider_alert_id,
    version: row.version,
  }
}

/** The columns that repeat what lies in `doc`, for whoever writes rows in bulk. */
export function toAlertRow(alert: StoredAlert): AlertRow {
  const { doc } = alert
  if (doc.tenantId === null) throw new TypeError('an alert is stored with its tenant')
  if (doc.createdDateTime === null || doc.lastUpdateDateTime === null) {
    throw new TypeError('an alert is stored with its times')
  }
  return {
    tenant_id: doc.tenantId,
    id: doc.id,
    incident_id: Number(alert.incidentId),
    source: alert.source,
    provider_alert_id: alert.providerAlertId,
    status: numberOf('alertStatus', doc.status),
    severity: numberOf('alertSeverity', doc.severity),
    classification: numberOrNull('alertClassification', doc.classification),
    determination: numberOrNull('alertDetermination', doc.determination),
    service_source: numberOf('serviceSource', doc.serviceSource),
    detection_source: numberOrNull('detectionSource', doc.detectionSource),
    category: doc.category,
    title: doc.title,
    assigned_to: doc.assignedTo,
    created_at: doc.createdDateTime,
    updated_at: doc.lastUpdateDateTime,
    first_activity_at: doc.firstActivityDateTime,
    last_activity_at: doc.lastActivityDateTime,
    hidden: hasHidden('alert', doc) ? 1 : 0,
    version: alert.version,
    doc: JSON.stringify(doc),
  }
}
