/** One tick of a stored instant: 100 ns. */
const ticksPerMs = 10_000

/**
 * The time of a change to something last changed at `previous`: now, or one tick after `previous` when the clock stands still or went
 * back. So a row's last change never goes back, and two changes never carry the same time.
 * @param previous 7-digit instant
 * @param now 7-digit instant
 */
export function laterThan(previous: string, now: string): string {
  if (now > previous) return now
  const ms = Date.parse(`${previous.slice(0, 23)}Z`)
  const ticks = Number(previous.slice(23, 27)) + 1
  const carry = Math.floor(ticks / ticksPerMs)
  const head = new Date(ms + carry).toISOString().slice(0, 23)
  return `${head}${String(ticks % ticksPerMs).padStart(4, '0')}Z`
}

/** The later of two instants, null counting as none. */
export function latest(a: string | null, b: string | null): string | null {
  if (a === null) return b
  return b !== null && b > a ? b : a
}

/** The earlier of two instants, null counting as none. */
export function earliest(a: string | null, b: string | null): string | null {
  if (a === null) return b
  return b !== null && b < a ? b : a
}
