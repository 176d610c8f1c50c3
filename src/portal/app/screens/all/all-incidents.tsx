import { useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useMemo, useState } from 'react'
import type { Session } from '../../api/session.ts'
import { useRealm } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { isFiltered, NoMatch } from '../../lists/no-match.tsx'
import { writeSelection } from '../../lists/use-list.ts'
import { Button } from '../../parts/button.tsx'
import { Grid } from '../../parts/grid.tsx'
import { MarkBar } from '../../parts/mark-bar.tsx'
import { useMarks } from '../../parts/marks.ts'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { firstOf, incidentPath, type Search } from '../../paths.ts'
import { columns } from '../queue/columns.tsx'
import { Filters } from '../queue/filters.tsx'
import { rememberOrder } from '../queue/order.ts'
import { Pill } from '../queue/pill.tsx'
import { countQueue, firstPageOf, type QueueRow, readQueuePage } from '../queue/queue-query.ts'
import { Missing } from './missing.tsx'
import { useTenantColumns } from './tenant-column.tsx'
import { useAllList, useMerged, useSum } from './use-merged.ts'

const ChangeIncidents = lazy(() => import('../bulk/change-incidents.tsx'))
const filterWords = { tenant: 'tenant', status: 'status', severity: 'severity', assigned: 'owner', q: 'name' }
const severities = ['unknown', 'informational', 'low', 'medium', 'high']

const later = (a: string, b: string): number => (a === b ? 0 : a > b ? -1 : 1)
const isNewer = (a: QueueRow, b: QueueRow): number => later(a.createdDateTime, b.createdDateTime)
/** The orders of the queue, as the server of every tenant has them. */
const compares: Readonly<Record<string, (a: QueueRow, b: QueueRow) => number>> = {
  newest: isNewer,
  updated: (a, b) => later(a.lastUpdateDateTime, b.lastUpdateDateTime),
  severity: (a, b) => severities.indexOf(b.severity) - severities.indexOf(a.severity) || isNewer(a, b),
}

/** The incidents of every tenant the person has a role in, in one list. */
export function AllIncidentsScreen() {
  const list = useAllList('incidents')
  return (
    <div className="space-y-3 p-4">
      <div className="flex min-h-7 flex-wrap items-center gap-3 pointer-coarse:min-h-11">
        <Title text="Incidents" />
        <Pill />
      </div>
      <Filters search={list.search} change={list.change} further={[list.choice]} />
      <Rows {...list} />
    </div>
  )
}

function Rows({ search, change, wanted }: ReturnType<typeof useAllList>) {
  const navigate = useNavigate()
  const marks = useMarks()
  const [changing, setChanging] = useState<readonly QueueRow[] | null>(null)
  const first = firstPageOf(search)
  const queue = useMerged({
    key: ['queue', first.filter, first.order],
    places: wanted,
    path: first.path,
    read: readQueuePage,
    compare: compares[firstOf(search, 'sort')] ?? isNewer,
  })
  const count = useSum(['queue-count', first.filter], wanted, (api, signal) => countQueue(api, first.filter, signal))
  const { rows } = queue
  const idOf = useRowId()
  const shown = useTenantColumns(columns)
  useEffect(() => rememberOrder(rows), [rows])
  if (queue.isError && rows.length === 0) return <Failure error={queue.error} retry={() => void queue.refetch()} />
  if (queue.isPending) return <Skeleton rows={12} />
  const open = (row: QueueRow): void => {
    writeSelection(idOf(row))
    void navigate({ href: incidentPath(row.tenant, row.id) })
  }
  return (
    <>
      <Missing failed={queue.failed} retry={() => void queue.refetch()} />
      {rows.length === 0 ? (
        <Nothing search={search} change={change} />
      ) : (
        <>
          <p className="text-meta text-ink-2" aria-live="off">
            {sayCount(count.data, wanted)}
            {queue.isFetching ? ' · looking for more' : ''}
          </p>
          <MarkBar marks={marks}>
            <Button kind="primary" onPress={() => setChanging(rows.filter((row) => marks.ids.has(idOf(row))))}>
              {`Change ${marks.ids.size}`}
            </Button>
          </MarkBar>
          {changing === null ? null : (
            <Suspense fallback={null}>
              <ChangeIncidents
                rows={changing}
                onClose={() => {
                  setChanging(null)
                  marks.clear()
                }}
              />
            </Suspense>
          )}
          <Grid
            label="Incidents of all tenants"
            columns={shown}
            rows={rows}
            total={count.data ?? -1}
            idOf={idOf}
            onOpen={open}
            onEnd={queue.onEnd}
            selected={firstOf(search, 'sel')}
            marks={marks}
          />
        </>
      )}
    </>
  )
}

/** Two tenants may have an incident of the same number: the short code stands before it. */
function useRowId(): (row: QueueRow) => string {
  const { places } = useRealm()
  return useMemo(() => {
    const codes = new Map(places.map(({ tenant }) => [tenant.id, tenant.code]))
    return ({ tenant, id }) => `${codes.get(tenant) ?? tenant}/${id}`
  }, [places])
}

function Nothing({ search, change }: { search: Search; change: (next: Search) => void }) {
  if (isFiltered(search, filterWords)) {
    return <NoMatch what="incident" words={filterWords} list={{ search, change }} />
  }
  return <Empty title="No tenant of yours has an incident." />
}

function sayCount(count: number | undefined, places: readonly Session[]): string {
  if (count === undefined) return ''
  const tenants = places.length === 1 ? '1 tenant' : `${places.length} tenants`
  return `${count.toLocaleString('en')} ${count === 1 ? 'incident' : 'incidents'} of ${tenants}`
}
