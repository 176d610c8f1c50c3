import { lazy, Suspense, useState } from 'react'
import { useIncidentAlerts } from '../../api/queries.ts'
import type { Alert } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Name, Severity, Status } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Link } from '../../parts/link.tsx'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { screenPath } from '../../paths.ts'
import { useJoins } from './joins.ts'

const RegroupDialog = lazy(() => import('../regroup/regroup.tsx'))

/** The alerts of the incident, each with the reason why it stands here. */
export function AlertsTab({ id }: { id: string }) {
  const alerts = useIncidentAlerts(id)
  const joins = useJoins(id)
  const { isAuditor, may } = useApp()
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [isMoving, setMoving] = useState(false)
  if (alerts.isError && alerts.data === undefined)
    return <Failure error={alerts.error} retry={() => void alerts.refetch()} />
  if (alerts.data === undefined) return <Skeleton />
  const { value, count } = alerts.data
  if (value.length === 0) return <Empty title="There are no alerts." />
  const moving = value.filter((alert) => chosen.has(alert.id))
  const off = may('SecurityData.Manage.All')
    ? moving.length === 0
      ? 'Choose alerts.'
      : null
    : 'Needs an expert or admin.'
  const toggle = (alertId: string): void => {
    setChosen(
      chosen.has(alertId) ? new Set([...chosen].filter((one) => one !== alertId)) : new Set([...chosen, alertId]),
    )
  }
  return (
    <div className="space-y-2">
      {isAuditor ? null : (
        <Button off={off} onPress={() => setMoving(true)}>
          Move to another incident
        </Button>
      )}
      <Suspense fallback={null}>
        {isMoving ? (
          <RegroupDialog
            subject={{ kind: 'move', alerts: moving }}
            onClose={() => {
              setMoving(false)
              setChosen(new Set())
            }}
          />
        ) : null}
      </Suspense>
      {count > value.length ? (
        <p className="text-meta text-ink-2">
          The newest {value.length} of {count}.
        </p>
      ) : null}
      <ul className="space-y-2">
        {value.map((alert) => (
          <AlertLine
            key={alert.id}
            alert={alert}
            why={joins.data?.get(alert.id)?.text ?? null}
            isChosen={chosen.has(alert.id)}
            toggle={isAuditor ? null : () => toggle(alert.id)}
          />
        ))}
      </ul>
    </div>
  )
}

interface LineProps {
  readonly alert: Alert
  readonly why: string | null
  readonly isChosen: boolean
  /** null where nothing can be chosen. */
  readonly toggle: (() => void) | null
}

function AlertLine({ alert, why, isChosen, toggle }: LineProps) {
  const { session } = useApp()
  return (
    <li className="box p-3">
      <p className="flex flex-wrap items-center gap-2">
        {toggle === null ? null : (
          <input
            type="checkbox"
            className="size-7 sm:size-6"
            aria-label={`Choose ${alert.title || alert.id}`}
            checked={isChosen}
            onChange={toggle}
          />
        )}
        <Severity value={alert.severity} />
        <Link
          to={`${screenPath(session.tenant.id, 'alerts')}/${encodeURIComponent(alert.id)}`}
          className="alone font-medium"
        >
          <Name>{alert.title || alert.id}</Name>
        </Link>
        <Status value={alert.status} />
        <span className="text-meta text-ink-2">
          <Name>{alert.productName ?? alert.serviceSource}</Name>{' '}
          <Time at={alert.lastActivityDateTime ?? alert.createdDateTime} />
        </span>
      </p>
      <p className="mt-1 text-meta text-ink-2">
        Why it is here: {why === null ? 'not placed by correlation' : <Name>{why}</Name>}
      </p>
    </li>
  )
}
