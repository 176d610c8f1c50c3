import { useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { applyView, filterPart, type SavedView, useViews, writeView } from '../../api/views.ts'
import { useApp } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { forgetNewIncidents, useNewIncidents } from '../../live/new-incidents.ts'
import { Button } from '../../parts/button.tsx'
import { Grid } from '../../parts/grid.tsx'
import { Link } from '../../parts/link.tsx'
import { MarkBar } from '../../parts/mark-bar.tsx'
import { useMarks } from '../../parts/marks.ts'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { firstOf, incidentPath, type Search, screenPath, writeSearch } from '../../paths.ts'
import { columnsOf } from './columns.tsx'
import { Filters } from './filters.tsx'
import { rememberOrder } from './order.ts'
import { type QueueRow, useQueue, useQueueCount } from './queue-query.ts'

const ChangeIncidents = lazy(() => import('../bulk/change-incidents.tsx'))
const ViewsBar = lazy(() => import('./views-bar.tsx'))
const FirstSteps = lazy(async () => ({ default: (await import('../start/start.tsx')).FirstSteps }))
/** With so few incidents somebody is still setting up. */
const fewIncidents = 5

/** S1: the incidents, newest first. */
export function QueueScreen() {
  const stated: Search = useSearch({ strict: false })
  const { session } = useApp()
  const navigate = useNavigate()
  const { search, views, current, isWaiting } = useView(stated)
  const go = useCallback(
    (query: string, replace = false) => void navigate({ href: `${location.pathname}${query}`, replace }),
    [navigate],
  )
  const change = useCallback((next: Search, isTyping = false) => go(writeView(next, current), isTyping), [go, current])
  useBeginning(stated, views, go)
  const open = (row: QueueRow): void => {
    // Back leads to the row one came from.
    history.replaceState(history.state, '', `${location.pathname}${writeSearch({ ...stated, sel: row.id })}`)
    void navigate({ href: incidentPath(session.tenant.id, row.id) })
  }
  return (
    <div className="space-y-3 p-4">
      <div className="flex flex-wrap items-center gap-3">
        <Title text="Incidents" />
        <Pill />
      </div>
      <Suspense fallback={null}>
        <ViewsBar views={views} current={current} search={search} go={go} />
      </Suspense>
      <Filters search={search} change={change} />
      {isWaiting ? <Skeleton rows={12} /> : <Rows search={search} change={change} open={open} />}
    </div>
  )
}

/** What the address stands for, with the view it names. */
function useView(stated: Search) {
  const { data: views = [], isPending } = useViews()
  const named = firstOf(stated, 'view')
  const current = views.find(({ id }) => id === named)
  const search = useMemo(() => applyView(stated, current), [stated, current])
  return { search, views, current, isWaiting: isPending && named !== '' && filterPart(stated) === '' }
}

/** Somebody who comes without a wish of their own begins with the view of their role. */
function useBeginning(
  stated: Search,
  views: readonly SavedView[],
  go: (query: string, replace: boolean) => void,
): void {
  const { session } = useApp()
  const isOpen = useRef(writeSearch({ ...stated, sel: '' }) === '')
  useEffect(() => {
    if (!isOpen.current || views.length === 0) return
    isOpen.current = false
    const beginning = views.find(({ defaultFor }) => defaultFor.includes(session.user.role))
    if (beginning !== undefined) go(writeSearch({ view: beginning.id }), true)
  }, [views, session.user.role, go])
}

function Rows(props: { search: Search; change: (next: Search) => void; open: (row: QueueRow) => void }) {
  const { session, may } = useApp()
  const { search, change, open } = props
  const marks = useMarks()
  // As they were chosen: a change may take them out of the filter.
  const [changing, setChanging] = useState<readonly QueueRow[] | null>(null)
  const mayChange = may('SecurityIncident.ReadWrite.All')
  const queue = useQueue(search)
  const count = useQueueCount(search)
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage } = queue
  const rows = useMemo(() => data?.pages.flatMap((page) => page.value) ?? [], [data])
  const columns = useMemo(() => columnsOf(session.tenant.id, data?.pages ?? []), [session.tenant.id, data])
  useEffect(() => rememberOrder(rows.map(({ id }) => id)), [rows])
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
  if (queue.isError && rows.length === 0) return <Failure error={queue.error} retry={() => void queue.refetch()} />
  if (queue.isPending) return <Skeleton rows={12} />
  if (rows.length === 0) return <Nothing search={search} change={change} />
  return (
    <>
      <p className="text-meta text-ink-2" aria-live="off">
        {count.data === undefined
          ? ''
          : `${count.data.toLocaleString('en')} ${count.data === 1 ? 'incident' : 'incidents'}`}
        {queue.isFetching ? ' · looking for more' : ''}
        {count.data !== undefined && count.data <= fewIncidents ? (
          <>
            {' · '}
            <Link to={screenPath(session.tenant.id, 'start')}>First steps</Link>
          </>
        ) : null}
      </p>
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
      <Grid
        label="Incidents"
        columns={columns}
        rows={rows}
        total={count.data ?? -1}
        idOf={(row) => row.id}
        onOpen={open}
        onEnd={onEnd}
        selected={firstOf(search, 'sel')}
        {...(mayChange ? { marks } : {})}
      />
    </>
  )
}

function Nothing({ search, change }: { search: Search; change: (next: Search) => void }) {
  const held = ['status', 'severity', 'assigned', 'q'].filter((key) => firstOf(search, key) !== '')
  const everything = useQueueCount({})
  if (held.length > 0) {
    return (
      <Empty title="No incident matches.">
        <p>
          {everything.data ?? 'All'} hidden by: {held.join(', ')}.
        </p>
        <button type="button" className="button mt-2" onClick={() => change({ sort: firstOf(search, 'sort') })}>
          Clear the filters
        </button>
      </Empty>
    )
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

/** New rows wait behind this until a person wants them: nothing moves under the pointer. */
function Pill() {
  const fresh = useNewIncidents()
  const queries = useQueryClient()
  if (fresh === 0) return null
  return (
    <button
      type="button"
      className="button button-primary"
      onClick={() => {
        forgetNewIncidents()
        void queries.resetQueries({ queryKey: ['queue'] })
        void queries.invalidateQueries({ queryKey: ['queue-count'] })
      }}
    >
      Show {fresh} new
    </button>
  )
}
