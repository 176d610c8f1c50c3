import { type Db, holdRows, type Tx } from './db.ts'
import type { TenantRow, UserRow } from './schema.ts'
import type { MembershipRow, SessionRow } from './schema-sign-in.ts'

/** A person by id, in whatever tenant; ids are unique over all. For what is decided across tenants only. */
export async function readUserAnywhere(db: Db, id: string): Promise<UserRow | undefined> {
  return db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
}

/** True for a person who stands for somebody of another tenant. */
export async function isVisitor(db: Db, userId: string): Promise<boolean> {
  const row = await db.selectFrom('memberships').select('user_id').where('user_id', '=', userId).executeTakeFirst()
  return row !== undefined
}

/** Who stands for a person in another tenant, disabled or not, held until the transaction ends. */
export async function readMembershipForUpdate(
  tx: Tx,
  homeUserId: string,
  tenantId: string,
): Promise<{ readonly membership: MembershipRow; readonly user: UserRow } | undefined> {
  const query = tx
    .selectFrom('memberships')
    .selectAll()
    .where('home_user_id', '=', homeUserId)
    .where('tenant_id', '=', tenantId)
  const membership = await holdRows(tx, query).executeTakeFirst()
  if (membership === undefined) return undefined
  const user = await tx
    .selectFrom('users')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', membership.user_id)
    .executeTakeFirstOrThrow()
  return { membership, user }
}

/** @throws a duplicate-key error when the person has one in that tenant already */
export async function insertMembership(tx: Tx, row: MembershipRow): Promise<void> {
  await tx.insertInto('memberships').values(row).execute()
}

/** Lets somebody in again who was shut out. */
export async function enableUserRow(tx: Tx, tenantId: string, id: string, role: string): Promise<void> {
  await tx
    .updateTable('users')
    .set({ role, disabled_at: null })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute()
}

/** Somebody of another tenant who has a role in this one. */
export interface MemberRow {
  user_id: string
  name: string
  role: string
  created_at: string
  home_tenant_id: string
  home_tenant_name: string
  home_user_id: string
}

/** The members of a tenant who come from another one, oldest first; those who were removed are left out. */
export async function listMembers(db: Db, tenantId: string): Promise<MemberRow[]> {
  return db
    .selectFrom('memberships')
    .innerJoin('users', 'users.id', 'memberships.user_id')
    .innerJoin('tenants', 'tenants.id', 'memberships.home_tenant_id')
    .select(['memberships.user_id', 'users.name', 'users.role', 'memberships.created_at'])
    .select(['memberships.home_tenant_id', 'tenants.name as home_tenant_name', 'memberships.home_user_id'])
    .where('memberships.tenant_id', '=', tenantId)
    .where('users.tenant_id', '=', tenantId)
    .where('users.disabled_at', 'is', null)
    .orderBy('memberships.created_at')
    .orderBy('memberships.user_id')
    .execute()
}

/** A tenant that somebody has a role in, and who they are there. */
export interface MembershipOfPerson {
  readonly tenant: TenantRow
  readonly user: UserRow
}

/** The other tenants that a person has a role in now, oldest tenant first. */
export async function listMembershipsOf(db: Db, homeUserId: string): Promise<MembershipOfPerson[]> {
  const rows = await db
    .selectFrom('memberships')
    .innerJoin('users', 'users.id', 'memberships.user_id')
    .innerJoin('tenants', 'tenants.id', 'memberships.tenant_id')
    .selectAll('tenants')
    .select(['users.id as user_id', 'users.name as user_name', 'users.role', 'users.created_at as user_created_at'])
    .where('memberships.home_user_id', '=', homeUserId)
    .where('users.disabled_at', 'is', null)
    .orderBy('tenants.created_at')
    .orderBy('tenants.id')
    .execute()
  return rows.map(({ user_id, user_name, role, user_created_at, ...tenant }) => ({
    tenant,
    user: { tenant_id: tenant.id, id: user_id, name: user_name, role, created_at: user_created_at, disabled_at: null },
  }))
}

/** Opens a session that hangs on another one. @returns false when it is open already */
export async function insertVisit(tx: Tx, row: SessionRow): Promise<boolean> {
  const result = await tx
    .insertInto('sessions')
    .values(row)
    .onConflict((conflict) => conflict.column('token_hash').doNothing())
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}
