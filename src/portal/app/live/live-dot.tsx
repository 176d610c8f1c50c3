import { useLiveState } from './live-state.ts'

const words = {
  live: 'live',
  'catching-up': 'catching up',
  polling: 'polling',
  offline: 'offline',
} as const

/** Whether the page follows what happens, in a word. */
export function LiveDot() {
  const state = useLiveState()
  return (
    <span data-live={state} className="text-meta text-ink-2">
      <span aria-hidden="true">{state === 'live' ? '●' : '○'}</span> {words[state]}
    </span>
  )
}
