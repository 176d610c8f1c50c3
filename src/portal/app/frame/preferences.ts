import { useSyncExternalStore } from 'react'

/** What a person sets for this browser. */
export interface Preferences {
  readonly theme: 'system' | 'light' | 'dark'
  readonly density: 'comfortable' | 'compact' | 'dense'
  /** `UTC`, `local`, or the name of a zone. */
  readonly zone: string
  /** Whether the queue begins with what came in the last 24 hours. */
  readonly showStrip: boolean
  /** Whether single letters act as commands. */
  readonly letterKeys: boolean
  /** Keys of one's own choice by command; empty for a command that has none. */
  readonly keys: Readonly<Record<string, string>>
}

const key = 'cordon.preferences'
const defaults: Preferences = {
  theme: 'system',
  density: 'compact',
  zone: 'UTC',
  showStrip: true,
  letterKeys: true,
  keys: {},
}
const listeners = new Set<() => void>()
let current: Preferences = read()

function read(): Preferences {
  try {
    const kept = { ...defaults, ...JSON.parse(localStorage.getItem(key) ?? '{}') }
    return { ...kept, keys: { ...Object(kept.keys) } }
  } catch {
    // Storage is off or holds something else: the defaults hold.
    return defaults
  }
}

/** Changes some of the preferences, now and for the next visit. */
export function setPreferences(change: Partial<Preferences>): void {
  current = { ...current, ...change }
  try {
    localStorage.setItem(key, JSON.stringify(current))
  } catch {
    // They hold until the page is left.
  }
  const isDark =
    current.theme === 'dark' || (current.theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.theme = isDark ? 'dark' : 'light'
  document.documentElement.dataset.density = current.density
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The preferences, also when they change. */
export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribe, () => current)
}

/** The zones `z` walks through. */
export function nextZone(zone: string): string {
  const named = Intl.DateTimeFormat().resolvedOptions().timeZone
  if (zone === 'UTC') return 'local'
  return zone === 'local' && named !== 'UTC' ? named : 'UTC'
}
