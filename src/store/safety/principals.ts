import { isRoleName, type RoleName } from '../../model/permissions.ts'
import type { Db } from '../db.ts'
import type { Requester } from '../executions.ts'

/** The role somebody has at this moment; null for who is unknown to the tenant, revoked or disabled. */
export async function readPresentRole(
  db: Db,
  tenantId: string,
  who: Pick<Requester, 'id' | 'kind'>,
): Promise<RoleName | null> {
  const role =
    who.kind === 'application'
      ? await db
          .selectFrom('applications')
          .select('role')
          .where('tenant_id', '=', tenantId)
          .where('id', '=', who.id)
          .where('revoked_at', 'is', null)
          .executeTakeFirst()
      : await db
          .selectFrom('users')
          .select('role')
          .where('tenant_id', '=', tenantId)
          .where('id', '=', who.id)
          .where('disabled_at', 'is', null)
          .executeTakeFirst()
  return role !== undefined && isRoleName(role.role) ? role.role : null
}

/** Somebody who could act in a tenant: a person or an application. */
export interface Principal {
  readonly id: string
  readonly name: string
  readonly kind: 'user' | 'application'
}

/** Who has one of these roles at this moment, by name: neither revoked nor disabled. */
export async function listPrincipalsOfRoles(
  db: Db,
  tenantId: string,
  roles: readonly RoleName[],
): Promise<Principal[]> {
  if (roles.length === 0) return []
  const people = db.selectFrom('users').select(['id', 'name']).where('tenant_id', '=', tenantId)
  const programs = db.selectFrom('applications').select(['id', 'name']).where('tenant_id', '=', tenantId)
  const [users, applications] = await Promise.all([
    people.where('role', 'in', roles).where('disabled_at', 'is', null).orderBy('name').orderBy('id').execute(),
    programs.where('role', 'in', roles).where('revoked_at', 'is', null).orderBy('name').orderBy('id').execute(),
  ])
  return [
    ...users.map(({ id, name }) => ({ id, name, kind: 'user' as const })),
    ...applications.map(({ id, name }) => ({ id, name: `API-App:${name}`, kind: 'application' as const })),
  ]
}
