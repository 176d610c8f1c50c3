import { useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import type { Api } from '../../api/client.ts'
import { fetchAs } from '../../api/queries.ts'
import { pageOf, type Task, task } from '../../api/wire.ts'
import { AppProvider, useRealm } from '../../frame/app.tsx'
import { findPlace } from '../../frame/realm.ts'
import { Title } from '../../frame/title.tsx'
import { Beside } from '../../lists/beside/beside.tsx'
import { useColumns } from '../../lists/beside/columns.ts'
import { usePanels } from '../../lists/beside/panels.ts'
import { Chips, Choices, NameFilter } from '../../lists/filters.tsx'
import { isFiltered, NoMatch } from '../../lists/no-match.tsx'
import { Seek } from '../../lists/seek/seek.tsx'
import { useSeek } from '../../lists/seek/use-seek.ts'
import { writeSelection } from '../../lists/use-list.ts'
import { Button } from '../../parts/button.tsx'
import { Grid } from '../../parts/grid.tsx'
import { MarkBar } from '../../parts/mark-bar.tsx'
import { useMarks } from '../../parts/marks.ts'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { TabLinks } from '../../parts/tab-links.tsx'
import { taskPath } from '../../paths.ts'
import { useRowMenu } from '../bulk/use-row-menu.tsx'
import type { Named } from '../tasks/device-names.ts'
import {
  actionStatus,
  columns,
  filterOf,
  filterWords,
  further,
  known,
  nameTasks,
  pathOf,
  tabOf,
  tabs,
  whyNotTogether,
} from '../tasks/task-list.tsx'
import { InTenantOf } from './in-tenant-of.tsx'
import { Missing } from './missing.tsx'
import { useTenantColumns, useTenantIds } from './tenant-column.tsx'
import { useAllList, useMerged } from './use-merged.ts'

const AllHistory = lazy(() => import('./all-history.tsx'))
const RunTasks = lazy(() => import('../bulk/run-tasks.tsx'))
const TaskPreview = lazy(() => import('../preview/task-preview.tsx'))
const words = { tenant: 'tenant', ...filterWords }

/** A task, and whose it is. */
interface TenantTask extends Named<Task> {
  readonly tenant: string
}

const menuRowOf = ({ tenant, id, displayName }: TenantTask) => ({ tenant, id, name: displayName })
const order = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)
const oldestFirst = (a: Task, b: Task): number => order(a.createdDateTime, b.createdDateTime)
const changedFirst = (a: Task, b: Task): number => order(b.lastModifiedDateTime, a.lastModifiedDateTime)
const page = pageOf(task)

async function readTasks(api: Api, tenant: string, path: string, signal: AbortSignal) {
  const read = await fetchAs(api, path, page, signal)
  const value = await nameTasks(api, read.value, signal)
  return { ...read, value: value.map((one): TenantTask => ({ ...one, tenant })) }
}

/** The tasks of every tenant the person has a role in, in one list. */
export function AllTasksScreen() {
  const list = useAllList('tasks')
  const { search, change, hrefOf } = list
  const tab = tabOf(search)
  const allColumns = useTenantColumns<TenantTask>(columns)
  const links = (
    <TabLinks label="Tasks" hrefOf={(value) => hrefOf({ ...search, tab: value })} tabs={tabs} current={tab} />
  )
  return (
    <div className="space-y-3 p-4">
      <Title text="Tasks" />
      {tab === 'history' ? (
        <>
          {links}
          <Suspense fallback={<Skeleton />}>
            <AllHistory list={list} />
          </Suspense>
        </>
      ) : (
        <Beside
          {...list}
          list="tasks"
          filterOf={(next) => filterOf(tab, next)}
          places={list.wanted}
          columns={allColumns}
          preview={(row) => <InTenantOf row={row}>{(id) => <TaskPreview id={id} row={row} />}</InTenantOf>}
        >
          {links}
          <search className="flex flex-wrap items-center gap-x-4 gap-y-2">
            <NameFilter search={search} change={change} />
            <Choices choices={[list.choice, actionStatus]} search={search} change={change} />
            <Chips of={further} known={known} search={search} change={change} />
          </search>
          <Rows key={tab} tab={tab} list={list} />
        </Beside>
      )}
    </div>
  )
}

