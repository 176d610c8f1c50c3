import { listHostNames } from '../../../store/assets.ts'
import type { Db } from '../../../store/db.ts'
import { type AssetKind, keepValues } from './names.ts'

/** The enrolled hosts of a tenant by their names. */
export interface Hosts {
  /** The id of the one enrolled host that goes by one of these names; null for none, and for several. */
  readonly find: (names: readonly string[]) => string | null
  /** Its names, the one people call it by first. */
  readonly namesOf: (id: string | null) => readonly string[]
}

/** The hosts that assets of this kind may be; none for other kinds. */
export async function listHosts(db: Db, tenantId: string, kind: AssetKind): Promise<Hosts> {
  const idsOf = new Map<string, string[]>()
  const named = new Map<string, readonly string[]>()
  for (const { id, hostname, fqdn, revoked } of kind === 'device' ? await listHostNames(db, tenantId) : []) {
    const names = keepValues(kind, [hostname, fqdn, id])
    named.set(id, names)
    // The name of a host that was removed belongs to whoever has it now.
    const own = revoked ? [id] : names
    for (const name of own) idsOf.set(name, [...(idsOf.get(name) ?? []), id])
  }
  return {
    find: (names) => {
      const found = new Set(names.flatMap((name) => idsOf.get(name) ?? []))
      const [first] = found
      return first !== undefined && found.size === 1 ? first : null
    },
    namesOf: (id) => (id === null ? [] : (named.get(id) ?? [])),
  }
}
