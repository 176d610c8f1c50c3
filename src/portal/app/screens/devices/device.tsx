import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { verbOf } from '../../../shown/words.ts'
import { fetchAs } from '../../api/queries.ts'
import { ApiError } from '../../api/session.ts'
import { useApp } from '../../frame/app.tsx'
import { FailedScreen } from '../../frame/failed.tsx'
import { NotFound } from '../../frame/not-found.tsx'
import { Title } from '../../frame/title.tsx'
import { Badge, Name } from '../../parts/badges.tsx'
import { Link } from '../../parts/link.tsx'
import { Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { taskPath } from '../../paths.ts'
import { Sightings } from '../assets/asset.tsx'
import { AssetParts } from '../assets/asset-parts.tsx'
import { type Asset, useAsset } from '../assets/asset-query.ts'
import { AssetTabs } from '../assets/asset-tabs.tsx'
import { ProposeAbout } from '../assets/propose-about.tsx'
import { type Agent, agents, tones } from './agents.ts'

/** S6: one host: whether it is cut off and by whom, how it is, what was run on it, and what can be. */
export function DeviceScreen() {
  const { id = '' } = useParams({ strict: false })
  const { api } = useApp()
  const asset = useAsset('devices', id)
  const hosts = useQuery({
    queryKey: ['agents'],
    refetchInterval: 15_000,
    queryFn: ({ signal }) => fetchAs(api, '/api/v1/agents', agents, signal),
  })
  if (asset.error instanceof ApiError && asset.error.status === 404) return <NotFound />
  for (const found of [asset, hosts]) {
    if (found.isError && found.data === undefined) {
      return <FailedScreen what="The device" error={found.error} retry={() => void found.refetch()} />
    }
  }
  if (asset.data === undefined || hosts.data === undefined) return <Skeleton />
  const { deviceId } = asset.data
  return <Whole asset={asset.data} agent={hosts.data.value.find((one) => one.id === deviceId) ?? null} />
}

function Whole({ asset, agent }: { asset: Asset; agent: Agent | null }) {
  return (
    <div className="space-y-3 p-4" data-id={agent?.id ?? asset.name}>
      <AssetTabs current="devices" />
      <Title text={agent?.hostName ?? asset.name}>
        <Name>{agent?.hostName ?? asset.name}</Name>
      </Title>
      {agent === null ? <p>No agent of Cordon is on this host, so it can be cut off by hand only.</p> : null}
      {agent === null ? null : <Health agent={agent} />}
      <Sightings asset={asset} word="Device" />
      <AssetParts asset={asset}>
        <ProposeAbout key={asset.name} asset={asset} />
        {agent === null ? null : <Abilities agent={agent} asset={asset} />}
      </AssetParts>
    </div>
  )
}

/** How the host is, and what it says of itself: that is what is true, whatever holds it. */
function Health({ agent }: { agent: Agent }) {
  const { fqdn, os, agentVersion, health, enrolledAt, lastSeenAt, isolated, isolatedUntil } = agent
  return (
    <>
      <p className="flex flex-wrap items-center gap-2">
        <Badge tone={tones[health] ?? 'quiet'}>{health}</Badge>
        <Badge tone={isolated === true ? 'high' : 'quiet'}>
          {isolated === null ? 'isolation not known' : isolated ? 'isolated' : 'not isolated'}
        </Badge>
        {isolated === true && isolatedUntil !== null ? (
          <span className="text-meta">
            until <Time at={isolatedUntil} exact />
          </span>
        ) : null}
      </p>
      <p className="text-meta text-ink-2">
        <Name>
          {[fqdn, os, agentVersion === null ? null : `agent ${agentVersion}`]
            .filter((part) => part !== null)
            .join(', ')}
        </Name>
        , enrolled <Time at={enrolledAt} />, last heard of <Time at={lastSeenAt} />
      </p>
    </>
  )
}

function Abilities({ agent, asset }: { agent: Agent; asset: Asset }) {
  const { session } = useApp()
  return (
    <section className="box space-y-1 p-4" aria-label="What the host can do">
      <h2>What the host can do</h2>
      {agent.actions.length === 0 ? <p>The host has not said yet what it can do.</p> : null}
      <ul className="space-y-1">
        {agent.actions.map(({ actionType, supported, reason }) => {
          const waiting = asset.tasks.find((one) => one.actionType === actionType && one.status === 'open')
          return (
            <li key={actionType} className="flex flex-wrap items-center gap-2">
              <span>{verbOf(actionType)}</span>
              {supported ? null : (
                <span className="text-meta text-ink-2">
                  cannot be done here: <Name>{reason ?? 'no reason given'}</Name>
                </span>
              )}
              {waiting === undefined ? null : (
                <Link
                  to={taskPath(session.tenant.id, { id: waiting.id, incident: { id: waiting.incidentId } })}
                  className="button"
                >
                  Review the task that waits
                </Link>
              )}
            </li>
          )
        })}
      </ul>
    </section>
  )
}
