import { QueryClientProvider } from '@tanstack/react-query'
import { type ReactNode, useEffect } from 'react'
import { AppProvider, useRealm } from '../../frame/app.tsx'
import { findPlace } from '../../frame/realm.ts'

/** As often as the lists of all tenants are brought up to date. */
const everyMs = 5_000

/**
 * Something of one tenant beside a list of several: with that tenant's token, role and answers.
 * @param props.row as the list names it: the code of the tenant, a slash, the id
 */
export function InTenantOf({ row, children }: { row: string; children: (id: string) => ReactNode }) {
  const realm = useRealm()
  const at = row.indexOf('/')
  const place = findPlace(realm, row.slice(0, at))
  const queries = place === undefined ? undefined : realm.queriesOf(place.tenant.id)
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') void queries?.invalidateQueries()
    }, everyMs)
    return () => clearInterval(timer)
  }, [queries])
  if (place === undefined || queries === undefined) return null
  return (
    <QueryClientProvider client={queries}>
      <AppProvider session={place} api={realm.apiOf(place)}>
        {children(row.slice(at + 1))}
      </AppProvider>
    </QueryClientProvider>
  )
}
