import { useAlert } from '../../api/queries.ts'
import { useApp } from '../../frame/app.tsx'
import { Name, Severity, Status } from '../../parts/badges.tsx'
import { describeEvidence } from '../../parts/evidence-text.ts'
import { Link } from '../../parts/link.tsx'
import { Time } from '../../parts/time.tsx'
import { incidentPath, screenPath } from '../../paths.ts'
import { useJoins } from '../incident/joins.ts'
import { RowPanel } from './row-panel.tsx'

/** An alert beside the list: what it says, where it belongs and why. */
export default function AlertPreview({ id, row }: { id: string; row: string }) {
  const { session } = useApp()
  return (
    <RowPanel row={row} of={useAlert(id)}>
      {(alert) => (
        <section className="mt-2 space-y-2">
          <h3>
            <Link to={`${screenPath(session.tenant.id, 'alerts')}/${encodeURIComponent(alert.id)}`} className="alone">
              <Name>{alert.title || alert.id}</Name>
            </Link>
          </h3>
          <p className="flex flex-wrap items-center gap-2 text-meta text-ink-2">
            <Severity value={alert.severity} />
            <Status value={alert.status} />
            <Name>{alert.productName ?? alert.serviceSource}</Name>
            <span>
              last seen <Time at={alert.lastActivityDateTime ?? alert.createdDateTime} />
            </span>
          </p>
          {alert.incidentId === null ? null : <Place incidentId={alert.incidentId} alertId={alert.id} />}
          {alert.description ? (
            <p className="whitespace-pre-wrap">
              <Name>{alert.description}</Name>
            </p>
          ) : null}
          <ul className="space-y-1">
            {alert.evidence.map((evidence, index) => {
              const { kind, name } = describeEvidence(evidence)
              return (
                // biome-ignore lint/suspicious/noArrayIndexKey: evidence has no id, and never changes its order
                <li key={index}>
                  {kind}{' '}
                  <code>
                    <Name>{name}</Name>
                  </code>
                </li>
              )
            })}
          </ul>
        </section>
      )}
    </RowPanel>
  )
}

function Place({ incidentId, alertId }: { incidentId: string; alertId: string }) {
  const { session } = useApp()
  const joins = useJoins(incidentId)
  return (
    <p>
      <Link to={incidentPath(session.tenant.id, incidentId)}>INC-{incidentId}</Link>{' '}
      {joins.data?.get(alertId)?.text ?? ''}
    </p>
  )
}
