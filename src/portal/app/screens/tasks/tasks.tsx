import { useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { type Task, task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { Beside } from '../../lists/beside/beside.tsx'
import { useColumns } from '../../lists/beside/columns.ts'
import { usePanels } from '../../lists/beside/panels.ts'
import { Chips, Choices, NameFilter } from '../../lists/filters.tsx'
import { isFiltered, NoMatch } from '../../lists/no-match.tsx'
import { Seek } from '../../lists/seek/seek.tsx'
import { pathOfOne, useSeek } from '../../lists/seek/use-seek.ts'
import { type ListState, useList, writeSelection } from '../../lists/use-list.ts'
import { Button } from '../../parts/button.tsx'
import { Grid } from '../../parts/grid.tsx'
import { MarkBar } from '../../parts/mark-bar.tsx'
import { useMarks } from '../../parts/marks.ts'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { usePages } from '../../parts/use-pages.ts'
import { taskPath } from '../../paths.ts'
import { useRowMenu } from '../bulk/use-row-menu.tsx'
import {
  actionStatus,
  columns,
  countPathOf,
  filterOf,
  filterWords,
  further,
  known,
  listPath,
  nameTasks,
  pathOf,
  tabOf,
  whyNotTogether,
} from './task-list.tsx'
import { TaskTabs } from './task-tabs.tsx'

const RunTasks = lazy(() => import('../bulk/run-tasks.tsx'))
const History = lazy(() => import('./history.tsx'))
const TaskPreview = lazy(() => import('../preview/task-preview.tsx'))
const ViewsBar = lazy(() => import('../../lists/views-bar.tsx'))

/** S4: tasks of all incidents, and every run there was. */
export function TasksScreen() {
  const list = useList('tasks')
  const { search, change } = list
  const tab = tabOf(search)
  const filter = filterOf(tab, search)
  const above = (
    <>
      <Suspense fallback={null}>
        <ViewsBar {...list} />
      </Suspense>
      <TaskTabs hrefOf={(value) => list.hrefOf({ ...search, tab: value })} current={tab} />
    </>
  )
  return (
    <div className="space-y-3 p-4">
      <Title text="Tasks" />
      {tab === 'history' ? (
        <>
          {above}
          <Suspense fallback={<Skeleton />}>
            <History list={list} />
          </Suspense>
        </>
      ) : (
        <Beside
          {...list}
          filterOf={(next) => filterOf(tab, next)}
          columns={columns}
          preview={(id) => <TaskPreview id={id} row={id} />}
        >
          {above}
          <search className="flex flex-wrap items-center gap-x-4 gap-y-2">
            <NameFilter search={search} change={change} />
            <Choices choices={[actionStatus]} search={search} change={change} />
            <Chips of={further} known={known} search={search} change={change} />
          </search>
          {list.isWaiting ? <Skeleton /> : <Rows key={filter} tab={tab} filter={filter} list={list} />}
        </Beside>
      )}
    </div>
  )
}

function Rows({ tab, filter, list }: { tab: string; filter: string; list: ListState }) {
  const { session, may } = useApp()
  const navigate = useNavigate()
  const marks = useMarks()
  const { put } = usePanels()
  const shown = useColumns(columns, list.search)
  // As they were chosen: what is run leaves the list.
  const [asked, setAsked] = useState<readonly Task[] | null>(null)
  const mayRun = tab === 'pending' && may('SecurityIncidentTask.TakeAction.ReadWrite.All')
  const mayChange = may('SecurityIncidentTask.ReadWrite.All')
  const { menu, menus } = useRowMenu<Task>(
    'task',
    mayChange ? ['status'] : [],
    ({ id, displayName }) => ({ tenant: session.tenant.id, id, name: displayName }),
    marks.clear,
  )
  const pages = usePages('tasks', pathOf(tab, filter), task, countPathOf(filter), nameTasks)
  const sought = useSeek(list.selected, pages, ({ id }) => id, pathOfOne(listPath, filter, list.selected))
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
      {menu}
      <Seek it={sought}>
        <Grid
          label="Tasks"
          columns={shown}
          rows={pages.rows}
          total={pages.total}
          idOf={(row) => row.id}
          onOpen={(row) => {
            writeSelection(row.id)
            void navigate({ href: taskPath(session.tenant.id, row) })
          }}
          onPreview={({ id }) => put({ preview: id, sel: id })}
          selected={list.selected}
          onSelect={list.select}
          onEnd={pages.onEnd}
          menus={menus}
          {...(mayRun ? { marks } : {})}
        />
      </Seek>
    </>
  )
}
