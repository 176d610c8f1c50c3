/** How long executions took that went well. */
export interface Expectation {
  /** How many it is learnt from. */
  readonly samples: number
  readonly p50Seconds: number
  readonly p95Seconds: number
}

/**
 * What to expect of the next one.
 * @param seconds durations, in any order
 * @returns null when there are none to learn from
 */
export function expectDuration(seconds: readonly number[]): Expectation | null {
  if (seconds.length === 0) return null
  const sorted = [...seconds].sort((left, right) => left - right)
  return { samples: sorted.length, p50Seconds: quantile(sorted, 0.5), p95Seconds: quantile(sorted, 0.95) }
}

/** The nearest rank of a sorted list, to the millisecond. */
function quantile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  return Math.round(value * 1000) / 1000
}
