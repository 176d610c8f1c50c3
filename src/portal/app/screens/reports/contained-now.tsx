import { useApp } from '../../frame/app.tsx'
import { Name } from '../../parts/badges.tsx'
import { Link } from '../../parts/link.tsx'
import { Time } from '../../parts/time.tsx'
import { incidentPath, runPath } from '../../paths.ts'
import { assetPath, useContained } from '../assets/asset-query.ts'
import { stateWord } from '../assets/containment.tsx'
import { Figures, Panel } from './parts.tsx'

const columns = ['What', 'State', 'Since', 'Expires', 'By', 'Run', 'Incident']

/** What is cut off at this moment, and for how long it has been. */
export function ContainedNow() {
  const { session } = useApp()
  const tenant = session.tenant.id
  return (
    <Panel name="Containment now" about="Everything that is cut off at this moment." figures={useContained()}>
      {({ value, more }) =>
        value.length === 0 ? (
          <p>Nothing is cut off.</p>
        ) : (
          <>
            {more ? <p>There is more: these are the latest 1,000.</p> : null}
            <Figures
              isOpen
              name="Containment now"
              columns={columns}
              rows={value.map(({ kind, id, name, actionType, since, until, by, executionId, incidentId }) => [
                <Link key="what" className="alone" to={assetPath(tenant, kind, id)}>
                  <Name>{name}</Name>
                </Link>,
                stateWord(actionType),
                <Time key="since" at={since} />,
                until === null ? 'not by itself' : <Time key="until" at={until} />,
                <Name key="by">{by}</Name>,
                <Link key="run" className="alone gap-1" to={runPath(tenant, executionId)}>
                  Run on <Name>{name}</Name>
                </Link>,
                <Link key="incident" className="alone" to={incidentPath(tenant, incidentId)}>
                  INC-{incidentId}
                </Link>,
              ])}
            />
          </>
        )
      }
    </Panel>
  )
}