function Rows({ tab, list }: { tab: string; list: ReturnType<typeof useAllList> }) {
  const { search, wanted, selected, select } = list
  const { put } = usePanels()
  const idOf = useTenantIds()
  const open = useOpen(idOf)
  const marks = useMarks()
  const [asked, setAsked] = useState<readonly TenantTask[]>([])
  const { menu, menus } = useRowMenu<TenantTask>('task', ['status'], menuRowOf, marks.clear)
  const filter = filterOf(tab, search)
  const tasks = useMerged({
    key: ['tasks', filter],
    places: wanted,
    path: pathOf(tab, filter),
    read: readTasks,
    compare: tab === 'pending' ? oldestFirst : changedFirst,
  })
  const { rows } = tasks
  const sought = useSeek(selected, tasks, idOf)
  const shown = useColumns(useTenantColumns<TenantTask>(columns), search)
  if (tasks.isError && rows.length === 0) return <Failure error={tasks.error} retry={() => void tasks.refetch()} />
  if (tasks.isPending) return <Skeleton />
  const missing = <Missing failed={tasks.failed} retry={() => void tasks.refetch()} />
  if (rows.length === 0) {
    const isNarrowed = isFiltered(search, words)
    const nothing = <Empty title={tab === 'pending' ? 'Nothing waits for you.' : 'Nothing here.'} />
    return (
      <>
        {missing}
        {isNarrowed ? <NoMatch what="task" words={words} list={list} /> : nothing}
      </>
    )
  }
  const chosen = rows.filter((row) => marks.ids.has(idOf(row)))
  return (
    <>
      {missing}
      <MarkBar marks={marks}>
        <Button kind="danger" off={whyNotTogether(chosen)} onPress={() => setAsked(chosen)}>
          {`Review and run ${chosen.length}`}
        </Button>
      </MarkBar>
      <RunByTenant
        tasks={asked}
        goOn={(left) => {
          setAsked(left)
          if (left.length === 0) marks.clear()
        }}
      />
      {menu}
      <Seek it={sought}>
        <Grid
          label="Tasks of all tenants"
          columns={shown}
          rows={rows}
          total={tasks.hasNextPage ? -1 : rows.length}
          idOf={idOf}
          onOpen={open}
          onPreview={(row) => put({ preview: idOf(row), sel: idOf(row) })}
          onEnd={tasks.onEnd}
          menus={menus}
          selected={selected}
          onSelect={select}
          {...(tab === 'pending' ? { marks } : {})}
        />
      </Seek>
    </>
  )
}

function useOpen(idOf: (row: TenantTask) => string): (row: TenantTask) => void {
  const navigate = useNavigate()
  return (row) => {
    writeSelection(idOf(row))
    void navigate({ href: taskPath(row.tenant, row) })
  }
}

/** One confirmation for each tenant, one after the other: nothing is run in two tenants by one press. */
function RunByTenant(props: { tasks: readonly TenantTask[]; goOn: (left: readonly TenantTask[]) => void }) {
  const realm = useRealm()
  const [first] = props.tasks
  const place = first === undefined ? undefined : findPlace(realm, first.tenant)
  if (first === undefined || place === undefined) return null
  return (
    <AppProvider key={first.tenant} session={place} api={realm.apiOf(place)}>
      <Suspense fallback={null}>
        <RunTasks
          tasks={props.tasks.filter(({ tenant }) => tenant === first.tenant)}
          onClose={() => props.goOn(props.tasks.filter(({ tenant }) => tenant !== first.tenant))}
        />
      </Suspense>
    </AppProvider>
  )
}
