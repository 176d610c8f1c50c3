import { useSyncExternalStore } from 'react'

/** How the page follows what happens. */
export type LiveState = 'live' | 'catching-up' | 'polling' | 'offline'

let state: LiveState = 'catching-up'
/** When the page stopped following; null while it does, and before it ever did. */
let staleSince: string | null = null
const listeners = new Set<() => void>()

/** Says how the page follows what happens from now on. */
export function setLiveState(next: LiveState): void {
  if (next === state) return
  if (isFresh(next)) staleSince = null
  else if (isFresh(state)) staleSince = new Date().toISOString()
  state = next
  for (const listener of listeners) listener()
}

/** Whoever asks every few seconds knows what is true as well. */
function isFresh(one: LiveState): boolean {
  return one === 'live' || one === 'polling'
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** How the page follows what happens, also when that changes. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(subscribe, () => state)
}

/** The instant up to which what is on the screen is known to be true; null while that is now. */
export function useStaleSince(): string | null {
  return useSyncExternalStore(subscribe, () => staleSince)
}
