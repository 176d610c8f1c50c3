import type { Clock } from '../io/clock.ts'

/** How many deliveries are under way, and which receivers are slow. Kept in memory: after a restart it is learnt anew. */
export interface Pace {
  /** Takes a place for one request to that host: 0, or how many milliseconds to wait before asking again. */
  enter(host: string): number
  /** Gives the place back. */
  leave(host: string, tookMs: number): void
}

/** Deliveries share the worker with response actions, which must always find a free place. */
const maxAtOnce = 8
const maxPerHost = 4
const busyWaitMs = 250

/** @source design contract 19.1: slower than 2.9 s in at least 10 of 100 calls is slowed down */
const slowMs = 2_900
const remembered = 100
const tolerated = 10
const slowedMs = 10_000

interface Receiver {
  underWay: number
  /** The last calls, newest last; true for a slow one. */
  readonly slow: boolean[]
  lastMs: number
}

/** Hosts remembered at most; which one is forgotten does not matter much. */
const maxHosts = 10_000

/** Makes a pace that starts with no memory. */
export function createPace(clock: Clock): Pace {
  const receivers = new Map<string, Receiver>()
  let underWay = 0
  return {
    enter: (host) => {
      const receiver = receivers.get(host) ?? { underWay: 0, slow: [], lastMs: Number.NEGATIVE_INFINITY }
      if (!receivers.has(host) && receivers.size >= maxHosts) {
        for (const [name, other] of receivers) if (other.underWay === 0) receivers.delete(name)
      }
      receivers.set(host, receiver)
      if (underWay >= maxAtOnce || receiver.underWay >= maxPerHost) return busyWaitMs
      const nowMs = clock.nowMs()
      const isSlow = receiver.slow.filter(Boolean).length >= tolerated
      if (isSlow && nowMs < receiver.lastMs + slowedMs) return receiver.lastMs + slowedMs - nowMs
      receiver.lastMs = nowMs
      receiver.underWay += 1
      underWay += 1
      return 0
    },
    leave: (host, tookMs) => {
      underWay -= 1
      const receiver = receivers.get(host)
      if (receiver === undefined) return
      receiver.underWay -= 1
      receiver.slow.push(tookMs > slowMs)
      if (receiver.slow.length > remembered) receiver.slow.shift()
    },
  }
}
