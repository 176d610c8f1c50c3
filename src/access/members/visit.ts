import { CordonError } from '../../model/errors.ts'
import { isRoleName, type RoleName } from '../../model/permissions.ts'
import { findTenant, readSession } from '../../store/access.ts'
import { insertVisit, listMembershipsOf } from '../../store/memberships.ts'
import { recordChange } from '../../store/record.ts'
import type { RequestFacts } from '../authenticate.ts'
import { hashSecret, makeSecret } from '../secret-text.ts'
import type { Session } from '../sessions.ts'
import type { AccessDeps, Tenant } from '../tenants.ts'

/** A tenant that the person of a session may work in, and who they are there. */
export interface Place {
  readonly tenant: Tenant
  readonly user: { readonly id: string; readonly name: string; readonly role: RoleName }
}

/** Where the person of a session may work: first their own tenant, then those that gave them a role, oldest first. */
export async function listPlaces(deps: AccessDeps, session: Session): Promise<Place[]> {
  const home = await findTenant(deps.store.read, session.tenantId)
  const others = await listMembershipsOf(deps.store.read, session.user.id)
  return [
    ...(home === undefined ? [] : [{ tenant: home, user: session.user }]),
    ...others.flatMap(({ tenant, user: { id, name, role } }) =>
      isRoleName(role) ? [{ tenant, user: { id, name, role } }] : [],
    ),
  ]
}

/** What a token for another tenant is made of. */
export interface Visit {
  readonly tenantId: string
  readonly user: Place['user']
  /** Stored hash of the session there. */
  readonly hash: string
}

/**
 * A session in another tenant that hangs on the one at home: it ends with it, with the membership, and when the person is disabled in
 * either tenant. The first one of a sign-in stands in the log of the tenant that is visited.
 * @throws CordonError NotFound for a tenant that is absent or gave no role: the same for both
 */
export async function openVisit(
  deps: AccessDeps,
  request: RequestFacts,
  session: Session,
  tenantId: string,
): Promise<Visit> {
  const memberships = await listMembershipsOf(deps.store.read, session.user.id)
  const found = memberships.find(({ tenant }) => tenant.id === tenantId)
  if (found === undefined || !isRoleName(found.user.role)) {
    throw new CordonError('NotFound', 'There is no such tenant, or it gave you no role.')
  }
  const { id, name, role } = found.user
  // Made from both, so that the tabs of a browser share one; nobody finds a secret with this hash.
  const hash = hashSecret(`visit ${session.hash} ${id}`)
  const visit = { tenantId, user: { id, name, role }, hash }
  const at = deps.clock.now()
  if ((await readSession(deps.store.read, hash, at)) !== undefined) return visit
  await deps.store.transaction(async (tx) => {
    const parent = await readSession(tx, session.hash, at)
    if (parent === undefined) return
    const isNew = await insertVisit(tx, {
      tenant_id: tenantId,
      token_hash: hash,
      user_id: id,
      csrf_hash: hashSecret(makeSecret()),
      created_at: at,
      expires_at: parent.session.expires_at,
      parent_hash: session.hash,
    })
    if (!isNew) return
    const { requestId, clientRequestId } = request
    const details = { by: 'membership', homeTenantId: session.tenantId, homeUserId: session.user.id }
    const audit = { action: 'signIn', objectType: 'user', objectId: id, decision: 'allowed', details } as const
    await recordChange(tx, { at, actor: { tenantId, id, kind: 'user', name, requestId, clientRequestId }, audit })
  })
  return visit
}
