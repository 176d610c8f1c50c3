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
