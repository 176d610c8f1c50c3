import type { BoundQuery, Keyset } from '../../model/query.ts'
import { countAlerts, countIncidents, countTasks } from '../../store/counts.ts'
import { isIncidentId } from '../../store/incidents.ts'
import {
  type AlertRecord,
  findAlert,
  findIncident,
  findTask,
  type IncidentRecord,
  pageAlerts,
  pageAlertsOfEach,
  pageIncidents,
  pageTasks,
  type TaskRecord,
} from '../../store/pages.ts'
import type { Page } from '../../store/query.ts'
import type { BoundExpand } from '../odata/bind/lists.ts'
import type { OptionName } from '../odata/options.ts'
import { buildNextLink, writeSkipToken } from '../odata/paging.ts'
import { limits } from '../odata/parse/clause.ts'
import type { EntityQuery } from '../odata/read-query.ts'
import { describeAlerts, describeIncidents, describeTasks } from '../odata/resources.ts'
import type { JsonObject } from '../odata/shape.ts'
import { projectEntity } from '../odata/shape.ts'
import type { Collection, GraphDeps } from './collection.ts'
import { type View, writeAlert, writeIncident, writeTask } from './entities.ts'

/** `security/incidents`. */
export const incidents: Collection<IncidentRecord> = {
  path: 'security/incidents',
  event: 'incident',
  missing: (id) => `Incident ${id} not found.`,
  describe: describeIncidents,
  page: pageIncidents,
  count: countIncidents,
  find: async (store, tenantId, id) => (isIncidentId(id) ? findIncident(store.read, tenantId, Number(id)) : null),
  idOf: (record) => String(record.id),
  versionOf: (record) => record.version,
  write: async (deps, records, view, query) => {
    const expand = query.expand.find((item) => item.name === 'alerts')
    if (!expand) return records.map((record) => writeIncident(record, view))
    const ids = records.map(({ id }) => id)
    const pages = await pageAlertsOfEach(deps.store, view.tenantId, expandedQuery(expand), ids)
    const written: string[] = []
    for (const [at, record] of records.entries()) {
      const page = pages[at]
      if (page) written.push(writeIncident(record, view, await writeExpanded(deps, record, view, expand, page)))
    }
    return written
  },
}

/** `security/alerts_v2`. */
export const alerts: Collection<AlertRecord> = {
  path: 'security/alerts_v2',
  event: 'alert',
  missing: (id) => `Alert ${id} not found.`,
  describe: describeAlerts,
  page: (store, tenantId, query) => pageAlerts(store, tenantId, query, null),
  count: (store, tenantId, filter) => countAlerts(store, tenantId, filter, null),
  find: (store, tenantId, id) => findAlert(store.read, tenantId, id),
  idOf: (record) => record.id,
  versionOf: (record) => record.version,
  write: async (_deps, records, view) => records.map((record) => writeAlert(record, view)),
}

/** `security/incidentTasks`, beta only. */
export const tasks: Collection<TaskRecord> = {
  path: 'security/incidentTasks',
  event: 'incidentTask',
  missing: (id) => `taskId ${id} not found`,
  describe: describeTasks,
  page: pageTasks,
  count: countTasks,
  find: (store, tenantId, id) => findTask(store.read, tenantId, id),
  idOf: (record) => record.id,
  versionOf: (record) => record.version,
  write: async (deps, records, view, query) => {
    const expand = query.expand.find((item) => item.name === 'incident')
    const written: string[] = []
    for (const record of records) {
      const whole = expand ? await expandIncident(deps, record, view, expand) : null
      const task = whole === null ? writeTask(record, view) : writeTask(record, view, whole)
      written.push(isIncidentHidden(query) ? withoutIncident(task) : task)
    }
    return written
  },
}

/** Path of an incident's own alerts below the version. */
export function alertsLinkPath(incidentId: number): string {
  return `security/incidents/${incidentId}/alerts`
}

/** One bound query per `$expand`, however many rows it is run for: its statement is then built once. */
const expandedQueries = new WeakMap<BoundExpand, BoundQuery>()

function expandedQuery(expand: BoundExpand): BoundQuery {
  const known = expandedQueries.get(expand)
  if (known) return known
  const { filter, orderBy, top, skip } = expand
  const query = { filter, orderBy, top, skip, after: null }
  expandedQueries.set(expand, query)
  return query
}

/**
 * The alerts of an incident as members of its JSON object.
 * @source design contract 16.1: up to 1000 inline; more through the incident's own alerts path
 */
async function writeExpanded(
  deps: GraphDeps,
  record: IncidentRecord,
  view: View,
  expand: BoundExpand,
  page: Page<AlertRecord>,
): Promise<string> {
  const { filter, top } = expand
  const count = expand.count
    ? `"alerts@odata.count":${await countAlerts(deps.store, view.tenantId, filter, record.id)},`
    : ''
  const items = page.rows.map((alert) => writeAlert(alert, view))
  // A $top below the limit asked for no more than these.
  const link =
    page.next === null || top < limits.nestedTop ? '' : writeAlertsLink(deps, record, view, expand, page.next)
  return `${count}${link}"alerts":[${items.join(',')}],`
}

function writeAlertsLink(
  deps: GraphDeps,
  record: IncidentRecord,
  view: View,
  expand: BoundExpand,
  position: Keyset,
): string {
  const path = alertsLinkPath(record.id)
  const options: (readonly [OptionName, string])[] = [...expand.options, ['top', String(limits.nestedTop)]]
  const listed = { options, orderBy: expand.orderBy }
  const scope = { tenantId: view.tenantId, resource: `security/incidents('${record.id}')/alerts` }
  const token = writeSkipToken(deps.pagingKey, scope, listed, position)
  const link = buildNextLink(view.origin, `/${view.version}/${path}`, listed, token)
  return `"alerts@odata.nextLink":${JSON.stringify(link)},`
}

async function expandIncident(
  deps: GraphDeps,
  record: TaskRecord,
  view: View,
  expand: BoundExpand,
): Promise<string | null> {
  const incident = await findIncident(deps.store.read, view.tenantId, record.incident_id)
  if (!incident) return null
  const entity: JsonObject = JSON.parse(writeIncident(incident, view))
  const shown = projectEntity(entity, { select: expand.select, expand: [] })
  return JSON.stringify({ '@odata.type': '#microsoft.graph.security.incident', ...shown })
}

/** A task's incident stub is left out when $select names other things and nothing expands it. */
function isIncidentHidden(query: EntityQuery): boolean {
  return query.select !== null && !query.select.includes('incident') && query.expand.length === 0
}

function withoutIncident(task: string): string {
  const { incident: _stub, ...rest }: JsonObject = JSON.parse(task)
  return JSON.stringify(rest)
}
