import type { SelectQueryBuilder } from 'kysely'
import type { BoundFilter, BoundQuery } from '../model/query.ts'
import type { Db, Dialect, Store } from './db.ts'
import { alertFilterMap, incidentFilterMap, taskFilterMap } from './filter-maps.ts'
import { prepareOnce, preparePages } from './prepared.ts'
import { compileFilter, type Page, type QuerySource, selectPage, takePage } from './query.ts'
import type { AlertRow, IncidentRow, Schema, TaskRow } from './schema.ts'

/** What a page of incidents reads of each. */
export type IncidentRecord = Pick<IncidentRow, 'id' | 'doc' | 'hidden' | 'version'>
/** What a page of alerts reads of each. */
export type AlertRecord = Pick<AlertRow, 'id' | 'doc' | 'hidden' | 'version' | 'incident_id'>
/** What a page of tasks reads of each. */
export type TaskRecord = Pick<TaskRow, 'id' | 'doc' | 'version' | 'incident_id'>

const incidentStatements = {
  sqlite: preparePages((db, tenantId, query) => selectIncidents(db, 'sqlite', tenantId, query)),
  postgres: preparePages((db, tenantId, query) => selectIncidents(db, 'postgres', tenantId, query)),
}

function selectIncidents(
  db: Db,
  dialect: Dialect,
  tenantId: string,
  query: BoundQuery,
): SelectQueryBuilder<Schema, 'incidents', IncidentRecord> {
  const start = db
    .selectFrom('incidents')
    .select(['incidents.id', 'incidents.doc', 'incidents.hidden', 'incidents.version'])
    .where('incidents.tenant_id', '=', tenantId)
  return selectPage(start, incidentSource(dialect), query)
}

/** Reads one page of a tenant's incidents. A caller that keeps the bound query of a repeated request saves building its statement. */
export async function pageIncidents(store: Store, tenantId: string, query: BoundQuery): Promise<Page<IncidentRecord>> {
  const rows = await incidentStatements[store.dialect](store.read, tenantId, query)
  return takePage(rows, incidentSource(store.dialect), query)
}

const alertStatements = {
  sqlite: preparePages((db, tenantId, query) => selectAlerts(db, 'sqlite', tenantId, query, null)),
  postgres: preparePages((db, tenantId, query) => selectAlerts(db, 'postgres', tenantId, query, null)),
}

const incidentAlertStatements = {
  sqlite: preparePages((db, tenantId, query, id) => selectAlerts(db, 'sqlite', tenantId, query, id)),
  postgres: preparePages((db, tenantId, query, id) => selectAlerts(db, 'postgres', tenantId, query, id)),
}

function selectAlerts(
  db: Db,
  dialect: Dialect,
  tenantId: string,
  query: BoundQuery,
  incidentId: number | null,
): SelectQueryBuilder<Schema, 'alerts', AlertRecord> {
  const start = db
    .selectFrom('alerts')
    .select(['alerts.id', 'alerts.doc', 'alerts.hidden', 'alerts.version', 'alerts.incident_id'])
    .where('alerts.tenant_id', '=', tenantId)
  const ofIncident = incidentId === null ? start : start.where('alerts.incident_id', '=', incidentId)
  return selectPage(ofIncident, alertSource(dialect), query)
}

/**
 * Reads one page of a tenant's alerts. A caller that keeps the bound query of a repeated request saves building its statement.
 * @param incidentId only those of this incident; null for all
 */
export async function pageAlerts(
  store: Store,
  tenantId: string,
  query: BoundQuery,
  incidentId: number | null,
): Promise<Page<AlertRecord>> {
  const rows =
    incidentId === null
      ? await alertStatements[store.dialect](store.read, tenantId, query)
      : await incidentAlertStatements[store.dialect](store.read, tenantId, query, incidentId)
  return takePage(rows, alertSource(store.dialect), query)
}

