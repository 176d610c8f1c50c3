import { QueryClientProvider } from '@tanstack/react-query'
import { useMatches } from '@tanstack/react-router'
import type { Session } from '../api/session.ts'
import { AppProvider, useRealm } from './app.tsx'
import { Frame } from './frame.tsx'
import { everyTenant, findPlace, type Realm } from './realm.ts'

/**
 * The frame with the tenant that the address names: its token, its role, what was read of it, and nothing of another one. The other tenant
 * of an address is a page of its own, begun anew.
 */
export function Scope() {
  const realm = useRealm()
  // Of the screen that is shown, not of one that is still being loaded.
  const key = useMatches({ select: (matches) => keyOf(matches.at(-1)?.pathname ?? '') })
  const place = choosePlace(realm, key)
  const session = place ?? realm.home
  const api = realm.apiOf(session.tenant.id === everyTenant.id ? realm.home : session)
  return (
    <QueryClientProvider key={session.tenant.id} client={realm.queriesOf(session.tenant.id)}>
      <AppProvider session={session} api={api}>
        <Frame isOwn={place !== undefined} />
      </AppProvider>
    </QueryClientProvider>
  )
}

function choosePlace(realm: Realm, key: string): Session | undefined {
  if (key === '') return realm.home
  if (key === everyTenant.code) return realm.together
  return findPlace(realm, key)
}

function keyOf(pathname: string): string {
  const [, root, tenant = ''] = pathname.split('/')
  return root === 't' ? decodeURIComponent(tenant) : ''
}
