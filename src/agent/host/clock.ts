import { readFileSync } from 'node:fs'

/** Time as the agent sees it. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  readonly nowMs: () => number
  /** Milliseconds since the host started, counting suspended time; never goes back while the host runs. */
  readonly elapsedMs: () => number
}

/** The host's own clocks. */
export const hostClock: Clock = {
  nowMs: () => Date.now(),
  // Node's monotonic clock stands still while a machine is suspended, so a command could outlive its deadline in a sleeping guest.
  elapsedMs: () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000,
}

/** Waits, or ends early when the signal fires. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>

/** The real {@link Sleep}. */
export const sleep: Sleep = (ms, signal) =>
  new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
  })
