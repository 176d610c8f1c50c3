import { Time } from '../parts/time.tsx'
import { useLiveState, useStaleSince } from './live-state.ts'

const words = {
  live: 'live',
  'catching-up': 'catching up',
  polling: 'polling',
  offline: 'offline',
} as const

/** Whether the page follows what happens, in a word; when it does not, how old what it shows is. */
export function LiveDot() {
  const state = useLiveState()
  const staleSince = useStaleSince()
  return (
    <span data-live={state} className="text-meta text-ink-2">
      <span aria-hidden="true">{state === 'live' ? '●' : '○'}</span> {words[state]}
      {staleSince === null ? null : (
        <>
          {', as of '}
          <Time at={staleSince} />
        </>
      )}
    </span>
  )
}
