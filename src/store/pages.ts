import { type SelectQueryBuilder, sql } from 'kysely'
import type { BoundQuery } from '../model/query.ts'
import type { Db, Store } from './db.ts'
import { alertFilterMap, incidentFilterMap, taskFilterMap } from './filter-maps.ts'
import { prepareOnce, preparePages } from './prepared.ts'
import { orderOfPage, type Page, selectPage, takePage } from './query.ts'
import { preparePaging } from './read-page.ts'
import type { AlertRow, IncidentRow, Schema, TaskRow } from './schema.ts'

/** What a page of incidents reads of each. */
export type IncidentRecord = Pick<IncidentRow, 'id' | 'doc' | 'hidden' | 'version'>
/** What a page of alerts reads of each. */
export type AlertRecord = Pick<AlertRow, 'id' | 'doc' | 'hidden' | 'version' | 'incident_id'>
/** What a page of tasks reads of each. */
export type TaskRecord = Pick<TaskRow, 'id' | 'doc' | 'version' | 'incident_id'>

const incidentPages = preparePaging<IncidentRecord>({
  name: 'incidents',
  map: () => incidentFilterMap,
  select: (db, source, tenantId, query) =>
    selectPage(
      db
        .selectFrom('incidents')
        .select(['incidents.id', 'incidents.doc', 'incidents.hidden', 'incidents.version'])
        .where('incidents.tenant_id', '=', tenantId),
      source,
      query,
    ),
})

/** Reads one page of a tenant's incidents. A caller that keeps the bound query of a repeated request saves building its statement. */
export function pageIncidents(store: Store, tenantId: string, query: BoundQuery): Promise<Page<IncidentRecord>> {
  return incidentPages(store, tenantId, query)
}

const alertPages = preparePaging<AlertRecord>({
  name: 'alerts',
  map: alertFilterMap,
  select: (db, source, tenantId, query) => selectPage(selectAlerts(db, tenantId), source, query),
})

const incidentAlertPages = preparePaging<AlertRecord>({
  name: 'alerts',
  map: alertFilterMap,
  select: (db, source, tenantId, query, incidentId) =>
    selectPage(selectAlerts(db, tenantId).where('alerts.incident_id', '=', incidentId), source, query),
})

function selectAlerts(db: Db, tenantId: string): SelectQueryBuilder<Schema, 'alerts', AlertRecord> {
  return db
    .selectFrom('alerts')
    .select(['alerts.id', 'alerts.doc', 'alerts.hidden', 'alerts.version', 'alerts.incident_id'])
    .where('alerts.tenant_id', '=', tenantId)
}

/**
 * Reads one page of a tenant's alerts. A caller that keeps the bound query of a repeated request saves building its statement.
 * @param incidentId only those of this incident; null for all
 */
export function pageAlerts(
  store: Store,
  tenantId: string,
  query: BoundQuery,
  incidentId: number | null,
): Promise<Page<AlertRecord>> {
  return incidentId === null
    ? alertPages(store, tenantId, query)
    : incidentAlertPages(store, tenantId, query, incidentId)
}

const alertsSource = { dialect: 'postgres', map: alertFilterMap('postgres') } as const

/** For PostgreSQL: the pages of all incidents in one answer, where asking for each would take most of its time on the way. */
const alertsOfEach = preparePages((db, tenantId, query, ids) => {
  const ofIncident = selectAlerts(db, tenantId).where('alerts.incident_id', '=', sql<number>`wanted.id`)
  const statement = sql<AlertRecord>`
    select page.* from unnest(${ids}::bigint[]) as wanted (id)
    cross join lateral ${selectPage(ofIncident, alertsSource, query)} as page
    order by page.incident_id, ${orderOfPage(query)}`
  return { compile: () => statement.compile(db) }
})

/**
 * Reads one page of the alerts of each of several incidents.
 * @returns a page for each of the ids, in their order
 */
export async function pageAlertsOfEach(
  store: Store,
  tenantId: string,
  query: BoundQuery,
  incidentIds: readonly number[],
): Promise<Page<AlertRecord>[]> {
  const pages: Page<AlertRecord>[] = []
  if (store.dialect === 'sqlite') {
    for (const id of incidentIds) pages.push(await pageAlerts(store, tenantId, query, id))
    return pages
  }
  const rows = await alertsOfEach(store.read, tenantId, query, `{${incidentIds.join()}}`)
  const byIncident = Map.groupBy(rows, (row) => row.incident_id)
  return incidentIds.map((id) => takePage(byIncident.get(id) ?? [], alertsSource, query))
}

const taskPages = preparePaging<TaskRecord>({
  name: 'tasks',
  map: () => taskFilterMap,
  select: (db, source, tenantId, query) =>
    selectPage(
      db
        .selectFrom('tasks')
        .select(['tasks.id', 'tasks.doc', 'tasks.version', 'tasks.incident_id'])
        .where('tasks.tenant_id', '=', tenantId),
      source,
      query,
    ),
})

/** Reads one page of a tenant's tasks. */
export function pageTasks(store: Store, tenantId: string, query: BoundQuery): Promise<Page<TaskRecord>> {
  return taskPages(store, tenantId, query)
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
