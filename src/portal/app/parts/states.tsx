import type { ReactNode } from 'react'
import { useEffect, useState } from 'react'
import { ApiError } from '../api/session.ts'

/** Rows of the final height, shown when the first answer takes longer than a moment. */
export function Skeleton({ rows = 6 }: { rows?: number }) {
  const [isShown, show] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => show(true), 150)
    return () => clearTimeout(timer)
  }, [])
  return (
    <div aria-busy="true" className={isShown ? 'space-y-2 p-4' : 'space-y-2 p-4 opacity-0'}>
      <span className="sr-only">Loading</span>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have nothing else to be told apart by
        <div key={row} className="h-(--row) rounded-box bg-sunken" />
      ))}
    </div>
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

/** What failed, in the server's own words, with the id to look it up by and a way to try again. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const waitSeconds = error instanceof ApiError ? error.retryAfterSeconds : null
  return (
    <div role="alert" className="m-4 box p-4">
      <p className="text-danger font-medium">{describeFailure(error)}</p>
      {error instanceof ApiError && error.requestId !== '' ? (
        <p className="text-meta text-ink-3">
          Request <code>{error.requestId}</code>
        </p>
      ) : null}
      {waitSeconds === null ? null : <p className="text-meta">The server asks to wait {waitSeconds} s.</p>}
      {retry === undefined ? null : (
        <button type="button" className="button mt-2" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** An error in one sentence. */
export function describeFailure(error: unknown): string {
  if (error instanceof ApiError && error.innerCode === 'StaleSignIn') return error.message
  if (error instanceof ApiError && error.status === 403) return `You may not do this. ${error.message}`
  if (error instanceof TypeError) return 'The server cannot be reached.'
  return error instanceof Error ? error.message : String(error)
}
