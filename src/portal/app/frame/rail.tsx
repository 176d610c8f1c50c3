import { useLocation } from '@tanstack/react-router'
import { Link } from '../parts/link.tsx'
import { screenPath } from '../paths.ts'
import { useApp } from './app.tsx'
import { everyTenant } from './realm.ts'

const items = [
  ['incidents', 'Incidents', '▤'],
  ['tasks', 'Tasks', '☑'],
  ['alerts', 'Alerts', '△'],
  ['approvals', 'Approvals', '✓'],
  ['devices', 'Devices', '▢'],
  ['connectors', 'Connectors', '⇄'],
  ['reports', 'Reports', '▥'],
  ['audit', 'Audit', '≡'],
  ['policies', 'Policies', '⚖'],
  ['settings', 'Settings', '⚙'],
] as const

/** Screens that show all tenants together. */
const hasAll: ReadonlySet<string> = new Set(['incidents', 'tasks'])

/** The screens, to the left; below the top bar on a narrow window. */
export function Rail() {
  const { session } = useApp()
  const { pathname } = useLocation()
  return (
    <nav
      aria-label="Screens"
      className="flex shrink-0 flex-wrap gap-1 border-line bg-surface p-2 max-md:border-b max-sm:flex-nowrap max-sm:overflow-x-auto md:w-40 md:flex-col md:border-r"
    >
      {items
        .filter(([screen]) => session.tenant.id !== everyTenant.id || hasAll.has(screen))
        .map(([screen, word, icon]) => {
          const path = screenPath(session.tenant.id, screen)
          const isHere = pathname === path || pathname.startsWith(`${path}/`)
          return (
            <Link
              key={screen}
              to={path}
              current={isHere}
              className={`flex min-h-7 items-center gap-2 rounded-box px-2 no-underline ${isHere ? 'bg-sunken font-semibold text-ink' : 'text-ink-2'}`}
            >
              <span aria-hidden="true">{icon}</span>
              {word}
            </Link>
          )
        })}
    </nav>
  )
}
