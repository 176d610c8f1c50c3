import { useParams } from '@tanstack/react-router'
import { writeCount } from '../../../shown/count-text.ts'
import { ApiError } from '../../api/session.ts'
import { FailedScreen } from '../../frame/failed.tsx'
import { NotFound } from '../../frame/not-found.tsx'
import { Title } from '../../frame/title.tsx'
import { Name } from '../../parts/badges.tsx'
import { Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { AssetParts } from './asset-parts.tsx'
import { type Asset, useAsset } from './asset-query.ts'
import { AssetTabs } from './asset-tabs.tsx'
import { ProposeAbout } from './propose-about.tsx'

/** S6: one account. */
export function UserScreen() {
  return <AssetScreen screen="users" word="User" />
}

/** S6: one mailbox. */
export function MailboxScreen() {
  return <AssetScreen screen="mailboxes" word="Mailbox" />
}

function AssetScreen({ screen, word }: { screen: string; word: string }) {
  const { id = '' } = useParams({ strict: false })
  const found = useAsset(screen, id)
  if (found.error instanceof ApiError && found.error.status === 404) return <NotFound />
  if (found.isError && found.data === undefined) {
    return <FailedScreen what={`The ${word.toLowerCase()}`} error={found.error} retry={() => void found.refetch()} />
  }
  if (found.data === undefined) return <Skeleton />
  const asset = found.data
  return (
    <div className="space-y-3 p-4" data-id={asset.name}>
      <AssetTabs current={screen} />
      <Title text={asset.name}>
        <Name>{asset.name}</Name>
      </Title>
      <Sightings asset={asset} word={word} />
      <AssetParts asset={asset}>
        <ProposeAbout key={asset.name} asset={asset} />
      </AssetParts>
    </div>
  )
}

/** What it is, by which names, and where alerts have it from. */
export function Sightings({ asset, word }: { asset: Asset; word: string }) {
  const { names, name, alertCount, firstSeenAt, lastSeenAt } = asset
  const others = names.filter((one) => one !== name)
  return (
    <p className="text-meta text-ink-2">
      {word}
      {others.length === 0 ? null : (
        <>
          , also <Name>{others.slice(0, 8).join(', ')}</Name>
        </>
      )}
      {lastSeenAt === null ? (
        ', named by no alert'
      ) : (
        <>
          , named by {writeCount(alertCount, 'alert', 'alerts')}, first <Time at={firstSeenAt} />, last{' '}
          <Time at={lastSeenAt} />
        </>
      )}
    </p>
  )
}
