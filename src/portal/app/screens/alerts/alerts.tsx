import { useNavigate } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { isOneOf, quote, withOptions } from '../../api/odata.ts'
import { type Alert, alert } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { type Choice, Choices, chosenOf, NameFilter } from '../../lists/filters.tsx'
import { isFiltered, NoMatch } from '../../lists/no-match.tsx'
import { type ListState, useList, writeSelection } from '../../lists/use-list.ts'
import { Name, Severity, Status } from '../../parts/badges.tsx'
import { type Column, Grid } from '../../parts/grid.tsx'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { usePages } from '../../parts/use-pages.ts'
import { firstOf, type Search, screenPath } from '../../paths.ts'

const ViewsBar = lazy(() => import('../../lists/views-bar.tsx'))

const severity: Choice = ['severity', 'Severity', ['high', 'medium', 'low', 'informational', 'unknown']]
const status: Choice = ['status', 'Status', ['new', 'inProgress', 'resolved', 'unknown']]
const filterWords = { severity: 'severity', status: 'status', q: 'name' }

const columns: readonly Column<Alert>[] = [
  { name: 'Severity', width: '6.5rem', cell: (row) => <Severity value={row.severity} /> },
  { name: 'Alert', width: 'minmax(12rem, 1fr)', cell: (row) => <Name>{row.title || row.id}</Name> },
  { name: 'Status', width: '8rem', cell: (row) => <Status value={row.status} /> },
  { name: 'Source', width: '10rem', cell: (row) => <Name>{row.productName ?? row.serviceSource}</Name> },
  { name: 'Incident', width: '5rem', cell: (row) => <code>{row.incidentId ?? ''}</code> },
  { name: 'Activity', width: '9rem', cell: (row) => <Time at={row.lastActivityDateTime ?? row.createdDateTime} /> },
]

/** S7: alerts of all incidents. */
export function AlertsScreen() {
  const list = useList('alerts')
  const { search, change } = list
  const filter = filterOf(search)
  return (
    <div className="space-y-3 p-4">
      <Title text="Alerts" />
      <Suspense fallback={null}>
        <ViewsBar {...list} />
      </Suspense>
      <search className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <NameFilter search={search} change={change} />
        <Choices choices={[severity, status]} search={search} change={change} />
      </search>
      {list.isWaiting ? <Skeleton /> : <Rows key={filter} filter={filter} list={list} />}
    </div>
  )
}

function filterOf(search: Search): string {
  const q = firstOf(search, 'q')
  return [
    ...isOneOf('severity', chosenOf(search, severity)),
    ...isOneOf('status', chosenOf(search, status)),
    ...(q === '' ? [] : [`contains(tolower(title),${quote(q.toLowerCase())})`]),
  ].join(' and ')
}

function Rows({ filter, list }: { filter: string; list: ListState }) {
  const { session } = useApp()
  const navigate = useNavigate()
  const options = { $filter: filter, $orderby: 'createdDateTime desc', $top: 100, $count: 'true' }
  const pages = usePages('alerts', withOptions('/beta/security/alerts_v2', options), alert)
  if (pages.isError && pages.rows.length === 0)
    return <Failure error={pages.error} retry={() => void pages.refetch()} />
  if (pages.isPending) return <Skeleton />
  if (pages.rows.length === 0 && isFiltered(list.search, filterWords)) {
    return <NoMatch what="alert" words={filterWords} list={list} />
  }
  if (pages.rows.length === 0) return <Empty title="There are no alerts here." />
  return (
    <Grid
      label="Alerts"
      columns={columns}
      rows={pages.rows}
      total={pages.total}
      idOf={(row) => row.id}
      onOpen={(row) => {
        writeSelection(row.id)
        void navigate({ href: `${screenPath(session.tenant.id, 'alerts')}/${encodeURIComponent(row.id)}` })
      }}
      selected={list.selected}
      onSelect={list.select}
      onEnd={pages.onEnd}
    />
  )
}
