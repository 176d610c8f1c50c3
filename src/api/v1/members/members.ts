import { addMember, removeMember } from '../../../access/members/members.ts'
import type { AccessDeps } from '../../../access/tenants.ts'
import { CordonError } from '../../../model/errors.ts'
import { type RoleName, roleNames } from '../../../model/permissions.ts'
import { object, oneOf } from '../../../model/safety/fields.ts'
import { listMembers, type MemberRow } from '../../../store/memberships.ts'
import type { AuthorizedCall, AuthorizedHandler } from '../../route.ts'
import { readFields } from '../read-fields.ts'

/** What the operations on members need. */
export type MembersDeps = AccessDeps

const fields = object<{ readonly role: RoleName }>({ role: oneOf(roleNames) })

/** GET /api/v1/members: who of other tenants has a role in this one. */
export function listTenantMembers(deps: Pick<MembersDeps, 'store'>): AuthorizedHandler {
  return async ({ caller }) => {
    const rows = await listMembers(deps.store.read, caller.tenantId)
    return { status: 200, body: JSON.stringify({ value: rows.map(show) }) }
  }
}

/** PUT /api/v1/members/{personId}: gives somebody of another tenant a role here, or another role. */
export function addTenantMember(deps: MembersDeps): AuthorizedHandler {
  return async (call) => {
    const { role } = readFields(fields, call.body)
    const personId = idOf(call)
    await addMember(deps, call.caller, { personId, role })
    const rows = await listMembers(deps.store.read, call.caller.tenantId)
    const row = rows.find(({ home_user_id }) => home_user_id === personId)
    // Another admin may have been quick to remove them again.
    if (row === undefined) throw new CordonError('NotFound', 'There is no such member in this tenant.')
    return { status: 200, body: JSON.stringify(show(row)) }
  }
}

/** DELETE /api/v1/members/{personId}: ends it, at once. */
export function removeTenantMember(deps: MembersDeps): AuthorizedHandler {
  return async (call) => {
    await removeMember(deps, call.caller, idOf(call))
    return { status: 204 }
  }
}

function idOf(call: AuthorizedCall): string {
  return (call.params.id ?? '').toLowerCase()
}

function show(row: MemberRow): object {
  return {
    personId: row.home_user_id,
    userId: row.user_id,
    name: row.name,
    role: row.role,
    homeTenantId: row.home_tenant_id,
    homeTenantName: row.home_tenant_name,
    createdDateTime: row.created_at,
  }
}
