import { isOneOf, quote, withOptions } from '../../api/odata.ts'
import type { Task } from '../../api/wire.ts'
import { type Choice, chosenOf } from '../../lists/filters.tsx'
import { Name, Status } from '../../parts/badges.tsx'
import type { Column } from '../../parts/grid.tsx'
import { Time } from '../../parts/time.tsx'
import { firstOf, type Search } from '../../paths.ts'
import { targetOf, verbOf } from '../task/verbs.ts'

/** The tabs of a list of tasks. */
export const tabs = [
  ['pending', 'Pending'],
  ['running', 'Running'],
  ['history', 'History'],
] as const

/** What each tab shows. */
const filters: Readonly<Record<string, string>> = {
  pending: "status eq 'open'",
  running: "status eq 'inProgress'",
  history: "status in ('completed','failed','notRelevant')",
}

/** The filter by state of the action. */
export const actionStatus: Choice = [
  'actionStatus',
  'Action',
  ['notStarted', 'inProgress', 'completed', 'partiallyCompleted', 'failed'],
]
/** The filters in words. */
export const filterWords = { actionStatus: 'action state', q: 'name' }

/** The columns of a list of tasks. */
export const columns: readonly Column<Task>[] = [
  { name: 'Task', width: 'minmax(12rem, 1fr)', cell: (row) => <Name>{row.displayName}</Name> },
  { name: 'Action', width: '9rem', cell: (row) => (row.actionType === 'text' ? 'For people' : verbOf(row.actionType)) },
  {
    name: 'Target',
    width: '10rem',
    cell: (row) => (
      <code>
        <Name>{targetOf(row)}</Name>
      </code>
    ),
  },
  { name: 'Task state', width: '9rem', cell: (row) => <Status value={row.status} /> },
  { name: 'Action state', width: '9rem', cell: (row) => <Status value={row.actionStatus} /> },
  { name: 'Incident', width: '5rem', cell: (row) => <code>{row.incident?.id ?? ''}</code> },
  { name: 'Changed', width: '9rem', cell: (row) => <Time at={row.lastModifiedDateTime} /> },
]

/** The tab that stands in the address. */
export function tabOf(search: Search): string {
  const tab = firstOf(search, 'tab')
  return filters[tab] === undefined ? 'pending' : tab
}

/** The filter of the API for a tab and what else stands in the address. */
export function filterOf(tab: string, search: Search): string {
  const q = firstOf(search, 'q')
  return [
    filters[tab] ?? '',
    ...isOneOf('actionStatus', chosenOf(search, actionStatus)),
    ...(q === '' ? [] : [`contains(tolower(displayName),${quote(q.toLowerCase())})`]),
  ].join(' and ')
}

/** The first page of a tenant's tasks. What waits longest comes first; of the others, what changed last. */
export function pathOf(tab: string, filter: string): string {
  return withOptions('/beta/security/incidentTasks', {
    $filter: filter,
    $orderby: tab === 'pending' ? 'createdDateTime' : 'lastModifiedDateTime desc',
    $expand: 'incident($select=id)',
    $count: 'true',
  })
}

/** Only what is one action is done in one go. */
export function whyNotTogether(tasks: readonly Task[]): string | null {
  const types = new Set(tasks.map(({ actionType }) => actionType))
  if (types.has('text')) return 'Tasks for people are done one by one.'
  return types.size > 1 ? 'Select tasks of one action only.' : null
}
