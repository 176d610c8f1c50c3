import { QueryClient } from '@tanstack/react-query'
import { type Api, openApi } from '../api/client.ts'
import { ApiError, type Session, type TenantFacts } from '../api/session.ts'

/** Every tenant a person may work in. What was read of one is kept apart from what was read of another. */
export interface Realm {
  /** Where they signed in. */
  readonly home: Session
  /** Their own tenant first. */
  readonly places: readonly Session[]
  /** The person in all of them at once. */
  readonly together: Session
  /** The API with a token for that tenant alone. */
  apiOf(place: Session): Api
  /** What was read in a tenant. @param id of one, or of all together */
  queriesOf(id: string): QueryClient
  /** Goes on with the session of a new sign-in of the same person. */
  renew(csrfToken: string): void
}

/** Stands for all tenants of the person, in addresses and where a tenant is named. */
export const everyTenant: TenantFacts = { id: 'all', name: 'All tenants', code: 'all', mark: -1 }

/** Opens what a person works in. Nothing is asked of a tenant before it is looked at. */
export function openRealm(places: readonly [Session, ...Session[]]): Realm {
  const [home] = places
  const apis = new Map<string, Api>()
  const queries = new Map<string, QueryClient>()
  let { csrfToken } = home
  return {
    home,
    places,
    together: { ...home, tenant: everyTenant },
    apiOf: (place) => keep(apis, place.tenant.id, () => openApi({ ...place, csrfToken }, home)),
    queriesOf: (id) => keep(queries, id, makeQueries),
    renew: (next) => {
      csrfToken = next
      for (const api of apis.values()) api.renew(next)
    },
  }
}

/** The tenant that stands in an address, by id or short code. */
export function findPlace({ places }: Realm, key: string): Session | undefined {
  const wanted = key.toLowerCase()
  return places.find(({ tenant }) => tenant.id === wanted || tenant.code === wanted)
}

function keep<T>(kept: Map<string, T>, id: string, make: () => T): T {
  const found = kept.get(id) ?? make()
  kept.set(id, found)
  return found
}

function makeQueries(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 15_000,
        refetchOnWindowFocus: true,
        // Where the server names a time, the person sees it pass.
        retry: (count, cause) =>
          count < 2 && !(cause instanceof ApiError && (cause.status < 500 || cause.retryAfterSeconds !== null)),
      },
      // Without a network a change fails at once: none is kept back to happen later, when nobody expects it any more.
      mutations: { networkMode: 'always' },
    },
  })
}
