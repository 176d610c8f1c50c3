import { useSyncExternalStore } from 'react'

let fresh: ReadonlySet<string> = new Set()
const listeners = new Set<() => void>()

function set(next: ReadonlySet<string>): void {
  fresh = next
  for (const listener of listeners) listener()
}

/** Notes incidents that were opened since the list was read. */
export function noteNewIncidents(ids: readonly string[]): void {
  if (ids.length > 0) set(new Set([...fresh, ...ids]))
}

/** The list has been read anew. */
export function forgetNewIncidents(): void {
  if (fresh.size > 0) set(new Set())
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** How many incidents wait to be shown. */
export function useNewIncidents(): number {
  return useSyncExternalStore(subscribe, () => fresh.size)
}
