import { useState } from 'react'
import { runCommand } from '../keys/bindings.ts'
import { useKeys } from '../keys/own-keys.ts'
import { LiveDot } from '../live/live-dot.tsx'
import { Name } from '../parts/badges.tsx'
import { describeFailure } from '../parts/states.tsx'
import { TenantBadge } from '../parts/tenant-chip.tsx'
import { useApp, useRealm } from './app.tsx'
import { nextZone, setPreferences, usePreferences } from './preferences.ts'

/** Tenant, live state, time zone, person. */
export function TopBar() {
  const { session } = useApp()
  const { places } = useRealm()
  const { zone } = usePreferences()
  const paletteKeys = useKeys().get('palette')
  return (
    <header className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-surface px-3 py-2">
      <a href="/" className="alone font-semibold text-ink no-underline">
        Cordon
      </a>
      {places.length > 1 ? (
        <button
          type="button"
          className="button"
          aria-haspopup="dialog"
          aria-label={`Tenant ${session.tenant.name}, switch`}
          onClick={() => runCommand('go.tenant')}
        >
          <TenantBadge tenant={session.tenant} />
        </button>
      ) : (
        <TenantBadge tenant={session.tenant} />
      )}
      <LiveDot />
      <span className="grow" />
      <button type="button" className="button" onClick={() => runCommand('palette')}>
        Commands {paletteKeys === '' ? null : <kbd className="text-meta max-sm:hidden">{paletteKeys}</kbd>}
      </button>
      <button
        type="button"
        className="button"
        aria-label={`Time zone ${zone}, change`}
        onClick={() => setPreferences({ zone: nextZone(zone) })}
      >
        {zone}
      </button>
      <Person />
    </header>
  )
}

function Person() {
  const { session, api } = useApp()
  const [problem, setProblem] = useState('')
  const leave = async (): Promise<void> => {
    try {
      await api.signOut()
      location.replace('/login')
    } catch (cause) {
      setProblem(describeFailure(cause))
    }
  }
  return (
    <>
      <span className="text-ink-2 max-sm:hidden">
        <Name>{session.user.name}</Name> ({session.user.role})
      </span>
      <button type="button" className="button" onClick={() => void leave()}>
        Sign out
      </button>
      {problem === '' ? null : <span className="text-danger">{problem}</span>}
    </>
  )
}
