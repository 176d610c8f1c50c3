import { useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { ApiError, isSamePerson, readSessions } from '../api/session.ts'
import { useApp, useRealm } from './app.tsx'
import { everyTenant } from './realm.ts'

const SignInAgain = lazy(() => import('./sign-in/sign-in-again.tsx'))

/**
 * Asks over the page to sign in again: when the session has ended, and when the server wants a younger sign-in before it does something. The
 * page stays as it is, with whatever was typed into it, and a call that waits for it goes on.
 */
export function SessionGuard() {
  const queries = useQueryClient()
  const { session, api } = useApp()
  const realm = useRealm()
  const [why, setWhy] = useState<'ended' | 'stale' | null>(null)
  const waiting = useRef<((isThere: boolean) => void)[]>([])
  const close = (isThere: boolean): void => {
    setWhy(null)
    for (const goOn of waiting.current.splice(0)) goOn(isThere)
  }
  useEffect(() => {
    const look = (cause: unknown): void => {
      if (cause instanceof ApiError && cause.status === 401) setWhy('ended')
    }
    const ends = [
      queries.getQueryCache().subscribe((event) => event.type === 'updated' && look(event.query.state.error)),
      queries.getMutationCache().subscribe((event) => event.type === 'updated' && look(event.mutation.state.error)),
    ]
    const ask = (): Promise<boolean> =>
      new Promise((resolve) => {
        waiting.current.push(resolve)
        setWhy('stale')
      })
    const asking = session.tenant.id === everyTenant.id ? realm.places.map(realm.apiOf) : [api]
    for (const one of asking) one.onStaleSignIn(ask)
    return () => {
      for (const one of asking) one.onStaleSignIn(null)
      for (const end of ends) end()
    }
  }, [queries, api, session, realm])
  const takeSession = async (): Promise<boolean> => {
    const [again] = (await readSessions()) ?? []
    if (again === undefined || again.csrfToken === realm.home.csrfToken) return false
    // Another person: nothing on this page is theirs.
    if (!isSamePerson(realm.home, again)) {
      location.reload()
      return true
    }
    realm.renew(again.csrfToken)
    close(true)
    if (why === 'ended') await queries.invalidateQueries()
    return true
  }
  if (why === null) return null
  return (
    <Suspense fallback={null}>
      <SignInAgain why={why} takeSession={takeSession} onClose={() => close(false)} />
    </Suspense>
  )
}
