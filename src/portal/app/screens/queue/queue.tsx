import { useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import { useApp } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { Beside } from '../../lists/beside/beside.tsx'
import { useColumns } from '../../lists/beside/columns.ts'
import { usePanels } from '../../lists/beside/panels.ts'
import { isFiltered, NoMatch } from '../../lists/no-match.tsx'
import { Seek } from '../../lists/seek/seek.tsx'
import { pathOfOne, useSeek } from '../../lists/seek/use-seek.ts'
import { type ListState, useList, writeSelection } from '../../lists/use-list.ts'
import { Button } from '../../parts/button.tsx'
import { Grid } from '../../parts/grid.tsx'
import { Link } from '../../parts/link.tsx'
import { MarkBar } from '../../parts/mark-bar.tsx'
import { useMarks } from '../../parts/marks.ts'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { incidentPath, screenPath } from '../../paths.ts'
import { useRowMenu } from '../bulk/use-row-menu.tsx'
import { queueColumns } from './columns.tsx'
import { Filters } from './filters.tsx'
import { rememberOrder } from './order.ts'
import { Pill } from './pill.tsx'
import { filterOf, filterWords, menuRowOf, path, type QueueRow, useQueue, useQueueCount } from './queue-query.ts'

const ChangeIncidents = lazy(() => import('../bulk/change-incidents.tsx'))
const ViewsBar = lazy(() => import('../../lists/views-bar.tsx'))
const Strip = lazy(() => import('./strip.tsx'))
const IncidentPreview = lazy(() => import('../preview/incident-preview.tsx'))
const FirstSteps = lazy(async () => ({ default: (await import('../start/start.tsx')).FirstSteps }))
/** With so few incidents somebody is still setting up. */
const fewIncidents = 5

/** S1: the incidents, newest first. */
export function QueueScreen() {
  const { session } = useApp()
  const navigate = useNavigate()
  const list = useList('incidents')
  const open = (row: QueueRow): void => {
    writeSelection(row.id)
    void navigate({ href: incidentPath(session.tenant.id, row.id) })
  }
  return (
    <div className="space-y-3 p-4">
      {/* As high as the button that comes and goes: the list below stays where it is. */}
      <div className="flex min-h-7 flex-wrap items-center gap-3 pointer-coarse:min-h-11">
        <Title text="Incidents" />
        <Pill />
      </div>
      {/* As high as what comes into it. */}
      <div className="min-h-7 pointer-coarse:min-h-11 max-sm:hidden">
        <Suspense fallback={null}>
          <Strip />
        </Suspense>
      </div>
      <Beside
        {...list}
        filterOf={filterOf}
        columns={queueColumns}
        preview={(id) => <IncidentPreview id={id} row={id} />}
      >
        <Suspense fallback={null}>
          <ViewsBar {...list} />
        </Suspense>
        <Filters {...list} />
        {list.isWaiting ? <Skeleton rows={12} /> : <Rows list={list} open={open} />}
      </Beside>
    </div>
  )
}

const idOf = ({ id }: QueueRow): string => id

function Rows({ list, open }: { list: ListState; open: (row: QueueRow) => void }) {
  const { may } = useApp()
  const { search } = list
  const marks = useMarks()
  const { put } = usePanels()
  const shown = useColumns(queueColumns, search)
  // As they were chosen: a change may take them out of the filter.
  const [changing, setChanging] = useState<readonly QueueRow[] | null>(null)
  const mayChange = may('SecurityIncident.ReadWrite.All')
  const { menu, menus } = useRowMenu('incident', mayChange ? ['assign', 'status'] : [], menuRowOf, marks.clear)
  const queue = useQueue(search)
  const count = useQueueCount(search)
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage } = queue
  const rows = useMemo(() => data?.pages.flatMap((page) => page.value) ?? [], [data])
  const sought = useSeek(list.selected, { ...queue, rows }, idOf, pathOfOne(path, filterOf(search), list.selected))
  useEffect(() => rememberOrder(rows), [rows])
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
  if (queue.isError && rows.length === 0) return <Failure error={queue.error} retry={() => void queue.refetch()} />
  if (queue.isPending) return <Skeleton rows={12} />
  if (rows.length === 0) return <Nothing list={list} />
  return (
    <>
      <HowMany count={count.data} isFetching={queue.isFetching} />
      <MarkBar marks={marks}>
        <Button kind="primary" onPress={() => setChanging(rows.filter(({ id }) => marks.ids.has(id)))}>
          {`Change ${marks.ids.size}`}
        </Button>
      </MarkBar>
      {changing !== null ? (
        <Suspense fallback={null}>
          <ChangeIncidents
            rows={changing}
            onClose={() => {
              setChanging(null)
              marks.clear()
            }}
          />
        </Suspense>
      ) : null}
      {menu}
      <Seek it={sought}>
        <Grid
          label="Incidents"
          columns={shown}
          rows={rows}
          total={count.data ?? -1}
          idOf={idOf}
          onOpen={open}
          onPreview={({ id }) => put({ preview: id, sel: id })}
          onEnd={onEnd}
          selected={list.selected}
          onSelect={list.select}
          menus={menus}
          {...(mayChange ? { marks } : {})}
        />
      </Seek>
    </>
  )
}

function HowMany({ count, isFetching }: { count: number | undefined; isFetching: boolean }) {
  const { session } = useApp()
  return (
    <p className="text-meta text-ink-2" aria-live="off">
      {/* The line is there before its words, so that no row moves when they come. */}
      {count === undefined ? '\u00a0' : writeCount(count, 'incident', 'incidents')}
      {isFetching ? ' · looking for more' : ''}
      {count !== undefined && count <= fewIncidents ? (
        <>
          {' · '}
          <Link to={screenPath(session.tenant.id, 'start')}>First steps</Link>
        </>
      ) : null}
    </p>
  )
}

function Nothing({ list }: { list: ListState }) {
  const everything = useQueueCount({})
  if (isFiltered(list.search, filterWords)) {
    return <NoMatch what="incident" words={filterWords} list={list} hidden={everything.data} />
  }
  return (
    <>
      <Empty title="There are no incidents yet.">
        <p>
          One opens by itself with the first alert. <a href="/api/v1/docs">The API</a> says what else can be sent.
        </p>
      </Empty>
      <Suspense fallback={<Skeleton rows={4} />}>
        <FirstSteps />
      </Suspense>
    </>
  )
}
