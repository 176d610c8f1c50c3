import { sql } from 'kysely'
import type { AlertEvidence } from '../model/generated.ts'
import type { Db, Store } from './db.ts'
import { type Execution, toExecution } from './executions.ts'
import type { EntityRow } from './schema.ts'
import { type StoredTask, toStored } from './tasks.ts'

/** A thing that alerts have named, and what one of them said of it. */
export interface NamedThing extends Pick<EntityRow, 'value' | 'alert_count' | 'first_seen_at' | 'last_seen_at'> {
  /** Of one alert that names it; empty when none is kept any more. */
  readonly evidence: readonly AlertEvidence[]
}

/** Which names are read: a stretch of their order. */
export interface NameStretch {
  readonly kind: string
  /** What they begin with, in lower case; empty for all. */
  readonly beginning: string
  /** Names after this one. */
  readonly after: string
  readonly limit: number
}

/** Names of one kind that alerts of the tenant have named, by name. */
export async function listNamedThings(db: Db, tenantId: string, stretch: NameStretch): Promise<NamedThing[]> {
  const { kind, beginning, after, limit } = stretch
  const all = selectSighted(db, tenantId, kind).where('value', '>', after)
  // Both databases compare by code point, and this is the last one.
  const begun = all.where('value', '>=', beginning).where('value', '<', `${beginning}\u{10ffff}`)
  return addEvidence(db, tenantId, await (beginning === '' ? all : begun).orderBy('value').limit(limit).execute())
}

/** As {@link listNamedThings}, of these names alone; those that no alert named are absent. */
export async function readSightings(
  db: Db,
  tenantId: string,
  kind: string,
  values: readonly string[],
): Promise<NamedThing[]> {
  return addEvidence(
    db,
    tenantId,
    await selectSighted(db, tenantId, kind)
      .where('value', 'in', [...values])
      .execute(),
  )
}

/** Names of one kind, each with one of the alerts that name it. */
function selectSighted(db: Db, tenantId: string, kind: string) {
  return db
    .selectFrom('entities')
    .select(['value', 'alert_count', 'first_seen_at', 'last_seen_at'])
    .select((eb) =>
      eb
        .selectFrom('alert_entities')
        .select((inner) => inner.fn.max('alert_id').as('alert_id'))
        .where('alert_entities.tenant_id', '=', tenantId)
        .where('alert_entities.kind', '=', kind)
        .whereRef('alert_entities.value', '=', 'entities.value')
        .as('alert_id'),
    )
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', kind)
}

type Sighted = Omit<NamedThing, 'evidence'> & { readonly alert_id: string | null }

async function addEvidence(db: Db, tenantId: string, rows: readonly Sighted[]): Promise<NamedThing[]> {
  const evidence = await readEvidence(
    db,
    tenantId,
    rows.flatMap(({ alert_id }) => (alert_id === null ? [] : [alert_id])),
  )
  return rows.map(({ alert_id, ...row }) => ({ ...row, evidence: evidence.get(alert_id ?? '') ?? [] }))
}

async function readEvidence(
  db: Db,
  tenantId: string,
  alertIds: readonly string[],
): Promise<ReadonlyMap<string, readonly AlertEvidence[]>> {
  if (alertIds.length === 0) return new Map()
  const rows = await db
    .selectFrom('alerts')
    .select(['id', 'doc'])
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', [...alertIds])
    .execute()
  return new Map(rows.map(({ id, doc }) => [id, evidenceOf(doc)]))
}

function evidenceOf(doc: string): readonly AlertEvidence[] {
  const { evidence }: { readonly evidence: readonly AlertEvidence[] } = JSON.parse(doc)
  return evidence
}

/** What is known of names of one kind; those that no alert named are absent. */
export async function readNamedThings(
  db: Db,
  tenantId: string,
  kind: string,
  values: readonly string[],
): Promise<Omit<NamedThing, 'evidence'>[]> {
  return db
    .selectFrom('entities')
    .select(['value', 'alert_count', 'first_seen_at', 'last_seen_at'])
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', kind)
    .where('value', 'in', [...values])
    .execute()
}

