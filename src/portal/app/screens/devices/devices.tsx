import { useQuery } from '@tanstack/react-query'
import { fetchAs } from '../../api/queries.ts'
import { useApp } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { Badge, Name } from '../../parts/badges.tsx'
import { Link } from '../../parts/link.tsx'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { screenPath } from '../../paths.ts'
import { AssetList } from '../assets/asset-list.tsx'
import { AssetTabs } from '../assets/asset-tabs.tsx'
import { type Agent, agents, tones } from './agents.ts'

/** S6 and S10: the hosts that Cordon controls, how they are, and what is cut off right now. */
export function DevicesScreen() {
  const { api } = useApp()
  const found = useQuery({
    queryKey: ['agents'],
    refetchInterval: 15_000,
    queryFn: ({ signal }) => fetchAs(api, '/api/v1/agents', agents, signal),
  })
  const all = found.data?.value ?? []
  return (
    <div className="space-y-3 p-4">
      <Title text="Devices" />
      <AssetTabs current="devices" />
      {found.isError && found.data === undefined ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : null}
      {found.isPending ? <Skeleton rows={4} /> : null}
      {found.data !== undefined && all.length === 0 ? (
        <Empty title="No host has enrolled yet.">
          <p>
            On the server, <code>cordon agent token</code> makes a one-time token; on the host,{' '}
            <code>cordon agent enroll</code> and <code>cordon agent run</code>. It appears here when it calls home.
          </p>
        </Empty>
      ) : null}
      <ul className="grid gap-3 lg:grid-cols-2">
        {all.map((one) => (
          <Card key={one.id} agent={one} />
        ))}
      </ul>
      <h2>Named by alerts, without an agent</h2>
      <AssetList screen="devices" />
    </div>
  )
}

function Card({
  agent: {
    id,
    hostName,
    fqdn,
    os,
    agentVersion,
    health,
    lastSeenAt,
    isolated,
    isolatedUntil,
    restricted,
    restrictedUntil,
    actions,
  },
}: {
  agent: Agent
}) {
  const { session } = useApp()
  return (
    <li className="box p-4" data-id={id}>
      <h2>
        <Link className="alone" to={`${screenPath(session.tenant.id, 'devices')}/${encodeURIComponent(id)}`}>
          <Name>{hostName}</Name>
        </Link>
      </h2>
      <p className="mt-1 flex flex-wrap gap-2">
        <Badge tone={tones[health] ?? 'quiet'}>{health}</Badge>
        {isolated === true ? <Badge tone="high">isolated</Badge> : null}
        {restricted === true ? <Badge tone="high">programs restricted</Badge> : null}
      </p>
      <p className="mt-1 text-meta text-ink-2">
        <Name>
          {[fqdn, os, agentVersion === null ? null : `agent ${agentVersion}`]
            .filter((part) => part !== null)
            .join(', ')}
        </Name>
      </p>
      <p className="text-meta text-ink-2">
        Last heard of <Time at={lastSeenAt} />
        {isolated === true && isolatedUntil !== null ? (
          <>
            , isolated until <Time at={isolatedUntil} exact />
          </>
        ) : null}
        {restricted === true && restrictedUntil !== null ? (
          <>
            , programs restricted until <Time at={restrictedUntil} exact />
          </>
        ) : null}
      </p>
      <details className="mt-2">
        <summary className="cursor-pointer">
          Can do {actions.filter(({ supported }) => supported).length} of {actions.length} actions
        </summary>
        <ul className="mt-1 list-disc ps-5">
          {actions.map(({ actionType, supported, reason }) => (
            <li key={actionType}>
              {actionType}: {supported ? 'yes' : <Name>{reason ?? 'no'}</Name>}
            </li>
          ))}
        </ul>
      </details>
    </li>
  )
}
