import { useSyncExternalStore } from 'react'

/** How the page follows what happens. */
export type LiveState = 'live' | 'catching-up' | 'polling' | 'offline'

let state: LiveState = 'catching-up'
const listeners = new Set<() => void>()

/** Says how the page follows what happens from now on. */
export function setLiveState(next: LiveState): void {
  if (next === state) return
  state = next
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** How the page follows what happens, also when that changes. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(subscribe, () => state)
}
