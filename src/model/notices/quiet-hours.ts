/** A daily stretch in which somebody is left alone. */
export interface QuietHours {
  /** `22:00` */
  readonly from: string
  /** `07:00`; before `from` it is one of the next day, equal to it the whole day is quiet. */
  readonly to: string
  /** IANA name, e.g. `Europe/Berlin`. */
  readonly timeZone: string
  /** High severity comes through. */
  readonly highBreaksThrough: boolean
}

const minuteMs = 60_000
const dayMinutes = 1_440

/** When somebody who is quiet now may be told: milliseconds since the epoch, null when at once. */
export function findQuietEnd(quiet: Omit<QuietHours, 'highBreaksThrough'>, nowMs: number): number | null {
  const from = minutesOf(quiet.from)
  const to = minutesOf(quiet.to)
  const now = minutesThere(quiet.timeZone, nowMs)
  const isQuiet = from < to ? now >= from && now < to : now >= from || now < to
  if (!isQuiet) return null
  const ahead = (to - now + dayMinutes) % dayMinutes || dayMinutes
  const end = Math.floor(nowMs / minuteMs) * minuteMs + ahead * minuteMs
  // Where the clocks change meanwhile, the wall clock reads something else by then.
  const off = minutesThere(quiet.timeZone, end) - to
  const apart = off > dayMinutes / 2 ? off - dayMinutes : off < -dayMinutes / 2 ? off + dayMinutes : off
  return Math.max(nowMs + 1, end - apart * minuteMs)
}

/** Whether a time zone of that name is known here. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch (cause) {
    if (cause instanceof RangeError) return false
    throw cause
  }
}

function minutesOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))
}

/** Minutes since midnight on the wall clock of a time zone. */
function minutesThere(timeZone: string, atMs: number): number {
  const shown = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  return minutesOf(shown.format(atMs))
}
