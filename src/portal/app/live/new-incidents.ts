import { useSyncExternalStore } from 'react'

/** Beyond it nobody counts, and a page that stays open for days keeps no more of their ids. */
const most = 1_000

let fresh: ReadonlySet<string> = new Set()
const listeners = new Set<() => void>()

function set(next: ReadonlySet<string>): void {
  fresh = next
  for (const listener of listeners) listener()
}

/** Notes incidents that were opened since the list was read. */
export function noteNewIncidents(ids: readonly string[]): void {
  if (ids.length > 0 && fresh.size < most) set(new Set([...fresh, ...ids].slice(0, most)))
}

/** The list has been read anew. */
export function forgetNewIncidents(): void {
  if (fresh.size > 0) set(new Set())
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** How many incidents wait to be shown, in words; null for none. */
export function useNewIncidents(): string | null {
  const count = useSyncExternalStore(subscribe, () => fresh.size)
  if (count === 0) return null
  return count < most ? String(count) : `${most.toLocaleString('en')} or more`
}
