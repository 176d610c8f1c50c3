import { useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useEffect, useState } from 'react'
import { ApiError } from '../api/session.ts'
import { Time } from './time.tsx'

/** So long an answer may take before the person is told and offered to ask again, ms. */
const deadlineMs = 8_000

/** Rows of the final height, shown when the first answer takes longer than a moment; after a while it says that it still waits. */
export function Skeleton({ rows = 6 }: { rows?: number }) {
  const [state, setState] = useState<'new' | 'shown' | 'late'>('new')
  useEffect(() => {
    const timers = [setTimeout(setState, 150, 'shown'), setTimeout(setState, deadlineMs, 'late')]
    return () => timers.forEach(clearTimeout)
  }, [])
  return (
    <div aria-busy="true" className={state === 'new' ? 'space-y-2 p-4 opacity-0' : 'space-y-2 p-4'}>
      {state === 'late' ? <Late /> : <span className="sr-only">Loading</span>}
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have nothing else to be told apart by
        <div key={row} className="h-(--row) rounded-box bg-sunken" />
      ))}
    </div>
  )
}

/** What has no answer yet is asked for anew. */
function Late() {
  const queries = useQueryClient()
  const askAgain = async (): Promise<void> => {
    const which = {
      type: 'active',
      predicate: (one: { state: { data: unknown } }) => one.state.data === undefined,
    } as const
    await queries.cancelQueries(which)
    await queries.refetchQueries(which)
  }
  return (
    <p className="flex flex-wrap items-center gap-3">
      Still working: the server has not answered yet.
      <button type="button" className="button" onClick={() => void askAgain()}>
        Ask again
      </button>
    </p>
  )
}

/** Nothing to show: a sentence and what to do next. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="p-6 text-ink-2">
      <p className="font-medium text-ink">{title}</p>
      {children}
    </div>
  )
}

/**
 * What failed, in the server's own words, since when, with the id to look it up by and a way to try again. When the server asks to wait, that
 * is counted down, and then it is tried.
 */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const waitSeconds = error instanceof ApiError ? error.retryAfterSeconds : null
  const [since] = useState(() => new Date().toISOString())
  return (
    <div className="m-4 box p-4">
      <p role="alert" className="text-danger font-medium">
        {describeFailure(error)}
      </p>
      <p className="text-meta text-ink-2">
        Since <Time at={since} exact />
      </p>
      {error instanceof ApiError && error.requestId !== '' ? (
        <p className="text-meta text-ink-3">
          Request <code>{error.requestId}</code>
        </p>
      ) : null}
      {waitSeconds === null || retry === undefined ? null : (
        <NextTry error={error} seconds={waitSeconds} retry={retry} />
      )}
      {retry === undefined ? null : (
        <button type="button" className="button mt-2" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

function NextTry({ error, seconds, retry }: { error: unknown; seconds: number; retry: () => void }) {
  const [left, setLeft] = useState(seconds)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another refusal begins anew, also with the same time
  useEffect(() => setLeft(seconds), [error, seconds])
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each second, whatever is rendered meanwhile
  useEffect(() => {
    if (left === 0) return retry()
    const timer = setTimeout(() => setLeft(left - 1), 1_000)
    return () => clearTimeout(timer)
  }, [left])
  return <p className="text-meta">{left === 0 ? 'Trying again …' : `Server busy, next try in ${left} s.`}</p>
}

/** Why the server said no to what was sent, told at once also to a screen reader; nothing while it has not. */
export function Refused({ error }: { error: unknown }) {
  if (error === null) return null
  return (
    <p role="alert" className="mt-3 text-danger">
      {describeFailure(error)}
    </p>
  )
}

/** An error in one sentence. */
export function describeFailure(error: unknown): string {
  if (error instanceof ApiError && error.innerCode === 'StaleSignIn') return error.message
  if (error instanceof ApiError && error.status === 403) return `You may not do this. ${error.message}`
  if (error instanceof TypeError) return 'The server cannot be reached.'
  return error instanceof Error ? error.message : String(error)
}
