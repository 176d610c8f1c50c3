import { useSyncExternalStore } from 'react'
import { usePreferences } from '../frame/preferences.ts'
import { writeAge, writeInstant } from './time-text.ts'

let nowMs = Date.now()

function subscribe(listener: () => void): () => void {
  const timer = setInterval(() => {
    nowMs = Date.now()
    listener()
  }, 5_000)
  return () => clearInterval(timer)
}

/** An instant: how long ago while that is short, else the date with its zone. The exact time is always in its tooltip. */
export function Time({ at, exact = false }: { at: string | null; exact?: boolean }) {
  const { zone } = usePreferences()
  const now = useSyncExternalStore(subscribe, () => nowMs)
  if (at === null) return <span>never</span>
  const whole = writeInstant(at, zone)
  const shown = exact ? whole : (writeAge(at, Math.max(now, nowMs)) ?? whole)
  return (
    <time dateTime={at} title={whole}>
      {shown}
    </time>
  )
}
