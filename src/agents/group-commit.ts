import { setTimeout as sleep } from 'node:timers/promises'
import { CordonError } from '../model/errors.ts'
import type { Store, Tx } from '../store/db.ts'

/** Work of many agents, done in few transactions. */
export interface GroupCommit {
  /**
   * Does `work` in a transaction that others share, and answers once it is durable. SQL only, and it may run again.
   * @param agentId whose rows it takes; works are done in the order of these ids, so that two servers never wait for each other's rows
   * @throws what `work` throws; CordonError ServiceUnavailable when the store cannot be written, which is then so for all of them
   */
  readonly run: <T>(agentId: string, work: (tx: Tx) => Promise<T>) => Promise<T>
}

interface Waiting {
  readonly agentId: string
  /** Does the work in a transaction; what it returns makes the outcome known, once that transaction is durable. */
  readonly attempt: (tx: Tx) => Promise<() => void>
  readonly reject: (cause: unknown) => void
}

/** Works that share one transaction at most. */
const maxTogether = 500
/** So many at once are a crowd, of which more will come. */
const crowd = 16
/**
 * How long the next of a crowd are waited for. A durable commit holds the whole process up, on a busy disk for 8 ms, so it takes a quarter of
 * the time at most; nobody of a crowd was answered within a few milliseconds anyway.
 */
const gatherMs = 24

/**
 * Opens a group commit. What arrives in the same turn of the event loop, or while a transaction is under way, goes together into the next
 * one: thousands of agents cost a few durable commits a second instead of several each.
 */
export function createGroupCommit(store: Pick<Store, 'transaction'>): GroupCommit {
  let waiting: Waiting[] = []
  let busy = false

  const flush = async (): Promise<void> => {
    while (waiting.length > 0) {
      const group = waiting.slice(0, maxTogether)
      waiting = waiting.slice(maxTogether)
      await commitTogether(store, group)
      // The embedded store writes without giving way; what has arrived meanwhile is read only now.
      await (group.length < crowd ? nextTurn() : sleep(gatherMs))
    }
    busy = false
  }

  return {
    run: (agentId, work) =>
      new Promise((resolve, reject) => {
        const attempt: Waiting['attempt'] = async (tx) => {
          const value = await work(tx)
          return () => resolve(value)
        }
        waiting.push({ agentId, attempt, reject })
        if (busy) return
        busy = true
        void nextTurn().then(flush)
      }),
  }
}

async function commitTogether(store: Pick<Store, 'transaction'>, group: readonly Waiting[]): Promise<void> {
  const ordered = group.toSorted((a, b) => (a.agentId < b.agentId ? -1 : a.agentId > b.agentId ? 1 : 0))
  try {
    const done = await store.transaction(async (tx) => {
      const outcomes: (() => void)[] = []
      for (const { attempt } of ordered) outcomes.push(await attempt(tx))
      return outcomes
    })
    for (const tell of done) tell()
  } catch (cause) {
    const isStoreGone = cause instanceof CordonError && cause.kind === 'ServiceUnavailable'
    if (isStoreGone || ordered.length === 1) for (const { reject } of ordered) reject(cause)
    // Nothing of it was written. Whose work it was that failed shows when each has a transaction of its own.
    else for (const one of ordered) await commitTogether(store, [one])
  }
}

const pauseMs = 20
/** A process that works for a larger share of a pause than this has more to do than it has done. */
const busyShare = 0.7
/** Nobody is kept waiting for longer. */
const longestMs = 750

/**
 * Waits until this process keeps up with what arrives. Whoever makes thousands of hosts call at once does it in steps, or their requests
 * would wait for longer than a host waits for an answer, and come again.
 */
export async function waitForCalm(): Promise<void> {
  const startedAt = performance.now()
  do {
    const before = performance.eventLoopUtilization()
    await sleep(pauseMs)
    if (performance.eventLoopUtilization(before).utilization < busyShare) return
  } while (performance.now() - startedAt < longestMs)
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
