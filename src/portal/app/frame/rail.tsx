import { useLocation } from '@tanstack/react-router'
import { Fragment, lazy, Suspense } from 'react'
import { assetScreens, railScreens } from '../../shown/screens.ts'
import { Link } from '../parts/link.tsx'
import { screenPath } from '../paths.ts'
import { useApp } from './app.tsx'
import { everyTenant } from './realm.ts'

const WaitingCount = lazy(() => import('../live/waiting-count.tsx'))

/** Screens that show all tenants together. */
const hasAll: ReadonlySet<string> = new Set(['incidents', 'tasks'])

/** The lists behind one entry, where they are more than the one that it leads to. */
const behind: Readonly<Record<string, readonly string[]>> = {
  devices: assetScreens.map(([screen]) => screen),
  settings: ['settings', 'connectors', 'policies'],
}

const look = 'flex min-h-7 shrink-0 items-center gap-2 rounded-box px-2 whitespace-nowrap no-underline'

/** The screens, where lines begin; below the top bar on a narrow window. */
export function Rail() {
  const { session } = useApp()
  const { pathname } = useLocation()
  const isAll = session.tenant.id === everyTenant.id
  // The tenant before it can stand there by its id or by its short code.
  const [, , , at = ''] = pathname.split('/')
  return (
    <nav
      aria-label="Screens"
      className="flex shrink-0 flex-wrap gap-1 border-line bg-surface p-2 max-md:border-b max-sm:flex-nowrap max-sm:overflow-x-auto md:min-w-40 md:flex-col md:border-e"
    >
      {railScreens
        .filter(([screen]) => !isAll || hasAll.has(screen))
        .map(([screen, word, icon]) => {
          const isHere = (behind[screen] ?? [screen]).includes(at)
          return (
            <Fragment key={screen}>
              <Link
                to={screenPath(session.tenant.id, screen)}
                current={isHere}
                className={`${look} ${isHere ? 'bg-sunken font-semibold text-ink' : 'text-ink-2'}`}
              >
                <span aria-hidden="true">{icon}</span>
                {word}
                {screen === 'tasks' ? <Count of="tasks" /> : null}
              </Link>
              {screen === 'tasks' && !isAll ? <ToApprove isHere={at === 'approvals'} /> : null}
            </Fragment>
          )
        })}
    </nav>
  )
}

/** What waits for a second person, in the line below the tasks it is about. */
function ToApprove({ isHere }: { isHere: boolean }) {
  const { session } = useApp()
  return (
    <Link
      to={screenPath(session.tenant.id, 'approvals')}
      current={isHere}
      className={`${look} text-meta md:ps-8 ${isHere ? 'bg-sunken font-semibold text-ink' : 'text-ink-2'}`}
    >
      <Count of="approvals" />
      to approve
    </Link>
  )
}

/** Comes later and moves nothing: its place is there from the beginning. */
function Count({ of }: { of: 'tasks' | 'approvals' }) {
  return (
    <span className="min-w-[3ch] text-end tabular-nums">
      <Suspense fallback={null}>
        <WaitingCount of={of} />
      </Suspense>
    </span>
  )
}
