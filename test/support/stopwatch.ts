/** Measures what this process itself reckons. */
export interface Stopwatch {
  /** Milliseconds of processor time since the start, of all its threads. */
  ms(): number
}

/** Starts a watch for code that only reckons: it stands still while a busy machine does something else. */
export function startStopwatch(): Stopwatch {
  const start = process.cpuUsage()
  return {
    ms: () => {
      const { user, system } = process.cpuUsage(start)
      return (user + system) / 1_000
    },
  }
}
