import { useParams } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { useAlert } from '../../api/queries.ts'
import { ApiError } from '../../api/session.ts'
import type { Alert } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { FailedScreen } from '../../frame/failed.tsx'
import { NotFound } from '../../frame/not-found.tsx'
import { Title } from '../../frame/title.tsx'
import { Name, Severity, Status } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { describeEvidence } from '../../parts/evidence-text.ts'
import { Link } from '../../parts/link.tsx'
import { Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { incidentPath } from '../../paths.ts'
import { useJoins } from '../incident/joins.ts'

const RegroupDialog = lazy(() => import('../regroup/regroup.tsx'))

/** One alert with all it says. */
export function AlertScreen() {
  const { id = '' } = useParams({ strict: false })
  const alert = useAlert(id)
  if (alert.error instanceof ApiError && alert.error.status === 404) return <NotFound />
  if (alert.isError && alert.data === undefined)
    return <FailedScreen what="The alert" error={alert.error} retry={() => void alert.refetch()} />
  if (alert.data === undefined) return <Skeleton />
  return <Whole alert={alert.data} />
}

function Whole({ alert }: { alert: Alert }) {
  const { session, isAuditor, may } = useApp()
  const [isMoving, setMoving] = useState(false)
  const name = alert.title || alert.id
  return (
    <div className="space-y-4 p-4">
      <Title text={name}>
        <Name>{name}</Name>
      </Title>
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-meta text-ink-2">
        <Severity value={alert.severity} />
        <Status value={alert.status} />
        <span>
          <Name>{alert.productName ?? alert.serviceSource}</Name>
        </span>
        <span>
          first seen <Time at={alert.firstActivityDateTime} />, last <Time at={alert.lastActivityDateTime} />
        </span>
        {alert.incidentId === null ? null : (
          <Link to={incidentPath(session.tenant.id, alert.incidentId)} className="alone">
            INC-{alert.incidentId}
          </Link>
        )}
      </p>
      {alert.incidentId === null ? null : <Why incidentId={alert.incidentId} alertId={alert.id} />}
      {isAuditor ? null : (
        <Button
          off={may('SecurityData.Manage.All') ? null : 'Needs an expert or admin.'}
          onPress={() => setMoving(true)}
        >
          Move this alert
        </Button>
      )}
      <Suspense fallback={null}>
        {isMoving ? (
          <RegroupDialog subject={{ kind: 'move', alerts: [alert] }} onClose={() => setMoving(false)} />
        ) : null}
      </Suspense>
      <Words alert={alert} />
      <section className="box p-4">
        <h2>Evidence</h2>
        <ul className="mt-1 space-y-1">
          {alert.evidence.map((evidence, index) => {
            const line = describeEvidence(evidence)
            return (
              // biome-ignore lint/suspicious/noArrayIndexKey: evidence has no id, and never changes its order
              <li key={index}>
                {line.kind}{' '}
                <code>
                  <Name>{line.name}</Name>
                </code>{' '}
                <span className="text-meta text-ink-2">
                  {line.verdict} <Name>{line.details.join(', ')}</Name>
                </span>
              </li>
            )
          })}
        </ul>
        {alert.evidence.length === 0 ? <p className="mt-1">The alert names none.</p> : null}
      </section>
    </div>
  )
}

function Why({ incidentId, alertId }: { incidentId: string; alertId: string }) {
  const joins = useJoins(incidentId)
  if (joins.data === undefined) return null
  const why = joins.data.get(alertId)?.text
  return <p>Why it is in this incident: {why ? <Name>{why}</Name> : 'not placed by correlation.'}</p>
}

function Words({ alert }: { alert: Alert }) {
  const parts = [
    ['Description', alert.description],
    ['Recommended', alert.recommendedActions],
    ['ATT&CK techniques', alert.mitreTechniques.join(', ')],
    ['Category', alert.category],
    ['Id at its source', alert.providerAlertId],
  ] as const
  return (
    <dl className="box grid grid-cols-[9rem_1fr] gap-2 p-4 max-sm:grid-cols-1">
      {parts.map(([term, text]) =>
        text ? (
          <div key={term} className="contents">
            <dt className="text-ink-2">{term}</dt>
            <dd className="max-w-[72ch] whitespace-pre-wrap">
              <Name>{text}</Name>
            </dd>
          </div>
        ) : null,
      )}
    </dl>
  )
}
