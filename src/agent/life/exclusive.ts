/** Runs work one after the other: what starts while other work is under way waits for its end. */
export type Exclusive = <T>(work: () => Promise<T>) => Promise<T>

/** Makes an {@link Exclusive} of its own. */
export function createExclusive(): Exclusive {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const run = last.then(work)
    // The next one waits for the end, not for a success.
    last = run.catch(() => {})
    return run
  }
}
