import { createContext, type ReactNode, useContext, useMemo } from 'react'
import { isRoleName, type Permission, rolePermissions } from '../../../model/permissions.ts'
import type { Api } from '../api/client.ts'
import type { Session } from '../api/session.ts'
import { ZoneProvider } from '../parts/time.tsx'
import type { Realm } from './realm.ts'

/** What every screen may use: who is signed in, what they may do, and the API that decides it. */
export interface App {
  readonly session: Session
  readonly api: Api
  readonly may: (permission: Permission) => boolean
  /** Auditors see no control that acts on anything, not even one that is off. */
  readonly isAuditor: boolean
}

const context = createContext<App | null>(null)

/** Hands the session and the API to the screens below. */
export function AppProvider({ session, api, children }: { session: Session; api: Api; children: ReactNode }) {
  const app = useMemo<App>(() => {
    const { role } = session.user
    const held: ReadonlySet<Permission> = new Set(isRoleName(role) ? rolePermissions[role] : [])
    return { session, api, may: (permission) => held.has(permission), isAuditor: role === 'auditor' }
  }, [session, api])
  return (
    <context.Provider value={app}>
      <ZoneProvider>{children}</ZoneProvider>
    </context.Provider>
  )
}

const everywhere = createContext<Realm | null>(null)

/** Hands what goes beyond one tenant to everything below. */
export const RealmProvider = everywhere.Provider

/** Every tenant the person may work in. */
export function useRealm(): Realm {
  const realm = useContext(everywhere)
  if (realm === null) throw new Error('a screen stands outside of the realm')
  return realm
}

/** The app around the screen. */
export function useApp(): App {
  const app = useContext(context)
  if (app === null) throw new Error('a screen stands outside of the app')
  return app
}
