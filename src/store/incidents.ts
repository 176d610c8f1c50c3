import type { Incident } from '../model/generated.ts'
import { hasHidden } from '../model/graph-validate.ts'
import { numberOf, numberOrNull } from '../model/graph-values.ts'
import { type Db, holdRows, type Tx } from './db.ts'
import { chunksOf } from './record.ts'
import type { IncidentRow } from './schema.ts'

/** What a person set by hand on an incident; correlation leaves these properties alone. */
export type PersonSet = 'displayName' | 'severity'

/** An incident's Graph form without what depends on who asks (its link) or lies elsewhere (its alerts). */
export type IncidentDoc = Omit<
  Incident,
  'incidentWebUrl' | 'alerts' | 'recommendedActions' | 'recommendedHuntingQueries'
>

/** An incident as stored: its Graph form and what correlation keeps beside it. */
export interface StoredIncident {
  readonly doc: IncidentDoc
  readonly firstActivityAt: string | null
  readonly lastActivityAt: string | null
  readonly alertCount: number
  readonly personSet: readonly PersonSet[]
  /** Who had it before the customer: null or absent for nobody. */
  readonly handedOverFrom?: string | null
  /** Counts changes; the ETag. 0 before the first write. */
  readonly version: number
}

const columns = [
  'doc',
  'first_activity_at',
  'last_activity_at',
  'alert_count',
  'person_set',
  'handed_over_from',
  'version',
] as const satisfies readonly (keyof IncidentRow)[]

/** Reads one incident of a tenant; null when the tenant has none with this id. */
export async function readIncident(db: Db, tenantId: string, id: string): Promise<StoredIncident | null> {
  if (!isIncidentId(id)) return null
  const row = await db
    .selectFrom('incidents')
    .select(columns)
    .where('tenant_id', '=', tenantId)
    .where('id', '=', Number(id))
    .executeTakeFirst()
  return row ? toStored(row) : null
}

/** As {@link readIncident}, holding the row until the transaction ends. */
export async function readIncidentForUpdate(tx: Tx, tenantId: string, id: string): Promise<StoredIncident | null> {
  return (await readIncidentsForUpdate(tx, tenantId, [id]))[0] ?? null
}

/** Reads and holds several incidents, in the order of their ids so that two transactions cannot wait for each other. */
export async function readIncidentsForUpdate(
  tx: Tx,
  tenantId: string,
  ids: readonly string[],
): Promise<StoredIncident[]> {
  const numbers = ids.filter(isIncidentId).map(Number)
  const found: StoredIncident[] = []
  for (const chunk of chunksOf(numbers, 500)) {
    const query = tx
      .selectFrom('incidents')
      .select(columns)
      .where('tenant_id', '=', tenantId)
      .where('id', 'in', [...chunk])
      .orderBy('id')
    found.push(...(await holdRows(tx, query).execute()).map(toStored))
  }
  return found
}

/** Hands out `count` incident ids; they are decimal numbers unique over all tenants. Holds the range's row until the end. */
export async function allocateIncidentIds(tx: Tx, count: number): Promise<string[]> {
  const row = await tx
    .insertInto('counters')
    .values({ name: 'incident', value: count })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet((eb) => ({ value: eb('counters.value', '+', count) })),
    )
    .returning('value')
    .executeTakeFirstOrThrow()
  return Array.from({ length: count }, (_, index) => String(row.value - count + 1 + index))
}

/** Writes new incidents. */
export async function insertIncidents(tx: Tx, incidents: readonly StoredIncident[]): Promise<void> {
  for (const chunk of chunksOf(incidents, 200)) {
    await tx
      .insertInto('incidents')
      .values(chunk.map((incident) => toIncidentRow({ ...incident, version: 1 })))
      .execute()
  }
}

/** Writes an incident read in this transaction; its version goes up by one. Returns it as now stored. */
export async function updateIncident(tx: Tx, incident: StoredIncident): Promise<StoredIncident> {
  const next = { ...incident, version: incident.version + 1 }
  const { tenant_id, id, ...values } = toIncidentRow(next)
  await tx.updateTable('incidents').set(values).where('tenant_id', '=', tenant_id).where('id', '=', id).execute()
  return next
}

/** True for a decimal number as we write it: no sign, space or leading zero. Any other text names no incident. */
export function isIncidentId(text: string): boolean {
  return /^(0|[1-9][0-9]{0,14})$/.test(text)
}

function toStored(row: Pick<IncidentRow, (typeof columns)[number]>): StoredIncident {
  return {
    doc: JSON.parse(row.doc),
    firstActivityAt: row.first_activity_at,
    lastActivityAt: row.last_activity_at,
    alertCount: row.alert_count,
    personSet: JSON.parse(row.person_set),
    handedOverFrom: row.handed_over_from,
    version: row.version,
  }
}

/** The columns that repeat what lies in `doc`, for whoever writes rows in bulk. */
export function toIncidentRow(incident: StoredIncident): IncidentRow {
  const { doc } = incident
  if (doc.tenantId === null) throw new TypeError('an incident is stored with its tenant')
  return {
    tenant_id: doc.tenantId,
    id: Number(doc.id),
    status: numberOf('incidentStatus', doc.status),
    severity: numberOf('alertSeverity', doc.severity),
    classification: numberOrNull('alertClassification', doc.classification),
    determination: numberOrNull('alertDetermination', doc.determination),
    assigned_to: doc.assignedTo,
    display_name: doc.displayName,
    tags: doc.customTags.length === 0 ? null : JSON.stringify([...new Set(doc.customTags)]),
    created_at: doc.createdDateTime,
    updated_at: doc.lastUpdateDateTime,
    priority_score: doc.priorityScore,
    redirect_incident_id: doc.redirectIncidentId === null ? null : Number(doc.redirectIncidentId),
    first_activity_at: incident.firstActivityAt,
    last_activity_at: incident.lastActivityAt,
    alert_count: incident.alertCount,
    person_set: JSON.stringify(incident.personSet),
    handed_over_from: incident.handedOverFrom ?? null,
    hidden: hasHidden('incident', doc) ? 1 : 0,
    version: incident.version,
    doc: JSON.stringify(doc),
  }
}