/** Reads one page of a tenant's tasks. */
export async function pageTasks(store: Store, tenantId: string, query: BoundQuery): Promise<Page<TaskRecord>> {
  const source = taskSource(store.dialect)
  const start = store.read
    .selectFrom('tasks')
    .select(['tasks.id', 'tasks.doc', 'tasks.version', 'tasks.incident_id'])
    .where('tasks.tenant_id', '=', tenantId)
  return takePage(await selectPage(start, source, query).execute(), source, query)
}

/** Counts a tenant's incidents that fulfil the filter. */
export async function countIncidents(store: Store, tenantId: string, filter: BoundFilter | null): Promise<number> {
  let query = store.read
    .selectFrom('incidents')
    .select((eb) => eb.fn.countAll().as('matches'))
    .where('incidents.tenant_id', '=', tenantId)
  if (filter) query = query.where(compileFilter(incidentSource(store.dialect), filter))
  return Number((await query.executeTakeFirstOrThrow()).matches)
}

/** Counts a tenant's alerts that fulfil the filter; of one incident when `incidentId` is given. */
export async function countAlerts(
  store: Store,
  tenantId: string,
  filter: BoundFilter | null,
  incidentId: number | null,
): Promise<number> {
  let query = store.read
    .selectFrom('alerts')
    .select((eb) => eb.fn.countAll().as('matches'))
    .where('alerts.tenant_id', '=', tenantId)
  if (incidentId !== null) query = query.where('alerts.incident_id', '=', incidentId)
  if (filter) query = query.where(compileFilter(alertSource(store.dialect), filter))
  return Number((await query.executeTakeFirstOrThrow()).matches)
}

/** Counts a tenant's tasks that fulfil the filter. */
export async function countTasks(store: Store, tenantId: string, filter: BoundFilter | null): Promise<number> {
  let query = store.read
    .selectFrom('tasks')
    .select((eb) => eb.fn.countAll().as('matches'))
    .where('tasks.tenant_id', '=', tenantId)
  if (filter) query = query.where(compileFilter(taskSource(store.dialect), filter))
  return Number((await query.executeTakeFirstOrThrow()).matches)
}

const incidentById = prepareOnce((db, tenantId: string, id: number) =>
  db
    .selectFrom('incidents')
    .select(['id', 'doc', 'hidden', 'version'])
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id),
)

/** Reads what is shown of one incident; null when the tenant has none with this id. */
export async function findIncident(db: Db, tenantId: string, id: number): Promise<IncidentRecord | null> {
  return (await incidentById(db, tenantId, id))[0] ?? null
}

const alertById = prepareOnce((db, tenantId: string, id: string) =>
  db
    .selectFrom('alerts')
    .select(['id', 'doc', 'hidden', 'version', 'incident_id'])
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id),
)

/** Reads what is shown of one alert; null when the tenant has none with this id. */
export async function findAlert(db: Db, tenantId: string, id: string): Promise<AlertRecord | null> {
  return (await alertById(db, tenantId, id))[0] ?? null
}

const taskById = prepareOnce((db, tenantId: string, id: string) =>
  db
    .selectFrom('tasks')
    .select(['id', 'doc', 'version', 'incident_id'])
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id),
)

/** Reads what is shown of one task; null when the tenant has none with this id. */
export async function findTask(db: Db, tenantId: string, id: string): Promise<TaskRecord | null> {
  return (await taskById(db, tenantId, id))[0] ?? null
}

function incidentSource(dialect: Dialect): QuerySource {
  return { dialect, map: incidentFilterMap }
}

const alertMaps = { sqlite: alertFilterMap('sqlite'), postgres: alertFilterMap('postgres') }

function alertSource(dialect: Dialect): QuerySource {
  return { dialect, map: alertMaps[dialect] }
}

function taskSource(dialect: Dialect): QuerySource {
  return { dialect, map: taskFilterMap }
}
