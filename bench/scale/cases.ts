import { rareAssignee } from './rows.ts'

/** A request whose time must not depend on how many rows there are. */
export interface ScaleCase {
  readonly name: string
  readonly path: string
  /** The filter asks for what changed since the last so many changes; their first stands for {@link sinceThen}. */
  readonly changes?: number
  /** The page measured, reached by next links; the first without. */
  readonly page?: number
  /** Rows of that page, the same at both sizes. */
  readonly rows: number
  /** The answer counts what matches a filter: the time at the larger size is limited, not the ratio. */
  readonly isCounted?: true
}

type Options = Readonly<Record<string, string>>

function pathOf(collection: string, options: Options): string {
  const query = Object.entries(options).map(([name, value]) => `$${name}=${encodeURIComponent(value)}`)
  return `${collection}?${query.join('&')}`
}

const incidents = '/v1.0/security/incidents'
const alerts = '/v1.0/security/alerts_v2'
const tasks = '/beta/security/incidentTasks'

/** Stands for an instant in a path, until it is known when the changes began. */
export const sinceThen = '1999-01-01T00:00:00Z'

/** What to ask for the instant of the last change but so many. */
export function pathOfChange(path: string, changes: number): string {
  const [collection = ''] = path.split('?')
  return pathOf(collection, { orderby: 'lastUpdateDateTime desc', top: '1', skip: String(changes - 1) })
}

const changed = `lastUpdateDateTime ge ${sinceThen}`

const month = 'createdDateTime ge 2026-05-01T00:00:00Z and createdDateTime lt 2026-06-01T00:00:00Z'
const half = 'createdDateTime ge 2025-12-15T12:00:00Z'

const incidentLists: readonly ScaleCase[] = [
  { name: 'incidents, first page', path: pathOf(incidents, { top: '50' }), rows: 50 },
  { name: 'incidents, tenth page', path: pathOf(incidents, { top: '50' }), page: 10, rows: 50 },
  { name: "status eq 'active'", path: pathOf(incidents, { filter: "status eq 'active'" }), rows: 50 },
  {
    name: "status eq 'active', tenth page",
    path: pathOf(incidents, { filter: "status eq 'active'" }),
    page: 10,
    rows: 50,
  },
  { name: 'severity and a month', path: pathOf(incidents, { filter: `severity eq 'high' and ${month}` }), rows: 50 },
  { name: 'assignedTo, few', path: pathOf(incidents, { filter: `assignedTo eq '${rareAssignee}'` }), rows: 25 },
  {
    name: 'changed lately, newest first',
    path: pathOf(incidents, { filter: changed }),
    changes: 200,
    rows: 50,
  },
  { name: 'by last change', path: pathOf(incidents, { orderby: 'lastUpdateDateTime desc' }), rows: 50 },
  {
    name: 'a tag that one in a hundred has',
    path: pathOf(incidents, { filter: "customTags/any(t:t eq 'vip')" }),
    rows: 50,
  },
  { name: 'incidents with alerts', path: pathOf(incidents, { expand: 'alerts' }), rows: 50 },
  {
    name: 'filter and expand',
    path: pathOf(incidents, { filter: "status eq 'active'", expand: "alerts($filter=severity eq 'high')" }),
    rows: 50,
  },
  { name: 'incidents, $count=true', path: pathOf(incidents, { count: 'true' }), rows: 50 },
]

const alertLists: readonly ScaleCase[] = [
  { name: 'alerts, first page', path: pathOf(alerts, { top: '50' }), rows: 50 },
  { name: 'alerts, tenth page', path: pathOf(alerts, { top: '50' }), page: 10, rows: 50 },
  { name: "alerts, status eq 'new'", path: pathOf(alerts, { top: '50', filter: "status eq 'new'" }), rows: 50 },
  {
    name: 'alerts, severity and a month',
    path: pathOf(alerts, { top: '50', filter: `severity eq 'high' and ${month}` }),
    rows: 50,
  },
  {
    name: 'alerts, assignedTo, few',
    path: pathOf(alerts, { top: '50', filter: `assignedTo eq '${rareAssignee}'` }),
    rows: 50,
  },
  {
    name: 'alerts changed lately',
    path: pathOf(alerts, { top: '50', filter: changed }),
    changes: 200,
    rows: 50,
  },
  { name: 'alerts of one incident', path: pathOf(alerts, { filter: "incidentId eq '5000'" }), rows: 3 },
  { name: 'alerts, $count=true', path: pathOf(alerts, { top: '50', count: 'true' }), rows: 50 },
]

const taskLists: readonly ScaleCase[] = [
  { name: 'tasks, first page', path: pathOf(tasks, { top: '50' }), rows: 50 },
  { name: 'tasks, tenth page', path: pathOf(tasks, { top: '50' }), page: 10, rows: 50 },
  { name: 'tasks of one incident', path: pathOf(tasks, { filter: "incidentId eq '5000'" }), rows: 1 },
  { name: 'tasks, $count=true', path: pathOf(tasks, { top: '50', count: 'true' }), rows: 50 },
]

function counted(name: string, collection: string, filter: string, rows = 50): ScaleCase {
  return {
    name: `counted: ${name}`,
    path: pathOf(collection, { top: '50', count: 'true', filter }),
    rows,
    isCounted: true,
  }
}

const countedLists: readonly ScaleCase[] = [
  counted("status eq 'active'", incidents, "status eq 'active'"),
  counted('open and severe', incidents, "status ne 'resolved' and severity in ('high','medium')"),
  counted('severe, half a year', incidents, `severity eq 'high' and ${half}`),
  counted('unassigned', incidents, "assignedTo eq null and status eq 'active'"),
  counted('mine', incidents, "assignedTo eq 'analyst.0@contoso.example'"),
  counted('changed since May', incidents, "lastUpdateDateTime ge 2026-05-01 and status eq 'active'"),
  counted("alerts, status eq 'new'", alerts, "status eq 'new'"),
  counted('alerts, severe, half a year', alerts, `severity eq 'high' and ${half}`),
  counted('alerts, mine', alerts, "assignedTo eq 'analyst.0@contoso.example'"),
  counted('alerts changed since June', alerts, "lastUpdateDateTime ge 2026-06-01 and status eq 'new'"),
  counted('tasks that are open', tasks, "status eq 'open'"),
]

/** Everything that is asked. @source issue "The wire contract, complete" */
export const scaleCases: readonly ScaleCase[] = [...incidentLists, ...alertLists, ...taskLists, ...countedLists]