/** An alert as far as it says where a thing was seen. */
export interface SightedAlert {
  readonly incidentId: number
  readonly evidence: readonly AlertEvidence[]
}

/** Some of the alerts that name a thing; which of very many does not matter to what it is. */
export async function listAlertsNaming(
  db: Db,
  tenantId: string,
  kind: string,
  value: string,
  limit: number,
): Promise<SightedAlert[]> {
  const rows = await db
    .selectFrom((eb) =>
      eb
        .selectFrom('alert_entities')
        .select('alert_id')
        .where('tenant_id', '=', tenantId)
        .where('kind', '=', kind)
        .where('value', '=', value)
        .orderBy('alert_id', 'desc')
        .limit(limit)
        .as('named'),
    )
    .innerJoin('alerts', (join) => join.onRef('alerts.id', '=', 'named.alert_id').on('alerts.tenant_id', '=', tenantId))
    .select(['alerts.incident_id', 'alerts.doc'])
    .execute()
  return rows.map(({ incident_id, doc }) => ({ incidentId: incident_id, evidence: evidenceOf(doc) }))
}

/** How many alerts of each incident name the thing, of so many alerts; and the incidents where it was seen last. */
export async function listIncidentsNaming(
  db: Db,
  tenantId: string,
  kind: string,
  values: readonly string[],
  most: number,
): Promise<{ readonly incidentIds: readonly number[]; readonly isCut: boolean }> {
  const found = await db
    .selectFrom((eb) =>
      eb
        .selectFrom('alert_entities')
        .select('alert_id')
        .where('tenant_id', '=', tenantId)
        .where('kind', '=', kind)
        .where('value', 'in', [...values])
        .limit(most)
        .as('named'),
    )
    .innerJoin('alerts', (join) => join.onRef('alerts.id', '=', 'named.alert_id').on('alerts.tenant_id', '=', tenantId))
    .select((eb) => ['alerts.incident_id', eb.fn.countAll<number>().as('alerts')])
    .groupBy('alerts.incident_id')
    .execute()
  // Those of a thing that very many alerts name: correlation knows where it was seen last.
  const last = await db
    .selectFrom('sightings')
    .select('incident_id')
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', kind)
    .where('value', 'in', [...values])
    .orderBy('last_at', 'desc')
    .limit(200)
    .execute()
  const looked = found.reduce((total, { alerts }) => total + Number(alerts), 0)
  const incidentIds = [...new Set([...last, ...found].map(({ incident_id }) => incident_id))]
  return { incidentIds, isCut: looked >= most }
}

/** An incident in a line. */
export interface IncidentLine {
  readonly id: number
  readonly status: number
  readonly severity: number
  readonly display_name: string | null
  readonly created_at: string
}

/** The newest of these incidents. */
export async function listIncidentLines(
  db: Db,
  tenantId: string,
  ids: readonly number[],
  limit: number,
): Promise<IncidentLine[]> {
  const found: IncidentLine[] = []
  for (let from = 0; from < ids.length; from += 500) {
    const rows = await db
      .selectFrom('incidents')
      .select(['id', 'status', 'severity', 'display_name', 'created_at'])
      .where('tenant_id', '=', tenantId)
      .where('id', 'in', ids.slice(from, from + 500))
      .execute()
    found.push(...rows)
  }
  return found.sort((a, b) => (a.created_at < b.created_at ? 1 : -1)).slice(0, limit)
}

/** The evidence of an incident's newest alerts. */
export async function listEvidenceOfIncident(
  db: Db,
  tenantId: string,
  incidentId: number,
  limit: number,
): Promise<(readonly AlertEvidence[])[]> {
  const rows = await db
    .selectFrom('alerts')
    .select('doc')
    .where('tenant_id', '=', tenantId)
    .where('incident_id', '=', incidentId)
    .orderBy('created_at', 'desc')
    .limit(limit)
    .execute()
  return rows.map(({ doc }) => evidenceOf(doc))
}

