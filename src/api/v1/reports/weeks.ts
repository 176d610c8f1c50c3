import { instantOf, msOf } from '../../../io/clock.ts'

/** How long something took, over several cases: how many there were, and the time that half and nine tenths of them stayed within. */
export interface Spread {
  readonly count: number
  /** Null without a case. */
  readonly p50Seconds: number | null
  readonly p90Seconds: number | null
}

/** A stretch of time that belongs to the week in which it began. */
export interface Stretch {
  readonly from: string
  readonly to: string
}

const dayMs = 86_400_000
const weekMs = 7 * dayMs
/** 1970-01-01 was a Thursday; weeks begin on Monday, 00:00 UTC. @source ISO 8601 */
const mondayMs = 4 * dayMs

/** When the week of that time began, in milliseconds. */
export function startOfWeek(ms: number): number {
  return Math.floor((ms - mondayMs) / weekMs) * weekMs + mondayMs
}

/** The starts of so many weeks up to the present one, the oldest first. */
export function listWeeks(nowMs: number, count: number): string[] {
  const last = startOfWeek(nowMs)
  return Array.from({ length: count }, (_, index) => instantOf(last - (count - 1 - index) * weekMs))
}

/** The stretches by the week in which they began. */
export function spreadByWeek(weeks: readonly string[], stretches: readonly Stretch[]): Spread[] {
  const found = new Map<string, number[]>(weeks.map((week) => [week, []]))
  for (const { from, to } of stretches) {
    found.get(instantOf(startOfWeek(msOf(from))))?.push(Math.max(0, msOf(to) - msOf(from)) / 1_000)
  }
  return weeks.map((week) => spreadOf(found.get(week) ?? []))
}

/** By nearest rank. */
function spreadOf(seconds: readonly number[]): Spread {
  const sorted = [...seconds].sort((a, b) => a - b)
  const at = (share: number): number | null => sorted[Math.ceil(sorted.length * share) - 1] ?? null
  return { count: sorted.length, p50Seconds: at(0.5), p90Seconds: at(0.9) }
}
