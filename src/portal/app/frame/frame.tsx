import { Outlet, useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useState } from 'react'
import { listenForKeys, useCommands } from '../keys/bindings.ts'
import { keysNow } from '../keys/own-keys.ts'
import { Announcers } from '../live/announce.tsx'
import { LiveUpdates } from '../live/live.tsx'
import { StaleNotice } from '../live/live-dot.tsx'
import { Skeleton } from '../parts/states.tsx'
import { screenPath } from '../paths.ts'
import { useApp, useRealm } from './app.tsx'
import { NotFound } from './not-found.tsx'
import { nextZone, setPreferences, usePreferences } from './preferences.ts'
import { Rail } from './rail.tsx'
import { SessionGuard } from './session-guard.tsx'
import { TopBar } from './top-bar.tsx'

const NewVersion = lazy(() => import('./new-version.tsx'))
const Help = lazy(() => import('../keys/help.tsx'))
const TenantSwitch = lazy(() => import('./tenant-switch.tsx'))
const Palette = lazy(() => import('../keys/palette.tsx'))

/** What stands around every screen. */
export function Frame({ isOwn }: { isOwn: boolean }) {
  useEffect(() => {
    document.documentElement.dataset.ready = 'true'
  }, [])
  return (
    <div className="flex min-h-screen flex-col">
      <a href="#main" className="button sr-only focus:not-sr-only focus:absolute focus:z-50">
        Skip to content
      </a>
      <Announcers />
      <TopBar />
      <StaleNotice />
      <Suspense fallback={null}>
        <NewVersion />
      </Suspense>
      <div className="flex min-h-0 flex-1 flex-col md:flex-row">
        <Rail />
        <main id="main" className="min-w-0 flex-1">
          <Suspense fallback={<Skeleton />}>{isOwn ? <Outlet /> : <NotFound />}</Suspense>
        </main>
      </div>
      <Overlays />
      <LiveUpdates />
      <SessionGuard />
    </div>
  )
}

function Overlays() {
  const { session } = useApp()
  const { places } = useRealm()
  const { zone, letterKeys, keys } = usePreferences()
  const navigate = useNavigate()
  const [open, setOpen] = useState<'help' | 'palette' | 'tenants' | null>(null)
  useEffect(() => listenForKeys(keysNow(keys), letterKeys), [keys, letterKeys])
  const go = (screen: string) => () => void navigate({ href: screenPath(session.tenant.id, screen) })
  useCommands({
    help: () => setOpen('help'),
    palette: () => setOpen('palette'),
    zone: () => setPreferences({ zone: nextZone(zone) }),
    'go.incidents': go('incidents'),
    'go.tasks': go('tasks'),
    'go.approvals': go('approvals'),
    'go.devices': go('devices'),
    'go.audit': go('audit'),
    ...(places.length > 1 ? { 'go.tenant': () => setOpen('tenants') } : {}),
  })
  return (
    <Suspense fallback={null}>
      {open === 'help' ? <Help onClose={() => setOpen(null)} /> : null}
      {open === 'tenants' ? <TenantSwitch onClose={() => setOpen(null)} /> : null}
      {open === 'palette' ? <Palette onClose={() => setOpen(null)} /> : null}
    </Suspense>
  )
}
