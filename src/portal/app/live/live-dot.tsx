import { useEffect, useState } from 'react'
import { Time } from '../parts/time.tsx'
import { useLiveState, useStaleSince } from './live-state.ts'

/** A connection that is back sooner than this is not worth a word, ms. */
const quietMs = 2_000

const words = {
  live: 'live',
  'catching-up': 'catching up',
  polling: 'polling',
  offline: 'offline',
} as const

/** Whether the page follows what happens, in a word; when it does not, how old what it shows is. */
export function LiveDot() {
  const state = useLiveState()
  const staleSince = useStaleSince()
  return (
    <span data-live={state} className="text-meta text-ink-2">
      <span aria-hidden="true">{state === 'live' ? '●' : '○'}</span> {words[state]}
      {staleSince === null ? null : (
        <>
          {', as of '}
          <Time at={staleSince} />
        </>
      )}
    </span>
  )
}

/** Says above every screen how old what it shows is, while the page cannot follow what happens. */
export function StaleNotice() {
  const state = useLiveState()
  const staleSince = useStaleSince()
  const [isLong, setLong] = useState(false)
  useEffect(() => {
    setLong(false)
    if (staleSince === null) return
    const timer = setTimeout(setLong, quietMs, true)
    return () => clearTimeout(timer)
  }, [staleSince])
  if (staleSince === null || !isLong) return null
  return (
    <section aria-label="Connection" data-stale className="border-b border-line bg-sunken px-3 py-2 font-medium">
      {state === 'offline' ? 'The server cannot be reached: nothing can be done from here.' : 'The page lost touch.'}{' '}
      What you see is as of <Time at={staleSince} />. What you typed stays, and what you missed comes by itself.
    </section>
  )
}