/** Those of these incidents that the tenant has. */
export async function listKnownIncidents(db: Db, tenantId: string, ids: readonly number[]): Promise<number[]> {
  const rows = await db
    .selectFrom('incidents')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', [...ids])
    .orderBy('id')
    .execute()
  return rows.map(({ id }) => Number(id))
}

/** The evidence of the newest alerts of each of several incidents. */
export async function listEvidenceOfEach(
  { read, dialect }: Pick<Store, 'read' | 'dialect'>,
  tenantId: string,
  ids: readonly number[],
  limit: number,
): Promise<ReadonlyMap<number, (readonly AlertEvidence[])[]>> {
  const found = new Map<number, (readonly AlertEvidence[])[]>()
  if (dialect === 'sqlite') {
    for (const id of ids) found.set(id, await listEvidenceOfIncident(read, tenantId, id, limit))
    return found
  }
  // Asking for each would take most of its time on the way.
  const { rows } = await sql<{ id: number; doc: string }>`
    select wanted.id, newest.doc from unnest(${`{${ids.join()}}`}::bigint[]) as wanted (id)
    cross join lateral (select doc from alerts where alerts.tenant_id = ${tenantId} and alerts.incident_id = wanted.id
      order by alerts.created_at desc limit ${limit}) as newest`.execute(read)
  for (const { id, doc } of rows) found.set(Number(id), [...(found.get(Number(id)) ?? []), evidenceOf(doc)])
  return found
}

/** A run with the incident of its task. */
export interface RunOfIncident {
  readonly execution: Execution
  readonly incidentId: string
}

/** Runs whose effect lasts, of the whole tenant, the latest first. */
export async function listHolds(db: Db, tenantId: string, limit: number): Promise<RunOfIncident[]> {
  const rows = await db
    .selectFrom('executions')
    .innerJoin('tasks', (join) =>
      join.onRef('tasks.tenant_id', '=', 'executions.tenant_id').onRef('tasks.id', '=', 'executions.task_id'),
    )
    .selectAll('executions')
    .select('tasks.incident_id')
    .where('executions.tenant_id', '=', tenantId)
    // Said as the index says it, so that only what holds is looked at.
    .where('executions.holds', '=', sql.lit(1))
    .orderBy('executions.finished_at', 'desc')
    .orderBy('executions.id')
    .limit(limit)
    .execute()
  return rows.map(({ incident_id, ...row }) => ({ execution: toExecution(row), incidentId: String(incident_id) }))
}

/** The runs of these tasks, the latest first. */
export async function listRunsOfTasks(
  db: Db,
  tenantId: string,
  taskIds: readonly string[],
  limit: number,
): Promise<Execution[]> {
  if (taskIds.length === 0) return []
  const rows = await db
    .selectFrom('executions')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('task_id', 'in', [...taskIds])
    .orderBy('requested_at', 'desc')
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(toExecution)
}

/** These tasks, the newest first. */
export async function listTasksById(db: Db, tenantId: string, ids: readonly string[]): Promise<StoredTask[]> {
  if (ids.length === 0) return []
  const rows = await db
    .selectFrom('tasks')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', [...ids])
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute()
  return rows.map(toStored)
}

/** By which names a host goes that has been enrolled. */
export interface HostNames {
  readonly id: string
  readonly hostname: string
  readonly fqdn: string | null
  /** It never calls again. */
  readonly revoked: boolean
}

/** What the hosts of these ids call themselves, removed ones among them. */
export async function listHostNamesOf(
  db: Db,
  tenantId: string,
  ids: readonly string[],
): Promise<Pick<HostNames, 'id' | 'hostname'>[]> {
  return db
    .selectFrom('agents')
    .select(['id', 'hostname'])
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', [...ids])
    .execute()
}

/** The hosts of a tenant, removed ones among them. */
export async function listHostNames(db: Db, tenantId: string): Promise<HostNames[]> {
  const rows = await db
    .selectFrom('agents')
    .select(['id', 'hostname', 'fqdn', 'revoked_at'])
    .where('tenant_id', '=', tenantId)
    .execute()
  return rows.map(({ revoked_at, ...names }) => ({ ...names, revoked: revoked_at !== null }))
}
