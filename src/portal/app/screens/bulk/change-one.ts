import type { Api } from '../../api/client.ts'
import { useRealm } from '../../frame/app.tsx'
import { findPlace } from '../../frame/realm.ts'

/** A row of several that change together. Two tenants may have one of the same id. */
export interface InTenant {
  readonly tenant: string
  readonly id: string
}

/** Tells it from all others. */
export function keyOf({ tenant, id }: InTenant): string {
  return `${tenant}/${id}`
}

/** The API of a tenant, and the name the person has there. */
export function usePlaces(): (tenant: string) => { readonly api: Api; readonly name: string } {
  const realm = useRealm()
  return (tenant) => {
    const place = findPlace(realm, tenant) ?? realm.home
    return { api: realm.apiOf(place), name: place.user.name }
  }
}

/**
 * Changes something as it is now and not as the list shows it: nothing of others is written over.
 * @param path of the thing in the API
 * @param bodyOf what is sent, made from how it stands
 */
export async function changeOne(api: Api, path: string, bodyOf: (now: unknown) => object): Promise<void> {
  const { body, etag } = await api.call('GET', path)
  const headers: Record<string, string> = etag === null ? {} : { 'If-Match': etag }
  await api.call('PATCH', path, { body: bodyOf(body), headers })
}
