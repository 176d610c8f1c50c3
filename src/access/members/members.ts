import { CordonError } from '../../model/errors.ts'
import { disableUserRow, findTenant, insertUser } from '../../store/access.ts'
import { isDuplicateKey, type Tx } from '../../store/db.ts'
import {
  enableUserRow,
  insertMembership,
  isVisitor,
  listMembershipsOf,
  readMembershipForUpdate,
  readUserAnywhere,
} from '../../store/memberships.ts'
import { type Actor, recordChange } from '../../store/record.ts'
import type { UserRow } from '../../store/schema.ts'
import { deleteSessionsOf, updateUserRole } from '../../store/sign-in.ts'
import { requireRole } from '../names.ts'
import type { AccessDeps } from '../tenants.ts'

/** Whom a tenant gives a role, and which. */
export interface MemberInput {
  /** Id of the person in the tenant where they sign in. */
  readonly personId: string
  readonly role: string
}

/**
 * Gives somebody of another tenant a role in the actor's tenant, or another role than they have. Inside the tenant they are a person of it
 * like the others, so that nothing that keeps tenants apart knows of memberships.
 * @returns the id of the person who stands for them here
 * @throws CordonError BadRequest for a role that is none; NotFound for nobody, a disabled person, or who is a visitor themselves; Conflict
 * for a person of this tenant; Forbidden for the actor's own membership
 */
export async function addMember(deps: AccessDeps, actor: Actor, input: MemberInput): Promise<string> {
  const role = requireRole(input.role)
  const userId = deps.ids.guid()
  const at = deps.clock.now()
  try {
    return await deps.store.transaction(async (tx) => {
      const home = await requirePerson(tx, actor.tenantId, input.personId)
      const known = await readMembershipForUpdate(tx, home.id, actor.tenantId)
      requireOther(actor, home.id, known?.user.id)
      if (known === undefined) await introduce(tx, { home, role, userId, at, tenantId: actor.tenantId })
      else if (known.user.disabled_at !== null) await enableUserRow(tx, actor.tenantId, known.user.id, role)
      else if (known.user.role !== role) await updateUserRole(tx, actor.tenantId, known.user.id, role)
      else return known.user.id
      const objectId = known?.user.id ?? userId
      const isChange = known !== undefined && known.user.disabled_at === null
      const details = { role, ...(isChange ? { before: known.user.role } : {}), ...fromOf(home) }
      const action = isChange ? 'changeMember' : 'addMember'
      await recordChange(tx, {
        at,
        actor,
        audit: { action, objectType: 'user', objectId, decision: 'allowed', details },
      })
      return objectId
    })
  } catch (cause) {
    if (!isDuplicateKey(cause)) throw cause
    throw new CordonError('Conflict', 'Somebody else added that person at the same moment; ask again.', { cause })
  }
}

/**
 * Takes the role away that somebody of another tenant has in the actor's: their tokens are refused within a second, and the portal draws no
 * further ones.
 * @throws CordonError NotFound for who is no member
 */
export async function removeMember(deps: AccessDeps, actor: Actor, personId: string, reason?: string): Promise<void> {
  const at = deps.clock.now()
  await deps.store.transaction(async (tx) => {
    const known = await readMembershipForUpdate(tx, personId, actor.tenantId)
    if (known === undefined || !(await disableUserRow(tx, actor.tenantId, known.user.id, at))) {
      throw new CordonError('NotFound', 'There is no such member in this tenant.')
    }
    await deleteSessionsOf(tx, known.user, null)
    const { home_tenant_id: homeTenantId, home_user_id: homeUserId } = known.membership
    const details = { homeTenantId, homeUserId, ...(reason === undefined ? {} : { reason }) }
    const audit = { action: 'removeMember', objectType: 'user', objectId: known.user.id, decision: 'allowed' } as const
    await recordChange(tx, { at, actor, audit: { ...audit, details } })
  })
}

/** Ends what a person, disabled at home, has in other tenants: each in a transaction and a log of its own. */
export async function endMemberships(deps: AccessDeps, homeUserId: string): Promise<void> {
  for (const { tenant } of await listMembershipsOf(deps.store.read, homeUserId)) {
    const actor: Actor = { tenantId: tenant.id, id: 'memberships', kind: 'system', name: 'Cordon' }
    try {
      await removeMember(deps, actor, homeUserId, 'disabled at home')
    } catch (cause) {
      // Their own admin was faster.
      if (!(cause instanceof CordonError && cause.kind === 'NotFound')) throw cause
    }
  }
}

/**
 * Refuses what would let somebody sign in who is from another tenant: they sign in there.
 * @throws CordonError Conflict
 */
export async function requireAtHome(tx: Tx, userId: string): Promise<void> {
  if (!(await isVisitor(tx, userId))) return
  throw new CordonError('Conflict', 'That person belongs to another tenant and signs in there.')
}

async function requirePerson(tx: Tx, tenantId: string, personId: string): Promise<UserRow> {
  const home = await readUserAnywhere(tx, personId.toLowerCase())
  if (home?.tenant_id === tenantId) throw new CordonError('Conflict', 'That person belongs to this tenant already.')
  if (home === undefined || home.disabled_at !== null || (await isVisitor(tx, home.id))) {
    throw new CordonError('NotFound', 'There is no such person.')
  }
  return home
}

/** Nobody decides what they may do themselves. */
function requireOther(actor: Actor, homeUserId: string, userId: string | undefined): void {
  if (actor.kind !== 'user' || (actor.id !== homeUserId && actor.id !== userId)) return
  throw new CordonError('Forbidden', 'Nobody changes their own membership; ask another admin.')
}

interface Introduced {
  readonly home: UserRow
  readonly role: string
  readonly userId: string
  readonly tenantId: string
  readonly at: string
}

async function introduce(tx: Tx, { home, role, userId, tenantId, at }: Introduced): Promise<void> {
  const from = await findTenant(tx, home.tenant_id)
  const name = nameAbroad(home.name, from?.name ?? '')
  await insertUser(tx, { tenant_id: tenantId, id: userId, name, role, created_at: at, disabled_at: null })
  const { tenant_id: home_tenant_id, id: home_user_id } = home
  await insertMembership(tx, { tenant_id: tenantId, user_id: userId, home_tenant_id, home_user_id, created_at: at })
}

/** Nobody mistakes a visitor for somebody of the house who bears the same name. */
function nameAbroad(name: string, tenant: string): string {
  const cut = (text: string): string => [...text].slice(0, 28).join('').trim()
  const whole = `${name} (${tenant})`
  return whole.length <= 120 ? whole : `${cut(name)} (${cut(tenant)})`
}

function fromOf({ tenant_id, id, name }: UserRow): Readonly<Record<string, string>> {
  return { name, homeTenantId: tenant_id, homeUserId: id }
}
