import { instantOf } from '../io/clock.ts'
import { CordonError } from '../model/errors.ts'
import {
  claimSetting,
  disableUserRow,
  hasUsedSignInLink,
  insertSignInLink,
  insertUser,
  listUsers,
  readSetting,
  readUser,
} from '../store/access.ts'
import { deletePasskeys, listPasskeys } from '../store/passkeys.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { endMemberships, requireAtHome } from './members/members.ts'
import { requireName, requireRole } from './names.ts'
import { hashSecret, makeSecret } from './secret-text.ts'
import type { AccessDeps } from './tenants.ts'

/** A link that signs one person in, once. */
export interface SignInLink {
  /** Path and query, to be put behind an origin of the server: `/login?token=...`. */
  readonly path: string
  /** 7-digit instant. */
  readonly expiresAt: string
}

const linkLifeMs = 3_600_000
const firstUserKey = 'firstUserId'

/**
 * Makes a person of the actor's tenant, who signs in by a link until there is a password or an identity elsewhere.
 * @returns the person's id
 * @throws CordonError BadRequest for a bad name or role
 */
export async function createUser(
  deps: AccessDeps,
  actor: Actor,
  input: { readonly name: string; readonly role: string },
): Promise<string> {
  const id = deps.ids.guid()
  const { name, role } = { name: requireName(input.name), role: requireRole(input.role) }
  const at = deps.clock.now()
  await deps.store.transaction(async (tx) => {
    await insertUser(tx, { tenant_id: actor.tenantId, id, name, role, created_at: at, disabled_at: null })
    await recordChange(tx, { at, actor, audit: createdUser(id, name, role) })
  })
  return id
}

/**
 * Makes a sign-in link for a person of the actor's tenant: usable once, within an hour. Only its hash is stored.
 * @throws CordonError NotFound for somebody unknown or disabled; Conflict for a member from another tenant
 */
export async function createSignInLink(deps: AccessDeps, actor: Actor, userId: string): Promise<SignInLink> {
  const secret = makeSecret()
  const at = deps.clock.now()
  const expiresAt = instantOf(deps.clock.nowMs() + linkLifeMs)
  await deps.store.transaction(async (tx) => {
    const user = await readUser(tx, actor.tenantId, userId)
    if (user === undefined || user.disabled_at !== null) {
      throw new CordonError('NotFound', 'There is no such person in this tenant.')
    }
    await requireAtHome(tx, userId)
    await insertSignInLink(tx, {
      tenant_id: actor.tenantId,
      token_hash: hashSecret(secret),
      user_id: userId,
      expires_at: expiresAt,
    })
    await recordChange(tx, {
      at,
      actor,
      audit: { action: 'createSignInLink', objectType: 'user', objectId: userId, decision: 'allowed' },
    })
  })
  return { path: `/login?token=${secret}`, expiresAt }
}

/**
 * The link a fresh installation prints: for the person `admin` (role admin), whom the first call makes. Once somebody of the tenant has
 * signed in by a link there is none any more; further links come from `cordon user link`.
 */
export async function createFirstSignInLink(deps: AccessDeps, tenantId: string): Promise<SignInLink | null> {
  if (await hasUsedSignInLink(deps.store.read, tenantId)) return null
  const actor: Actor = { tenantId, id: 'first-start', kind: 'system', name: 'Cordon' }
  const at = deps.clock.now()
  const id = deps.ids.guid()
  await deps.store.transaction(async (tx) => {
    if (!(await claimSetting(tx, tenantId, firstUserKey, id))) return
    await insertUser(tx, { tenant_id: tenantId, id, name: 'admin', role: 'admin', created_at: at, disabled_at: null })
    await recordChange(tx, { at, actor, audit: createdUser(id, 'admin', 'admin') })
  })
  const userId = (await readSetting(deps.store.read, tenantId, firstUserKey)) ?? id
  const user = await readUser(deps.store.read, tenantId, userId)
  return user === undefined || user.disabled_at !== null ? null : createSignInLink(deps, actor, userId)
}

/**
 * Disables a person of the actor's tenant: their sessions and tokens are refused within a second, in the tenants that gave them a role as
 * well, and their passkeys are gone. Twice is nothing.
 */
export async function disableUser(deps: AccessDeps, actor: Actor, userId: string): Promise<void> {
  const at = deps.clock.now()
  await deps.store.transaction(async (tx) => {
    if (!(await disableUserRow(tx, actor.tenantId, userId, at))) return
    const passkeys = await listPasskeys(tx, actor.tenantId, userId)
    const owner = { tenant_id: actor.tenantId, id: userId }
    const passkeyIds = passkeys.map(({ id }) => id)
    await deletePasskeys(tx, owner, passkeyIds)
    const audit = { action: 'disableUser', objectType: 'user', objectId: userId, decision: 'allowed' } as const
    const details = passkeyIds.length === 0 ? {} : { details: { passkeyIds } }
    await recordChange(tx, { at, actor, audit: { ...audit, ...details } })
  })
  await endMemberships(deps, userId)
}

/**
 * Finds a person by name or id, for the command line.
 * @throws CordonError NotFound; Conflict when several bear the name
 */
export async function findUser(deps: AccessDeps, tenantId: string, nameOrId: string): Promise<{ id: string }> {
  const users = await listUsers(deps.store.read, tenantId)
  const [found, another] = users.filter((user) => user.id === nameOrId || user.name === nameOrId)
  if (found === undefined) throw new CordonError('NotFound', 'There is no such person in this tenant.')
  if (another !== undefined) throw new CordonError('Conflict', 'Several people bear that name; use the id.')
  return { id: found.id }
}

function createdUser(id: string, name: string, role: string): Parameters<typeof recordChange>[1]['audit'] {
  return {
    action: 'createUser',
    objectType: 'user',
    objectId: id,
    decision: 'allowed',
    details: { name, role },
  }
}
