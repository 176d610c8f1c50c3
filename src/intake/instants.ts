const form = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,12}))?\s?(?:Z|([+-])(\d{2}):?(\d{2}))?$/

/**
 * Reads a sensor's timestamp: ISO 8601 date and time, `T` or space between, 0 to 12 fraction digits (seven are kept), offset `Z`,
 * `+hhmm` or `+hh:mm`. Without an offset it counts as UTC, because a sensor's local zone is unknown here.
 * @returns 7-digit instant, or null when the text is no such time or lies before 1970
 */
export function readInstant(text: string): string | null {
  const parts = form.exec(text)
  if (parts === null) return null
  const [, year, month, day, hour, minute, second] = parts.map(Number)
  if (year === undefined || month === undefined || day === undefined) return null
  if (hour === undefined || minute === undefined || second === undefined) return null
  // A leap second counts as the last one before it.
  const local = Date.UTC(year, month - 1, day, hour, minute, Math.min(second, 59))
  const date = new Date(local)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 60)
    return null
  const offsetMinutes = parts[8] === undefined ? 0 : Number(parts[9]) * 60 + Number(parts[10])
  if (offsetMinutes > 18 * 60) return null
  const utc = new Date(local - (parts[8] === '-' ? -1 : 1) * offsetMinutes * 60_000)
  if (year < 1970 || utc.getUTCFullYear() > 9999) return null
  const fraction = (parts[7] ?? '').padEnd(7, '0').slice(0, 7)
  return `${utc.toISOString().slice(0, 19)}.${fraction}Z`
}

/** Whole or broken seconds since 1970 as a 7-digit instant; null outside of the years 1970 to 9999. */
export function instantOfSeconds(seconds: number): string | null {
  if (!Number.isFinite(seconds) || seconds < 0 || seconds > 253_402_300_799) return null
  const whole = Math.floor(seconds)
  const fraction = Math.floor((seconds - whole) * 1e7)
  return `${new Date(whole * 1000).toISOString().slice(0, 19)}.${String(fraction).padStart(7, '0')}Z`
}
