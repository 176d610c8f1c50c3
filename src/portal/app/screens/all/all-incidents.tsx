import { useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useState } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import type { Session } from '../../api/session.ts'
import { Title } from '../../frame/title.tsx'
import { Beside } from '../../lists/beside/beside.tsx'
import { useColumns } from '../../lists/beside/columns.ts'
import { usePanels } from '../../lists/beside/panels.ts'
import { isFiltered, NoMatch } from '../../lists/no-match.tsx'
import { Seek } from '../../lists/seek/seek.tsx'
import { useSeek } from '../../lists/seek/use-seek.ts'
import { writeSelection } from '../../lists/use-list.ts'
import { Button } from '../../parts/button.tsx'
import { Grid } from '../../parts/grid.tsx'
import { MarkBar } from '../../parts/mark-bar.tsx'
import { useMarks } from '../../parts/marks.ts'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { firstOf, incidentPath, type Search } from '../../paths.ts'
import { useRowMenu } from '../bulk/use-row-menu.tsx'
import { columns } from '../queue/columns.tsx'
import { Filters } from '../queue/filters.tsx'
import { rememberOrder } from '../queue/order.ts'
import { Pill } from '../queue/pill.tsx'
import {
  countQueue,
  filterOf,
  firstPageOf,
  menuRowOf,
  type QueueRow,
  filterWords as queueWords,
  readQueuePage,
} from '../queue/queue-query.ts'
import { InTenantOf } from './in-tenant-of.tsx'
import { Missing } from './missing.tsx'
import { useTenantColumns, useTenantIds } from './tenant-column.tsx'
import { useAllList, useMerged, useSum } from './use-merged.ts'

const ChangeIncidents = lazy(() => import('../bulk/change-incidents.tsx'))
const IncidentPreview = lazy(() => import('../preview/incident-preview.tsx'))
const filterWords = { tenant: 'tenant', ...queueWords }
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
      <Beside
        {...list}
        list="incidents"
        filterOf={filterOf}
        places={list.wanted}
        columns={useTenantColumns(columns)}
        preview={(row) => <InTenantOf row={row}>{(id) => <IncidentPreview id={id} row={row} />}</InTenantOf>}
      >
        <Filters search={list.search} change={list.change} further={[list.choice]} />
        <Rows {...list} />
      </Beside>
    </div>
  )
}

function Rows({ search, change, wanted, selected, select }: ReturnType<typeof useAllList>) {
  const marks = useMarks()
  const [changing, setChanging] = useState<readonly QueueRow[] | null>(null)
  const { menu, menus } = useRowMenu('incident', ['assign', 'status'], menuRowOf, marks.clear)
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
  const idOf = useTenantIds()
  const sought = useSeek(selected, queue, idOf)
  const open = useOpen(idOf)
  const shown = useColumns(useTenantColumns(columns), search)
  const { put } = usePanels()
  useEffect(() => rememberOrder(rows), [rows])
  if (queue.isError && rows.length === 0) return <Failure error={queue.error} retry={() => void queue.refetch()} />
  if (queue.isPending) return <Skeleton rows={12} />
  return (
    <>
      <Missing failed={queue.failed} retry={() => void queue.refetch()} />
      {rows.length === 0 ? (
        <Nothing search={search} change={change} />
      ) : (
        <>
          <p className="text-meta text-ink-2" aria-live="off">
            {`${sayCount(count.data, wanted)}${queue.isFetching ? ' · looking for more' : ''}`}
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
          {menu}
          <Seek it={sought}>
            <Grid
              label="Incidents of all tenants"
              columns={shown}
              rows={rows}
              total={count.data ?? -1}
              idOf={idOf}
              onOpen={open}
              onPreview={(row) => put({ preview: idOf(row), sel: idOf(row) })}
              onEnd={queue.onEnd}
              selected={selected}
              onSelect={select}
              marks={marks}
              menus={menus}
            />
          </Seek>
        </>
      )}
    </>
  )
}

function useOpen(idOf: (row: QueueRow) => string): (row: QueueRow) => void {
  const navigate = useNavigate()
  return (row) => {
    writeSelection(idOf(row))
    void navigate({ href: incidentPath(row.tenant, row.id) })
  }
}

function Nothing({ search, change }: { search: Search; change: (next: Search) => void }) {
  if (isFiltered(search, filterWords)) {
    return <NoMatch what="incident" words={filterWords} list={{ search, change }} />
  }
  return <Empty title="No tenant of yours has an incident." />
}

function sayCount(count: number | undefined, places: readonly Session[]): string {
  if (count === undefined) return ''
  const tenants = writeCount(places.length, 'tenant', 'tenants')
  return `${writeCount(count, 'incident', 'incidents')} of ${tenants}`
}
