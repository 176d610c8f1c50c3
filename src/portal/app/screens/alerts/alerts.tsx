import { useNavigate } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { isOneOf, isOneOfOrNone, none, quote, withOptions } from '../../api/odata.ts'
import { type Alert, alert } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { Beside } from '../../lists/beside/beside.tsx'
import { useColumns } from '../../lists/beside/columns.ts'
import { usePanels } from '../../lists/beside/panels.ts'
import { Chips, type Choice, Choices, chosenOf, NameFilter } from '../../lists/filters.tsx'
import { isFiltered, NoMatch } from '../../lists/no-match.tsx'
import { Seek } from '../../lists/seek/seek.tsx'
import { pathOfOne, useSeek } from '../../lists/seek/use-seek.ts'
import { source } from '../../lists/sources.ts'
import { type ListState, useList, writeSelection } from '../../lists/use-list.ts'
import { Name, Severity, Status } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { type Column, Grid } from '../../parts/grid.tsx'
import { MarkBar } from '../../parts/mark-bar.tsx'
import { useMarks } from '../../parts/marks.ts'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { usePages } from '../../parts/use-pages.ts'
import { firstOf, type Search, screenPath, valuesOf } from '../../paths.ts'

import { useRowMenu } from '../bulk/use-row-menu.tsx'

const AlertPreview = lazy(() => import('../preview/alert-preview.tsx'))
const ViewsBar = lazy(() => import('../../lists/views-bar.tsx'))

const severity: Choice = ['severity', 'Severity', ['high', 'medium', 'low', 'informational', 'unknown']]
const status: Choice = ['status', 'Status', ['new', 'inProgress', 'resolved', 'unknown']]
const classification: Choice = [
  'classification',
  'Classification',
  ['unknown', 'falsePositive', 'truePositive', 'informationalExpectedActivity', none],
]
/** Filters of any value, and of values that are not offered as buttons. */
const further = { assigned: 'owner', source: 'source', classification: 'classification' } as const
const filterWords = { severity: 'severity', status: 'status', ...further, q: 'name' }

const columns: readonly Column<Alert>[] = [
  { key: 'severity', name: 'Severity', width: '5.5rem', cell: (row) => <Severity value={row.severity} /> },
  { key: 'alert', name: 'Alert', width: 'minmax(10rem, 1fr)', cell: (row) => <Name>{row.title || row.id}</Name> },
  { key: 'status', name: 'Status', width: '7rem', cell: (row) => <Status value={row.status} /> },
  {
    key: 'source',
    name: 'Source',
    width: '9rem',
    spare: 2,
    cell: (row) => <Name>{row.productName ?? row.serviceSource}</Name>,
  },
  { key: 'incident', name: 'Incident', width: '5rem', spare: 1, cell: (row) => <code>{row.incidentId ?? ''}</code> },
  {
    key: 'activity',
    name: 'Activity',
    width: '9.5rem',
    spare: 3,
    cell: (row) => <Time at={row.lastActivityDateTime ?? row.createdDateTime} />,
  },
]

/** S7: alerts of all incidents. */
export function AlertsScreen() {
  const list = useList('alerts')
  const { search, change } = list
  const filter = filterOf(search)
  return (
    <div className="space-y-3 p-4">
      <Title text="Alerts" />
      <Beside {...list} filterOf={filterOf} columns={columns} preview={(id) => <AlertPreview id={id} row={id} />}>
        <Suspense fallback={null}>
          <ViewsBar {...list} />
        </Suspense>
        <search className="flex flex-wrap items-center gap-x-4 gap-y-2">
          <NameFilter search={search} change={change} />
          <Choices choices={[severity, status]} search={search} change={change} />
          <Chips of={further} known={[source, classification]} search={search} change={change} />
        </search>
        {list.isWaiting ? <Skeleton /> : <Rows key={filter} filter={filter} list={list} />}
      </Beside>
    </div>
  )
}

function filterOf(search: Search): string {
  const q = firstOf(search, 'q')
  return [
    ...isOneOf('severity', chosenOf(search, severity)),
    ...isOneOf('status', chosenOf(search, status)),
    ...isOneOfOrNone('classification', chosenOf(search, classification)),
    ...isOneOfOrNone('assignedTo', valuesOf(search, 'assigned')),
    ...isOneOf('serviceSource', chosenOf(search, source)),
    ...(q === '' ? [] : [`contains(tolower(title),${quote(q.toLowerCase())})`]),
  ].join(' and ')
}

function Rows({ filter, list }: { filter: string; list: ListState }) {
  const { session, may } = useApp()
  const navigate = useNavigate()
  const marks = useMarks()
  const mayChange = may('SecurityAlert.ReadWrite.All')
  const { menu, menus } = useRowMenu<Alert>(
    'alert',
    mayChange ? ['assign', 'status'] : [],
    ({ id, title }) => ({ tenant: session.tenant.id, id, name: title ?? '' }),
    marks.clear,
  )
  const { put } = usePanels()
  const shown = useColumns(columns, list.search)
  const path = '/beta/security/alerts_v2'
  const first = withOptions(path, { $filter: filter, $orderby: 'createdDateTime desc', $top: 100 })
  const pages = usePages('alerts', first, alert, withOptions(`${path}/$count`, { $filter: filter }))
  const sought = useSeek(list.selected, pages, ({ id }) => id, pathOfOne(path, filter, list.selected))
  if (pages.isError && pages.rows.length === 0)
    return <Failure error={pages.error} retry={() => void pages.refetch()} />
  if (pages.isPending) return <Skeleton />
  if (pages.rows.length === 0 && isFiltered(list.search, filterWords)) {
    return <NoMatch what="alert" words={filterWords} list={list} />
  }
  if (pages.rows.length === 0) return <Empty title="There are no alerts here." />
  const chosen = pages.rows.filter(({ id }) => marks.ids.has(id))
  return (
    <>
      <MarkBar marks={marks}>
        <Button onPress={() => menus.assign?.(chosen)}>{`Assign ${chosen.length}`}</Button>
        <Button onPress={() => menus.status?.(chosen)}>{`Set the status of ${chosen.length}`}</Button>
      </MarkBar>
      {menu}
      <Seek it={sought}>
        <Grid
          label="Alerts"
          columns={shown}
          rows={pages.rows}
          total={pages.total}
          idOf={(row) => row.id}
          onOpen={(row) => {
            writeSelection(row.id)
            void navigate({ href: `${screenPath(session.tenant.id, 'alerts')}/${encodeURIComponent(row.id)}` })
          }}
          onPreview={({ id }) => put({ preview: id, sel: id })}
          selected={list.selected}
          onSelect={list.select}
          onEnd={pages.onEnd}
          menus={menus}
          {...(mayChange ? { marks } : {})}
        />
      </Seek>
    </>
  )
}
