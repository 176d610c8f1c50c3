import { ApiError } from '../api/session.ts'
import { type LiveState, setLiveState } from './live-state.ts'
import { type Change, follow, type News, type OpenStream } from './stream.ts'

/** What a page does with what it hears. */
export interface Ears {
  change(change: Change): void
  /** Something was missed: everything on the screen is read anew. */
  resync(): void
}

/** Between tabs: the news; the place from which the leader follows; that it has lost the server; a tab that wants to know. */
type Note =
  | { readonly news: News }
  | { readonly leads: number | null }
  | { readonly lost: LiveState }
  | { readonly asks: true }

const retryMs = 1_000
const longestRetryMs = 15_000

/**
 * Hears of every change over one stream for all tabs of this person: the tab that holds the lock follows the server and passes on what it
 * hears. All tabs keep the highest number they have applied, so that a new leader goes on where the old one stopped.
 * @param name distinct for each session, so that two people never share a stream
 * @returns what ends the listening
 */
export function listen(open: OpenStream, name: string, ears: Ears): () => void {
  const over = new AbortController()
  const channel = new BroadcastChannel(name)
  let applied: number | null = null
  const apply = (news: News): void => {
    setLiveState('live')
    if (news.kind === 'change') {
      if (applied !== null && news.change.seq <= applied) return
      applied = news.change.seq
      ears.change(news.change)
      return
    }
    if (news.kind === 'resync') ears.resync()
    applied = Math.max(applied ?? 0, news.seq)
  }
  const share = (note: Note): void => channel.postMessage(note)
  let isLeader = false
  /** How the leader stands without the server; null while it has it. */
  let lost: LiveState | null = null
  channel.onmessage = ({ data }: MessageEvent<Note>) => {
    if ('news' in data) apply(data.news)
    else if ('lost' in data) setLiveState(data.lost)
    else if ('asks' in data) {
      if (isLeader) share(lost === null ? { leads: applied } : { lost })
    } else {
      setLiveState('live')
      // This tab was frozen, and the leader goes on from a place it has not reached.
      if (applied !== null && data.leads !== null && data.leads > applied) ears.resync()
      applied = Math.max(applied ?? 0, data.leads ?? 0)
    }
  }
  const lead = async (): Promise<void> => {
    isLeader = true
    for (let waitMs = retryMs; !over.signal.aborted; ) {
      const startedAt = performance.now()
      const cut = new AbortController()
      const onOffline = (): void => cut.abort()
      window.addEventListener('offline', onOffline, { once: true })
      try {
        // Nobody is told that all is well before the server has said something again.
        if (lost === null) share({ leads: applied })
        await follow(open, applied, tell, AbortSignal.any([over.signal, cut.signal]))
      } catch (cause) {
        if (over.signal.aborted) return
        // What is on the screen asks anew and hears the same: the person is asked to sign in.
        if (cause instanceof ApiError && cause.status === 401) ears.resync()
        lost = cause instanceof TypeError || !navigator.onLine ? 'offline' : 'catching-up'
        setLiveState(lost)
        share({ lost })
      } finally {
        window.removeEventListener('offline', onOffline)
      }
      waitMs = performance.now() - startedAt > longestRetryMs ? retryMs : Math.min(waitMs * 2, longestRetryMs)
      await pause(waitMs, over.signal)
    }
  }
  const tell = (news: News): void => {
    lost = null
    apply(news)
    share({ news })
  }
  share({ asks: true })
  navigator.locks.request(name, { signal: over.signal }, lead).catch(() => {
    // The page is left before its turn came.
  })
  return () => {
    over.abort()
    channel.close()
  }
}

/** Waits that long, or until the network is back, or until nobody listens any more. */
function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, waitMs)
    const end = (): void => {
      clearTimeout(timer)
      resolve()
    }
    window.addEventListener('online', end, { once: true })
    signal.addEventListener('abort', end, { once: true })
  })
}
