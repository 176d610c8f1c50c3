import { useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { isOneOf, quote, withOptions } from '../../api/odata.ts'
import { type Task, task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { type Choice, Choices, chosenOf, NameFilter } from '../../lists/filters.tsx'
import { isFiltered, NoMatch } from '../../lists/no-match.tsx'
import { type ListState, useList, writeSelection } from '../../lists/use-list.ts'
import { Name, Status } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { type Column, Grid } from '../../parts/grid.tsx'
import { MarkBar } from '../../parts/mark-bar.tsx'
import { useMarks } from '../../parts/marks.ts'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { TabLinks } from '../../parts/tab-links.tsx'
import { Time } from '../../parts/time.tsx'
import { usePages } from '../../parts/use-pages.ts'
import { firstOf, type Search, taskPath } from '../../paths.ts'
import { targetOf, verbOf } from '../task/verbs.ts'

const RunTasks = lazy(() => import('../bulk/run-tasks.tsx'))
const ViewsBar = lazy(() => import('../../lists/views-bar.tsx'))

const tabs = [
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

const actionStatus: Choice = [
  'actionStatus',
  'Action',
  ['notStarted', 'inProgress', 'completed', 'partiallyCompleted', 'failed'],
]
const filterWords = { actionStatus: 'action state', q: 'name' }

const columns: readonly Column<Task>[] = [
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

/** S4: tasks of all incidents. */
export function TasksScreen() {
  const list = useList('tasks')
  const { search, change } = list
  const tab = filters[firstOf(search, 'tab')] === undefined ? 'pending' : firstOf(search, 'tab')
  const filter = filterOf(tab, search)
  return (
    <div className="space-y-3 p-4">
      <Title text="Tasks" />
      <Suspense fallback={null}>
        <ViewsBar {...list} />
      </Suspense>
      <TabLinks label="Tasks" hrefOf={(value) => list.hrefOf({ ...search, tab: value })} tabs={tabs} current={tab} />
      <search className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <NameFilter search={search} change={change} />
        <Choices choices={[actionStatus]} search={search} change={change} />
      </search>
      {list.isWaiting ? <Skeleton /> : <Rows key={filter} tab={tab} filter={filter} list={list} />}
    </div>
  )
}

function filterOf(tab: string, search: Search): string {
  const q = firstOf(search, 'q')
  return [
    filters[tab] ?? '',
    ...isOneOf('actionStatus', chosenOf(search, actionStatus)),
    ...(q === '' ? [] : [`contains(tolower(displayName),${quote(q.toLowerCase())})`]),
  ].join(' and ')
}

function Rows({ tab, filter, list }: { tab: string; filter: string; list: ListState }) {
  const { session, may } = useApp()
  const navigate = useNavigate()
  const marks = useMarks()
  // As they were chosen: what is run leaves the list.
  const [asked, setAsked] = useState<readonly Task[] | null>(null)
  const mayRun = tab === 'pending' && may('SecurityIncidentTask.TakeAction.ReadWrite.All')
  const options = {
    $filter: filter,
    $orderby: tab === 'pending' ? 'createdDateTime' : 'lastModifiedDateTime desc',
    $expand: 'incident($select=id)',
    $count: 'true',
  }
  const pages = usePages('tasks', withOptions('/beta/security/incidentTasks', options), task)
  if (pages.isError && pages.rows.length === 0)
    return <Failure error={pages.error} retry={() => void pages.refetch()} />
  if (pages.isPending) return <Skeleton />
  if (pages.rows.length === 0 && isFiltered(list.search, filterWords)) {
    return <NoMatch what="task" words={filterWords} list={list} />
  }
  if (pages.rows.length === 0) return <Empty title={tab === 'pending' ? 'Nothing waits for you.' : 'Nothing here.'} />
  const chosen = pages.rows.filter(({ id }) => marks.ids.has(id))
  return (
    <>
      <MarkBar marks={marks}>
        <Button kind="danger" off={whyNotTogether(chosen)} onPress={() => setAsked(chosen)}>
          {`Review and run ${chosen.length}`}
        </Button>
      </MarkBar>
      {asked !== null ? (
        <Suspense fallback={null}>
          <RunTasks
            tasks={asked}
            onClose={() => {
              setAsked(null)
              marks.clear()
            }}
          />
        </Suspense>
      ) : null}
      <Grid
        label="Tasks"
        columns={columns}
        rows={pages.rows}
        total={pages.total}
        idOf={(row) => row.id}
        onOpen={(row) => {
          writeSelection(row.id)
          void navigate({ href: taskPath(session.tenant.id, row) })
        }}
        selected={list.selected}
        onSelect={list.select}
        onEnd={pages.onEnd}
        {...(mayRun ? { marks } : {})}
      />
    </>
  )
}

/** Only what is one action is done in one go. */
function whyNotTogether(tasks: readonly Task[]): string | null {
  const types = new Set(tasks.map(({ actionType }) => actionType))
  if (types.has('text')) return 'Tasks for people are done one by one.'
  return types.size > 1 ? 'Select tasks of one action only.' : null
}
