import { actionTypes, verbOf } from '../../../shown/words.ts'
import type { Api } from '../../api/client.ts'
import { isOneOf, quote, withOptions } from '../../api/odata.ts'
import type { Task } from '../../api/wire.ts'
import { type Choice, chosenOf } from '../../lists/filters.tsx'
import { Name, Status } from '../../parts/badges.tsx'
import type { Column } from '../../parts/grid.tsx'
import { Time } from '../../parts/time.tsx'
import { firstOf, type Search } from '../../paths.ts'
import { targetOf } from '../task/verbs.ts'
import { deviceIdOf, type Named, nameDevices } from './device-names.ts'
import { TargetName } from './target-name.tsx'

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
const type: Choice = ['type', 'Action', actionTypes]
const source: Choice = ['source', 'Source', ['defenderExpertsGuidedResponse', 'defenderExpertsManagedResponse']]
/** Filters of values that are not offered as buttons. */
export const further = { type: 'action', source: 'source' } as const
/** All of them have only some values. */
export const known: readonly Choice[] = [type, source]
/** The filters in words. */
export const filterWords = { actionStatus: 'action state', ...further, q: 'name' } as const

/** The columns of a list of tasks. */
export const columns: readonly Column<Named<Task>>[] = [
  { key: 'task', name: 'Task', width: 'minmax(10rem, 1fr)', cell: (row) => <Name>{row.displayName}</Name> },
  {
    key: 'action',
    name: 'Action',
    width: '8rem',
    spare: 4,
    cell: (row) => (row.actionType === 'text' ? 'For people' : verbOf(row.actionType)),
  },
  {
    key: 'target',
    name: 'Target',
    width: '9rem',
    cell: (row) => <TargetName target={targetOf(row)} deviceName={row.deviceName} />,
  },
  { key: 'taskState', name: 'Task state', width: '7rem', spare: 3, cell: (row) => <Status value={row.status} /> },
  {
    key: 'actionState',
    name: 'Action state',
    width: '9rem',
    spare: 5,
    cell: (row) => <Status value={row.actionStatus} />,
  },
  { key: 'incident', name: 'Incident', width: '5rem', spare: 2, cell: (row) => <code>{row.incident?.id ?? ''}</code> },
  { key: 'changed', name: 'Changed', width: '9.5rem', spare: 1, cell: (row) => <Time at={row.lastModifiedDateTime} /> },
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
    ...isOneOf('actionType', chosenOf(search, type)),
    ...isOneOf('source', chosenOf(search, source)),
    ...(q === '' ? [] : [`contains(tolower(displayName),${quote(q.toLowerCase())})`]),
  ].join(' and ')
}

/** Where tasks come from. */
export const listPath = '/beta/security/incidentTasks'

/** The first page of a tenant's tasks. What waits longest comes first; of the others, what changed last. */
export function pathOf(tab: string, filter: string): string {
  return withOptions(listPath, {
    $filter: filter,
    $orderby: tab === 'pending' ? 'createdDateTime' : 'lastModifiedDateTime desc',
    $expand: 'incident($select=id)',
  })
}

/** The rows of a page with the names of their devices. */
export function nameTasks<T extends Task>(
  api: Api,
  rows: readonly T[],
  signal: AbortSignal,
): Promise<readonly Named<T>[]> {
  return nameDevices(api, rows, deviceIdOf, signal)
}

/** Where a tenant says how many tasks a filter leaves. */
export function countPathOf(filter: string): string {
  return withOptions(`${listPath}/$count`, { $filter: filter })
}

/** Only what is one action is done in one go. */
export function whyNotTogether(tasks: readonly Task[]): string | null {
  const types = new Set(tasks.map(({ actionType }) => actionType))
  if (types.has('text')) return 'Tasks for people are done one by one.'
  return types.size > 1 ? 'Select tasks of one action only.' : null
}
