import { useNavigate, useSearch } from '@tanstack/react-router'
import { isOneOf, withOptions } from '../../api/odata.ts'
import { type Alert, alert } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { Name, Severity, Status } from '../../parts/badges.tsx'
import { type Column, Grid } from '../../parts/grid.tsx'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { TabLinks } from '../../parts/tab-links.tsx'
import { Time } from '../../parts/time.tsx'
import { usePages } from '../../parts/use-pages.ts'
import { firstOf, type Search, screenPath } from '../../paths.ts'

const tabs = [
  ['all', 'All'],
  ['high', 'High'],
  ['medium', 'Medium'],
  ['low', 'Low'],
  ['informational', 'Info'],
] as const

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
  const search: Search = useSearch({ strict: false })
  const { session } = useApp()
  const severity = firstOf(search, 'severity') || 'all'
  return (
    <div className="space-y-3 p-4">
      <Title text="Alerts" />
      <TabLinks
        label="Severity"
        path={screenPath(session.tenant.id, 'alerts')}
        param="severity"
        tabs={tabs}
        current={severity}
      />
      <Rows key={severity} severity={severity} />
    </div>
  )
}

function Rows({ severity }: { severity: string }) {
  const { session } = useApp()
  const navigate = useNavigate()
  const filter = isOneOf('severity', severity === 'all' ? [] : [severity]).join('')
  const options = { $filter: filter, $orderby: 'createdDateTime desc', $top: 100 }
  const pages = usePages('alerts', withOptions('/beta/security/alerts_v2', options), alert)
  if (pages.isError && pages.rows.length === 0)
    return <Failure error={pages.error} retry={() => void pages.refetch()} />
  if (pages.isPending) return <Skeleton />
  if (pages.rows.length === 0) return <Empty title="There are no alerts here." />
  return (
    <Grid
      label="Alerts"
      columns={columns}
      rows={pages.rows}
      total={pages.total}
      idOf={(row) => row.id}
      onOpen={(row) =>
        void navigate({ href: `${screenPath(session.tenant.id, 'alerts')}/${encodeURIComponent(row.id)}` })
      }
      onEnd={pages.onEnd}
    />
  )
}
