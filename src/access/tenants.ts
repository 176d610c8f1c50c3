import type { Clock, Ids } from '../io/clock.ts'
import { CordonError } from '../model/errors.ts'
import {
  claimSetting,
  findTenant,
  findTenantOfApplication,
  insertTenant,
  installation,
  listTenants,
  readSetting,
  updateTenant,
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
  /** Short name in lower case, beside the name wherever tenants stand together. */
  readonly code: string
  /** Counted up from 0; people tell tenants apart by the pattern and colour made from it. */
  readonly mark: number
}

const firstTenantKey = 'firstTenantId'
const maxCodeLength = 12
/** Stands for all tenants of a person in the addresses of the portal. */
const everyTenant = 'all'

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
  const id = deps.ids.guid()
  const row = { id, name: 'default', domain: requireDomain(domain), code: 'default', mark: 0, created_at: at }
  await deps.store.transaction(async (tx) => {
    if (!(await claimSetting(tx, installation, firstTenantKey, id))) return
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
 * @param input.code without it, one is made from the name
 * @throws CordonError BadRequest for a bad name, domain or code, Conflict when domain or code belong to another tenant
 */
export async function createTenant(
  deps: AccessDeps,
  actor: Omit<Actor, 'tenantId'>,
  input: { readonly name: string; readonly domain?: string | undefined; readonly code?: string | undefined },
): Promise<Tenant> {
  const at = deps.clock.now()
  const id = deps.ids.guid()
  const stated = { id, name: requireName(input.name), domain: requireDomain(input.domain), created_at: at }
  const code = input.code === undefined ? undefined : requireCode(input.code)
  return refusingDoubles(stated.domain, code, () =>
    deps.store.transaction(async (tx) => {
      const others = await listTenants(tx)
      const taken = new Set(others.map((other) => other.code))
      const row = { ...stated, code: code ?? makeCode(stated.name, taken), mark: others.length }
      await insertTenant(tx, row)
      await recordChange(tx, { at, actor: { ...actor, tenantId: row.id }, audit: createdEntry(row) })
      return toTenant(row)
    }),
  )
}

/**
 * Gives a tenant another name or short code. Its id, and with it every address, stays.
 * @throws CordonError BadRequest for a bad name or code, Conflict when the code belongs to another tenant
 */
export async function renameTenant(
  deps: AccessDeps,
  actor: Actor,
  input: { readonly name?: string | undefined; readonly code?: string | undefined },
): Promise<Tenant> {
  const name = input.name === undefined ? undefined : requireName(input.name)
  const code = input.code === undefined ? undefined : requireCode(input.code)
  const at = deps.clock.now()
  return refusingDoubles(null, code, () =>
    deps.store.transaction(async (tx) => {
      const before = await findTenant(tx, actor.tenantId)
      if (before === undefined) throw new CordonError('NotFound', 'There is no such tenant.')
      const after = { ...before, name: name ?? before.name, code: code ?? before.code }
      await updateTenant(tx, after)
      const audit = { action: 'renameTenant', objectType: 'tenant', objectId: before.id, decision: 'allowed' } as const
      await recordChange(tx, { at, actor, audit: { ...audit, before, after } })
      return toTenant(after)
    }),
  )
}

async function refusingDoubles<T>(domain: string | null, code: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!isDuplicateKey(cause)) throw cause
    const what = [...(domain === null ? [] : [`domain ${domain}`]), ...(code === undefined ? [] : [`code ${code}`])]
    throw new CordonError('Conflict', `The ${what.join(' or the ') || 'code'} belongs to another tenant.`, { cause })
  }
}

/** The letters and digits of the name, with a number behind when they are taken. */
function makeCode(name: string, taken: ReadonlySet<string>): string {
  const letters = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  const base = /^[a-z]/.test(letters) ? letters.slice(0, maxCodeLength) : `t${letters}`.slice(0, maxCodeLength)
  const isFree = (code: string): boolean => !taken.has(code) && code !== everyTenant
  for (let number = 1; ; number += 1) {
    const end = number === 1 ? '' : String(number)
    const code = base.slice(0, maxCodeLength - end.length) + end
    if (isFree(code)) return code
  }
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

function requireCode(text: string): string {
  const code = text.toLowerCase()
  if (/^[a-z][a-z0-9-]*$/.test(code) && code.length <= maxCodeLength && code !== everyTenant) return code
  const rule = `A code has at most ${maxCodeLength} letters, digits and hyphens, begins with a letter, and is not ${everyTenant}.`
  throw new CordonError('BadRequest', rule, { target: 'code' })
}

function requireDomain(domain: string | undefined): string | null {
  if (domain === undefined) return null
  if (isDomain(domain)) return domain.toLowerCase()
  throw new CordonError('BadRequest', 'A tenant domain looks like contoso.example.', { target: 'domain' })
}

function toTenant(row: TenantRow): Tenant {
  return { id: row.id, name: row.name, domain: row.domain, code: row.code, mark: row.mark }
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
