/** The time a list is narrowed to, as the API takes it. */
export interface Range {
  /** The first instant that is in it; empty for no bound. */
  readonly from: string
  /** The first that is not; empty for no bound. */
  readonly to: string
  /** Both bounds where one of them was reckoned from now: from when until when that is, to be said beside what was saved. */
  readonly said: string
  /** Keys of the address whose value is no time; they leave nothing out. */
  readonly strange: readonly ('from' | 'to')[]
}

const unitsMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
const relative = /^-(\d{1,5})([mhdw])$/
/** Beyond it a Date has no instant. */
const earliestMs = Date.UTC(1970, 0, 1)

/**
 * The time that `from` and `to` of an address stand for: an instant in UTC, a day, which begins at midnight UTC, or a stretch back from now, as
 * `-30m`, `-24h`, `-7d`, `-2w`. The address keeps it as it is written.
 * @source design portal 5.2, rule 5
 */
export function readRange(stated: { readonly from: string; readonly to: string }, nowMs: number): Range {
  const strange: ('from' | 'to')[] = []
  const read = (key: 'from' | 'to'): string => {
    const value = stated[key].trim()
    const instant = value === '' ? '' : toInstant(value, nowMs)
    if (instant === null) strange.push(key)
    return instant ?? ''
  }
  const [from, to] = [read('from'), read('to')]
  const isRelative = [stated.from, stated.to].some((value) => relative.test(value.trim()))
  const said = isRelative ? `from ${from || 'the beginning'} to ${to || writeInstant(nowMs)}` : ''
  return { from, to, said, strange }
}

function toInstant(value: string, nowMs: number): string | null {
  const [, count = '', unit = ''] = relative.exec(value) ?? []
  if (count !== '') return writeInstant(Math.max(earliestMs, nowMs - Number(count) * (unitsMs[unit] ?? 0)))
  const whole = /^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T00:00:00Z` : value
  const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$/.test(whole) && !Number.isNaN(Date.parse(whole))
  return isInstant ? whole : null
}

function writeInstant(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+/, '')
}
