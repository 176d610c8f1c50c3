import type { Clock, Ids } from '../io/clock.ts'
import { CordonError } from '../model/errors.ts'
import {
  claimSetting,
  findTenant,
  findTenantOfApplication,
  insertTenant,
  installation,
  readSetting,
} from '../store/access.ts'
import { type Db, isDuplicateKey, type Store } from '../store/db.ts'
import { type Actor, recordChange } from '../store/record.ts'
import type { TenantRow } from '../store/schema.ts'
import { isDomain, isGuid, requireName } from './names.ts'

/** What the functions of access need of the rest. */
export interface AccessDeps {
  readonly store: Pick<Store, 'read' | 'transaction'>
  readonly clock: Clock
  readonly ids: Ids
}

/** A separate customer: its rows are invisible to every other tenant. */
export interface Tenant {
  readonly id: string
  readonly name: string
  /** Lower case; stands for the GUID in sign-in URLs. */
  readonly domain: string | null
}

const firstTenantKey = 'firstTenantId'

/**
 * The first tenant, made on the first start under the name `default`. Safe when several processes start at once. A later start never
 * changes it, whatever `domain` says.
 * @param domain optional domain name for the new tenant
 * @throws CordonError BadRequest for a domain that is none
 */
export async function ensureFirstTenant(deps: AccessDeps, domain?: string): Promise<Tenant> {
  const found = await readFirstTenant(deps.store.read)
  if (found !== undefined) return found
  const at = deps.clock.now()
  const row = { id: deps.ids.guid(), name: 'default', domain: requireDomain(domain), created_at: at }
  await deps.store.transaction(async (tx) => {
    if (!(await claimSetting(tx, installation, firstTenantKey, row.id))) return
    await insertTenant(tx, row)
    const actor: Actor = { tenantId: row.id, id: 'first-start', kind: 'system', name: 'Cordon' }
    await recordChange(tx, { at, actor, audit: createdEntry(row) })
  })
  const made = await readFirstTenant(deps.store.read)
  if (made === undefined) throw new Error('the first tenant is claimed but absent')
  return made
}

/**
 * Makes a tenant.
 * @param actor its `tenantId` is replaced by the new tenant's: a tenant's log begins with its own creation
 * @throws CordonError BadRequest for a bad name or domain, Conflict when the domain belongs to another tenant
 */
export async function createTenant(
  deps: AccessDeps,
  actor: Omit<Actor, 'tenantId'>,
  input: { readonly name: string; readonly domain?: string | undefined },
): Promise<Tenant> {
  const at = deps.clock.now()
  const row = {
    id: deps.ids.guid(),
    name: requireName(input.name),
    domain: requireDomain(input.domain),
    created_at: at,
  }
  try {
    await deps.store.transaction(async (tx) => {
      await insertTenant(tx, row)
      await recordChange(tx, { at, actor: { ...actor, tenantId: row.id }, audit: createdEntry(row) })
    })
  } catch (cause) {
    if (!isDuplicateKey(cause)) throw cause
    throw new CordonError('Conflict', `The domain ${row.domain ?? ''} belongs to another tenant.`, { cause })
  }
  return toTenant(row)
}

/** What a tenant segment of a sign-in URL names: a tenant, a well-formed key nobody has, or nothing that could be a tenant. */
export type TenantLookup = Tenant | 'unknown' | 'malformed'

/** @param key GUID or domain name, in any case, as it stands in the URL after percent-decoding */
export async function lookUpTenant(db: Db, key: string): Promise<TenantLookup> {
  if (!isGuid(key) && !isDomain(key)) return 'malformed'
  const row = await findTenant(db, key.toLowerCase())
  return row === undefined ? 'unknown' : toTenant(row)
}

/**
 * The tenant of an application, for clients that know their id and not their tenant: they write `organizations` where the tenant stands.
 * @param clientId as sent; anything but a GUID is unknown
 */
export async function lookUpTenantOfClient(db: Db, clientId: string | undefined): Promise<TenantLookup> {
  if (clientId === undefined || !isGuid(clientId)) return 'malformed'
  const row = await findTenantOfApplication(db, clientId.toLowerCase())
  return row === undefined ? 'unknown' : toTenant(row)
}

async function readFirstTenant(db: Db): Promise<Tenant | undefined> {
  const id = await readSetting(db, installation, firstTenantKey)
  const row = id === undefined ? undefined : await findTenant(db, id)
  return row === undefined ? undefined : toTenant(row)
}

function requireDomain(domain: string | undefined): string | null {
  if (domain === undefined) return null
  if (isDomain(domain)) return domain.toLowerCase()
  throw new CordonError('BadRequest', 'A tenant domain looks like contoso.example.', { target: 'domain' })
}

function toTenant(row: TenantRow): Tenant {
  return { id: row.id, name: row.name, domain: row.domain }
}

function createdEntry(row: TenantRow): {
  action: string
  objectType: string
  objectId: string
  decision: 'allowed'
  after: TenantRow
} {
  return { action: 'createTenant', objectType: 'tenant', objectId: row.id, decision: 'allowed', after: row }
}
