import { useIncidentAlerts } from '../../api/queries.ts'
import type { Alert } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Name, Severity, Status } from '../../parts/badges.tsx'
import { Link } from '../../parts/link.tsx'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { screenPath } from '../../paths.ts'
import { useJoins } from './joins.ts'

/** The alerts of the incident, each with the reason why it stands here. */
export function AlertsTab({ id }: { id: string }) {
  const alerts = useIncidentAlerts(id)
  const joins = useJoins(id)
  if (alerts.isError && alerts.data === undefined)
    return <Failure error={alerts.error} retry={() => void alerts.refetch()} />
  if (alerts.data === undefined) return <Skeleton />
  const { value, count } = alerts.data
  if (value.length === 0) return <Empty title="There are no alerts." />
  return (
    <div className="space-y-2">
      {count > value.length ? (
        <p className="text-meta text-ink-2">
          The newest {value.length} of {count}.
        </p>
      ) : null}
      <ul className="space-y-2">
        {value.map((alert) => (
          <AlertLine key={alert.id} alert={alert} why={joins.data?.get(alert.id)?.text ?? null} />
        ))}
      </ul>
    </div>
  )
}

function AlertLine({ alert, why }: { alert: Alert; why: string | null }) {
  const { session } = useApp()
  return (
    <li className="box p-3">
      <p className="flex flex-wrap items-center gap-2">
        <Severity value={alert.severity} />
        <Link to={`${screenPath(session.tenant.id, 'alerts')}/${encodeURIComponent(alert.id)}`} className="font-medium">
          <Name>{alert.title || alert.id}</Name>
        </Link>
        <Status value={alert.status} />
        <span className="text-meta text-ink-2">
          {alert.productName ?? alert.serviceSource} <Time at={alert.lastActivityDateTime ?? alert.createdDateTime} />
        </span>
      </p>
      <p className="mt-1 text-meta text-ink-2">
        Why it is here: {why === null ? 'not placed by correlation' : <Name>{why}</Name>}
      </p>
    </li>
  )
}
