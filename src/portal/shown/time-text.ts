/** An instant in words: with its zone, to the second. Text that is no instant is given back as it is. */
export function writeInstant(instant: string, zone: string): string {
  const at = new Date(instant)
  if (Number.isNaN(at.getTime())) return instant
  if (zone === 'UTC') return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`
  const parts = formatterOf(zone).formatToParts(at)
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.find((one) => one.type === type)?.value ?? ''
  const date = `${part('year')}-${part('month')}-${part('day')}`
  return `${date} ${part('hour')}:${part('minute')}:${part('second')} ${part('timeZoneName')}`
}

const formatters = new Map<string, Intl.DateTimeFormat>()

/** Making one takes a hundred times as long as writing an instant with it. */
function formatterOf(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-GB', {
    ...(zone === 'local' ? {} : { timeZone: zone }),
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  })
  formatters.set(zone, made)
  return made
}

/** How long ago, within a day; null beyond it, where only the date says something. */
export function writeAge(instant: string, nowMs: number): string | null {
  const seconds = Math.round((nowMs - Date.parse(instant)) / 1_000)
  if (!Number.isFinite(seconds) || Math.abs(seconds) >= 86_400) return null
  // The server's clock may run a little ahead of this one.
  if (seconds > -10 && seconds < 5) return 'now'
  return seconds < 0 ? `in ${writeSpan(-seconds)}` : `${writeSpan(seconds)} ago`
}

/** A stretch of time in its largest unit. */
export function writeSpan(seconds: number): string {
  if (seconds < 0.5) return 'under 1 s'
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`
}

/** How far ahead an instant is, in minutes or whole hours and in brackets; empty for one that is past. */
export function writeAhead(instant: string, nowMs: number): string {
  const minutes = Math.round((Date.parse(instant) - nowMs) / 60_000)
  if (!(minutes > 0)) return ''
  return minutes < 90 ? ` (in ${minutes} min)` : ` (in ${Math.round(minutes / 60)} h)`
}

/** How long something usually takes, from those before it. */
export function writeUsual(usual: {
  readonly samples: number
  readonly p50Seconds: number
  readonly p95Seconds: number
}): string {
  const write = (seconds: number): string => (seconds < 10 ? `${Number(seconds.toFixed(1))} s` : writeSpan(seconds))
  return `${write(usual.p50Seconds)} (p50), ${write(usual.p95Seconds)} (p95), from ${usual.samples} before`
}
