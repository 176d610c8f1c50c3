import { useApp } from '../../frame/app.tsx'
import { Name } from '../../parts/badges.tsx'
import { Heads } from '../../parts/grid.tsx'
import { Link } from '../../parts/link.tsx'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { Wide } from '../../parts/wide.tsx'
import { taskPath } from '../../paths.ts'
import { assetPath, useIncidentAssets } from '../assets/asset-query.ts'
import { ContainmentBadges } from '../assets/containment.tsx'

/** The devices, users and mailboxes of an incident: whether each is cut off, and which task waits about it. */
export function AssetsTab({ id }: { id: string }) {
  const { session } = useApp()
  const found = useIncidentAssets(id)
  if (found.isError && found.data === undefined)
    return <Failure error={found.error} retry={() => void found.refetch()} />
  if (found.data === undefined) return <Skeleton />
  if (found.data.value.length === 0) return <Empty title="No alert or task names a device, a user or a mailbox." />
  return (
    <Wide name="Assets of the incident" isBox>
      <table className="w-full text-table">
        <Heads names={['Kind', 'Name', 'Right now', 'Alerts', 'Waits for somebody']} />
        <tbody>
          {found.data.value.map(({ kind, name, deviceId, alertCount, contained, waiting }) => (
            <tr key={`${kind} ${name}`} data-entity-id={`${kind} ${name}`} className="border-t border-line align-top">
              <td className="px-3 py-1">{kind}</td>
              <td className="px-3 py-1 font-mono break-all">
                <Link to={assetPath(session.tenant.id, kind, deviceId ?? name)} className="alone">
                  <Name>{name}</Name>
                </Link>
              </td>
              <td className="px-3 py-1">
                <ContainmentBadges contained={contained} />
              </td>
              <td className="px-3 py-1">{alertCount}</td>
              <td className="px-3 py-1">
                {waiting === null ? null : (
                  <Link
                    to={taskPath(session.tenant.id, { id: waiting.id, incident: { id: waiting.incidentId } })}
                    className="alone"
                  >
                    <Name>{waiting.displayName}</Name>
                  </Link>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  )
}
