import type { Logger } from '../io/log.ts'
import { type FeedChange, listFeedChanges, readOldestSequence, readSettledSequence } from '../store/changes.ts'
import type { Store } from '../store/db.ts'

/** Takes the changes of its tenants, in order, as they settle. */
export type FeedListener = (changes: readonly FeedChange[]) => void

/** Every change of this server's database as it happens, read once for everybody who listens. */
export interface LiveFeed {
  /**
   * Listens to the changes of these tenants.
   * @returns the number after which the listener hears of every change, and what ends the listening
   */
  join(
    tenantIds: readonly string[],
    listener: FeedListener,
  ): Promise<{ readonly from: number; readonly leave: () => void }>
  /** The number up to which everything has happened and can be read. */
  now(): Promise<number>
  /**
   * What a listener to these tenants missed between two numbers.
   * @returns null when that is more than {@link maxMissed}, or no longer kept: whoever asks reads everything anew
   */
  catchUp(tenantIds: readonly string[], since: number, until: number): Promise<readonly FeedChange[] | null>
  /** Calls when the server stops; listeners end themselves. @returns what takes the call back */
  onStop(listener: () => void): () => void
  /** Reads no more, tells those who asked, and waits for the look under way. */
  stop(): Promise<void>
}

/** So many changes are made up for one by one. */
export const maxMissed = 1_000

const lookEveryMs = 200
const pageSize = 1_000

interface Joined {
  readonly tenantIds: ReadonlySet<string>
  readonly listener: FeedListener
}

/** Opens the feed. It looks at the database only while somebody listens. */
export function openLiveFeed(deps: { readonly store: Store; readonly log: Logger }): LiveFeed {
  const { store, log } = deps
  const joined = new Set<Joined>()
  const stops = new Set<() => void>()
  let position: number | null = null
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()
  let stopped = false

  const look = async (): Promise<void> => {
    if (position === null) return
    const settled = await readSettledSequence(store)
    while (position < settled && !stopped) {
      const changes = await listFeedChanges(store.read, { after: position, until: settled }, pageSize)
      position = changes.length < pageSize ? settled : (changes.at(-1)?.seq ?? settled)
      for (const { tenantIds, listener } of [...joined]) {
        const own = changes.filter((change) => tenantIds.has(change.tenantId))
        if (own.length > 0) listener(own)
      }
    }
  }
  const run = (): void => {
    looking = look()
      .catch((cause: unknown) => log.error({ err: cause }, 'changes cannot be read for those who listen'))
      .then(() => {
        if (!stopped && joined.size > 0) timer = setTimeout(run, lookEveryMs)
        else timer = undefined
      })
  }
  return {
    join: async (tenantIds, listener) => {
      // Nobody has listened for a while: what happened meanwhile is nobody's news.
      if (joined.size === 0) {
        const settled = await readSettledSequence(store)
        if (joined.size === 0) position = settled
      }
      const entry = { tenantIds: new Set(tenantIds), listener }
      joined.add(entry)
      if (timer === undefined && !stopped) timer = setTimeout(run, lookEveryMs)
      return { from: position ?? 0, leave: () => void joined.delete(entry) }
    },
    now: () => readSettledSequence(store),
    catchUp: async (tenantIds, since, until) => {
      if (since >= until) return []
      if (since + 1 < (await readOldestSequence(store.read))) return null
      const missed = await listFeedChanges(store.read, { after: since, until, tenantIds }, maxMissed + 1)
      return missed.length > maxMissed ? null : missed
    },
    onStop: (listener) => {
      stops.add(listener)
      return () => void stops.delete(listener)
    },
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      for (const listener of [...stops]) listener()
      await looking
    },
  }
}
