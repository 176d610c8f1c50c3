import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { ApiError, readSession } from '../api/session.ts'
import { useApp } from './app.tsx'

/** Says over the page that the session has ended. The page stays as it is, with whatever was typed into it. */
export function SessionGuard() {
  const queries = useQueryClient()
  const { session, api } = useApp()
  const [hasEnded, setEnded] = useState(false)
  useEffect(() => {
    const look = (cause: unknown): void => {
      if (cause instanceof ApiError && cause.status === 401) setEnded(true)
    }
    const ends = [
      queries.getQueryCache().subscribe((event) => event.type === 'updated' && look(event.query.state.error)),
      queries.getMutationCache().subscribe((event) => event.type === 'updated' && look(event.mutation.state.error)),
    ]
    return () => {
      for (const end of ends) end()
    }
  }, [queries])
  const goOn = async (): Promise<void> => {
    const again = await readSession()
    if (again === null) return
    // Another person, or another tenant: nothing on this page is theirs.
    if (again.tenant.id !== session.tenant.id || again.user.name !== session.user.name) return location.reload()
    api.renew(again.csrfToken)
    setEnded(false)
    await queries.invalidateQueries()
  }
  if (!hasEnded) return null
  return (
    <div
      role="alertdialog"
      aria-label="Your session has ended"
      className="fixed inset-x-0 bottom-0 z-50 border-t border-line bg-surface p-4 shadow-xl"
    >
      <p className="font-medium">Your session has ended. What you typed is still here.</p>
      <p className="mt-2 flex flex-wrap gap-3">
        <a href="/login" target="_blank" rel="noreferrer" className="button button-primary">
          Sign in in a new tab
        </a>
        <button type="button" className="button" onClick={() => void goOn()}>
          I have signed in
        </button>
      </p>
    </div>
  )
}
