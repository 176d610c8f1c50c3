import { createContext, type ReactNode, useContext, useSyncExternalStore } from 'react'
import { writeAge, writeInstant } from '../../shown/time-text.ts'
import { usePreferences } from '../frame/preferences.ts'

const tickMs = 5_000
const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

/** One clock for all ages on the page; none while there are none. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    for (const tick of listeners) tick()
  }, tickMs)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

const zoneContext = createContext('UTC')

/** Tells all instants below the zone a person reads time in: one ear for hundreds of them. */
export function ZoneProvider({ children }: { children: ReactNode }) {
  const { zone } = usePreferences()
  return <zoneContext.Provider value={zone}>{children}</zoneContext.Provider>
}

/** An instant: how long ago while that is short, else the date with its zone. The exact time is always in its tooltip. */
export function Time({ at, exact = false }: { at: string | null; exact?: boolean }) {
  const zone = useContext(zoneContext)
  if (at === null) return <span>never</span>
  const whole = writeInstant(at, zone)
  return (
    <time dateTime={at} title={whole}>
      {exact || writeAge(at, Date.now()) === null ? whole : <Age at={at} whole={whole} />}
    </time>
  )
}

/** Goes with the clock, and is drawn again only when its words change. */
function Age({ at, whole }: { at: string; whole: string }) {
  return useSyncExternalStore(subscribe, () => writeAge(at, Date.now())) ?? whole
}
