/** Work that goes on side by side, and now and then a piece that must have everything for itself. */
export interface Lane {
  /** Runs beside others, once nobody is alone. */
  share<T>(work: () => Promise<T>): Promise<T>
  /** Waits until all that is under way has ended; meanwhile nothing begins. Not to be called from within shared work. */
  alone<T>(work: () => Promise<T>): Promise<T>
}

/** Makes a lane. */
export function openLane(): Lane {
  const underWay = new Set<Promise<unknown>>()
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return {
    share: async (work) => {
      while (waiting > 0) await last
      const running = work()
      underWay.add(running)
      try {
        return await running
      } finally {
        underWay.delete(running)
      }
    },
    alone: async (work) => {
      waiting++
      const turn = last.then(async () => {
        await Promise.allSettled(underWay)
        return work()
      })
      last = turn.catch(() => undefined)
      try {
        return await turn
      } finally {
        waiting--
      }
    },
  }
}
