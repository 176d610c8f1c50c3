import type { CorrelationRules } from './rules.ts'
import type { Hours } from './state.ts'

/** Hours remembered of a series. */
const maxHours = 24

/** A series' hours while a batch is worked on. */
export type WorkingHours = Map<number, number>

/** Unpacks stored hours. */
export function openHours(stored: Hours): WorkingHours {
  return new Map(stored)
}

/** Packs hours to store, oldest first. */
export function packHours(hours: WorkingHours): Hours {
  return [...hours].sort((a, b) => a[0] - b[0])
}

/** Counts one alert of `hour`. */
export function countHour(hours: WorkingHours, hour: number): void {
  hours.set(hour, (hours.get(hour) ?? 0) + 1)
  if (hours.size > maxHours) hours.delete(Math.min(...hours.keys()))
}

/** In how many different hours of {@link CorrelationRules.recurringDays} around `hour` the series fired. */
export function firingHours(hours: WorkingHours, hour: number, rules: CorrelationRules): number {
  let near = 0
  for (const at of hours.keys()) if (Math.abs(at - hour) <= rules.recurringDays * 24) near++
  return near
}

/**
 * True when the rule keeps firing on its entity hour after hour: such alerts are the noise of the place, collected on their own, and tie
 * nothing together. Not when it fires much more often in `hour` than it usually does: an attack may hide behind the noise it resembles.
 */
export function isRecurring(hours: WorkingHours, hour: number, rules: CorrelationRules): boolean {
  if (hours.size < rules.recurringHours) return false
  const near = firingHours(hours, hour, rules)
  if (near < rules.recurringHours) return false
  let others = 0
  for (const [at, alerts] of hours) {
    if (at !== hour && Math.abs(at - hour) <= rules.recurringDays * 24) others += alerts
  }
  const now = hours.get(hour) ?? 0
  return now < rules.burstAlerts || now <= (rules.burstFactor * others) / (near - 1)
}
