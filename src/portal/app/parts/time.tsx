import { useSyncExternalStore } from 'react'
import { onPreferences, readPreferences } from '../frame/preferences.ts'
import { writeAge, writeInstant } from './time-text.ts'

const tickMs = 5_000
const listeners = new Set<() => void>()
let end: (() => void) | undefined

function tellAll(): void {
  for (const listener of listeners) listener()
}

/** One clock and one ear for all instants on the page; none while there are none. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  if (end === undefined) {
    const timer = setInterval(tellAll, tickMs)
    const endEar = onPreferences(tellAll)
    end = () => {
      clearInterval(timer)
      endEar()
    }
  }
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    end?.()
    end = undefined
  }
}

/** An instant: how long ago while that is short, else the date with its zone. The exact time is always in its tooltip. */
export function Time({ at, exact = false }: { at: string | null; exact?: boolean }) {
  const readAge = (): string | null => (at === null || exact ? null : writeAge(at, Date.now()))
  // The words, not the time: what says the same as before is not drawn again.
  const says = useSyncExternalStore(subscribe, () => `${readPreferences().zone} ${readAge() ?? ''}`)
  if (at === null) return <span>never</span>
  const zone = says.slice(0, says.indexOf(' '))
  const age = says.slice(zone.length + 1)
  const whole = writeInstant(at, zone)
  return (
    <time dateTime={at} title={whole}>
      {age || whole}
    </time>
  )
}
