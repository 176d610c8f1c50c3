import { useSyncExternalStore } from 'react'

interface Said {
  readonly polite: string
  readonly urgent: string
}

let said: Said = { polite: '', urgent: '' }
const listeners = new Set<() => void>()

function say(change: Partial<Said>): void {
  said = { ...said, ...change }
  for (const listener of listeners) listener()
}

/** Tells screen readers when they are at leisure. */
export function announce(text: string): void {
  say({ polite: text })
}

/** Tells screen readers at once: an action that this person started went wrong. */
export function alarm(text: string): void {
  say({ urgent: text })
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The only two regions of the page that speak by themselves; there from the first paint. */
export function Announcers() {
  const { polite, urgent } = useSyncExternalStore(subscribe, () => said)
  return (
    <>
      <div role="status" className="sr-only">
        {polite}
      </div>
      <div role="alert" className="sr-only">
        {urgent}
      </div>
    </>
  )
}
