import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { withOptions } from '../../api/odata.ts'
import { useApp } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Heads } from '../../parts/grid.tsx'
import { Link } from '../../parts/link.tsx'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { usePages } from '../../parts/use-pages.ts'
import { Wide } from '../../parts/wide.tsx'
import { firstOf, type Search, screenPath, writeSearch } from '../../paths.ts'
import { type AssetLine, assetLine, assetPath } from './asset-query.ts'
import { AssetTabs } from './asset-tabs.tsx'
import { ContainmentBadges } from './containment.tsx'

/** S6: the accounts that alerts name. */
export function UsersScreen() {
  return <AssetsScreen screen="users" title="Users" />
}

/** S6: the mailboxes that alerts name. */
export function MailboxesScreen() {
  return <AssetsScreen screen="mailboxes" title="Mailboxes" />
}

function AssetsScreen({ screen, title }: { screen: string; title: string }) {
  return (
    <div className="space-y-3 p-4">
      <Title text={title} />
      <AssetTabs current={screen} />
      <AssetList screen={screen} />
    </div>
  )
}

/** A pause in typing, after which the list is asked for. */
const restMs = 250

/** What alerts have named of one kind, by name, with what holds it; narrowed by how the name begins. */
export function AssetList({ screen }: { screen: string }) {
  const { session } = useApp()
  const stated: Search = useSearch({ strict: false })
  const navigate = useNavigate()
  const beginning = firstOf(stated, 'q')
  const [typed, type] = useState(beginning)
  useEffect(() => {
    if (typed === beginning) return
    const href = `${screenPath(session.tenant.id, screen)}${writeSearch({ ...stated, q: typed })}`
    const timer = setTimeout(() => void navigate({ href, replace: true }), restMs)
    return () => clearTimeout(timer)
  }, [typed, beginning, stated, screen, session, navigate])
  const path = withOptions(`/api/v1/assets/${screen}`, beginning === '' ? {} : { beginning })
  const found = usePages('executions', path, assetLine)
  // Hosts that Cordon controls stand above, with how they are.
  const lines = found.rows.filter(({ deviceId }) => deviceId === null)
  return (
    <section aria-label={`Named by alerts: ${screen}`} className="space-y-2">
      <label className="block max-w-96">
        Name begins with
        <input type="search" className="field" value={typed} onChange={(event) => type(event.target.value)} />
      </label>
      {found.isError && found.data === undefined ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : null}
      {found.isPending ? <Skeleton rows={4} /> : null}
      {lines.length > 0 ? <Lines lines={lines} screen={screen} /> : null}
      {found.data !== undefined && lines.length === 0 && !found.hasNextPage ? (
        <Nothing beginning={beginning} screen={screen} onClear={() => type('')} />
      ) : null}
      {found.hasNextPage ? (
        <Button off={found.isFetchingNextPage ? 'Loading …' : null} onPress={found.onEnd}>
          More
        </Button>
      ) : null}
    </section>
  )
}

const nouns: Readonly<Record<string, string>> = {
  devices: 'a host without an agent',
  users: 'a user',
  mailboxes: 'a mailbox',
}

function Nothing({ beginning, screen, onClear }: { beginning: string; screen: string; onClear: () => void }) {
  if (beginning === '') {
    return (
      <Empty title={`No alert has named ${nouns[screen] ?? 'one'}.`}>
        <p>It appears here with the first alert that names one.</p>
      </Empty>
    )
  }
  return (
    <Empty title="No name begins with that.">
      <Button onPress={onClear}>Clear the search</Button>
    </Empty>
  )
}

function Lines({ lines, screen }: { lines: readonly AssetLine[]; screen: string }) {
  const { session } = useApp()
  return (
    <Wide name={`${screen}, table`} isBox>
      <table className="w-full text-table">
        <Heads names={['Name', 'Right now', 'Alerts', 'Last seen']} />
        <tbody>
          {lines.map(({ kind, name, names, alertCount, lastSeenAt, contained }) => (
            <tr key={name} data-id={name} className="border-t border-line align-top">
              <td className="px-3 py-1 font-mono break-all">
                <Link to={assetPath(session.tenant.id, kind, name)} className="alone">
                  <Name>{name}</Name>
                </Link>
                {names.length > 1 ? (
                  <span className="block text-meta text-ink-2">
                    <Name>{names.slice(1, 4).join(', ')}</Name>
                  </span>
                ) : null}
              </td>
              <td className="px-3 py-1">
                <ContainmentBadges contained={contained} />
              </td>
              <td className="px-3 py-1">{alertCount.toLocaleString('en')}</td>
              <td className="px-3 py-1">
                <Time at={lastSeenAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  )
}
