import type { Db, Tx } from './db.ts'
import type { TenantRow, UserRow } from './schema.ts'
import type { ApplicationRow, SessionRow } from './schema-sign-in.ts'

/** Tenant id under which settings of the whole installation stand. */
export const installation = ''

/**
 * Claims a place that only one may have, e.g. that of the first tenant. Of several servers that do so at once on one database exactly one
 * gets true; the others wait for its commit and get false.
 */
export async function claimSetting(tx: Tx, tenantId: string, key: string, value: string): Promise<boolean> {
  const result = await tx
    .insertInto('settings')
    .values({ tenant_id: tenantId, key, value })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'key']).doNothing())
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** A setting's value, or undefined. */
export async function readSetting(db: Db, tenantId: string, key: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('settings')
    .select('value')
    .where('tenant_id', '=', tenantId)
    .where('key', '=', key)
    .executeTakeFirst()
  return row?.value
}

/** Gives a setting up. */
export async function removeSetting(tx: Tx, tenantId: string, key: string): Promise<void> {
  await tx.deleteFrom('settings').where('tenant_id', '=', tenantId).where('key', '=', key).execute()
}

/** @throws a duplicate-key error of the database when the domain is taken */
export async function insertTenant(tx: Tx, row: TenantRow): Promise<void> {
  await tx.insertInto('tenants').values(row).execute()
}

/** Writes a tenant's name and code. @throws a duplicate-key error of the database when the code is taken */
export async function updateTenant(tx: Tx, { id, name, code }: TenantRow): Promise<void> {
  await tx.updateTable('tenants').set({ name, code }).where('id', '=', id).execute()
}

/** @param key the tenant's GUID or domain in lower case */
export async function findTenant(db: Db, key: string): Promise<TenantRow | undefined> {
  return db
    .selectFrom('tenants')
    .selectAll()
    .where((eb) => eb.or([eb('id', '=', key), eb('domain', '=', key)]))
    .executeTakeFirst()
}

/** The tenant an application belongs to; application ids are unique over all tenants. */
export async function findTenantOfApplication(db: Db, applicationId: string): Promise<TenantRow | undefined> {
  return db
    .selectFrom('tenants')
    .innerJoin('applications', 'applications.tenant_id', 'tenants.id')
    .selectAll('tenants')
    .where('applications.id', '=', applicationId)
    .executeTakeFirst()
}

/** Does nothing but read. @throws the database's error when it cannot be read */
export async function readAnything(db: Db): Promise<void> {
  await db.selectFrom('tenants').select('id').limit(1).execute()
}

/** All tenants, oldest first. */
export async function listTenants(db: Db): Promise<TenantRow[]> {
  return db.selectFrom('tenants').selectAll().orderBy('created_at').orderBy('id').execute()
}

export async function insertApplication(tx: Tx, row: ApplicationRow): Promise<void> {
  await tx.insertInto('applications').values(row).execute()
}

/** @param id GUID in lower case; unknown to `tenantId` and absent are the same */
export async function readApplication(db: Db, tenantId: string, id: string): Promise<ApplicationRow | undefined> {
  return db
    .selectFrom('applications')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst()
}

/** A tenant's applications, oldest first. */
export async function listApplications(db: Db, tenantId: string): Promise<ApplicationRow[]> {
  return db
    .selectFrom('applications')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** Marks an application revoked. @returns false when it is unknown to the tenant or was revoked before */
export async function revokeApplicationRow(tx: Tx, tenantId: string, id: string, at: string): Promise<boolean> {
  const result = await tx
    .updateTable('applications')
    .set({ revoked_at: at })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export async function insertUser(tx: Tx, row: UserRow): Promise<void> {
  await tx.insertInto('users').values(row).execute()
}

/** A person of a tenant; unknown to it and absent are the same. */
export async function readUser(db: Db, tenantId: string, id: string): Promise<UserRow | undefined> {
  return db.selectFrom('users').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id).executeTakeFirst()
}

/** A tenant's people, oldest first. */
export async function listUsers(db: Db, tenantId: string): Promise<UserRow[]> {
  return db
    .selectFrom('users')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** Marks a person disabled. @returns false when unknown to the tenant or disabled before */
export async function disableUserRow(tx: Tx, tenantId: string, id: string, at: string): Promise<boolean> {
  const result = await tx
    .updateTable('users')
    .set({ disabled_at: at })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** @param row.token_hash SHA-256 in hex; the token itself is never stored */
export async function insertSignInLink(
  tx: Tx,
  row: { tenant_id: string; token_hash: string; user_id: string; expires_at: string },
): Promise<void> {
  await tx
    .insertInto('sign_in_links')
    .values({ ...row, used_at: null })
    .execute()
}

/** True once somebody of the tenant has used a sign-in link. */
export async function hasUsedSignInLink(db: Db, tenantId: string): Promise<boolean> {
  const row = await db
    .selectFrom('sign_in_links')
    .select('user_id')
    .where('tenant_id', '=', tenantId)
    .where('used_at', 'is not', null)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** The person an unused link that has not ended is for; does not use it up. */
export async function peekSignInLink(db: Db, tokenHash: string, now: string): Promise<UserRow | undefined> {
  return db
    .selectFrom('sign_in_links')
    .innerJoin('users', 'users.id', 'sign_in_links.user_id')
    .selectAll('users')
    .where('token_hash', '=', tokenHash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
}

/** Uses a link up. @returns the person it was for; undefined when it is unknown, used, ended or its person disabled */
export async function useSignInLink(tx: Tx, tokenHash: string, now: string): Promise<UserRow | undefined> {
  const used = await tx
    .updateTable('sign_in_links')
    .set({ used_at: now })
    .where('token_hash', '=', tokenHash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returning('user_id')
    .executeTakeFirst()
  if (used === undefined) return undefined
  return tx
    .selectFrom('users')
    .selectAll()
    .where('id', '=', used.user_id)
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
}

/** Opens a session and clears away those that have ended. */
export async function insertSession(tx: Tx, row: SessionRow): Promise<void> {
  await tx.deleteFrom('sessions').where('expires_at', '<=', row.created_at).execute()
  await tx.insertInto('sessions').values(row).execute()
}

/** A session that has not ended, with its person, who is not disabled. */
export interface OpenSession {
  readonly session: SessionRow
  readonly user: UserRow
}

/**
 * A session that is open. One that hangs on another is open as long as that one is.
 * @param tokenHash SHA-256 of the cookie's value in hex
 */
export async function readSession(db: Db, tokenHash: string, now: string): Promise<OpenSession | undefined> {
  const open = await readOneSession(db, tokenHash, now)
  const parent = open?.session.parent_hash ?? null
  if (parent === null) return open
  return (await readOneSession(db, parent, now)) === undefined ? undefined : open
}

async function readOneSession(db: Db, tokenHash: string, now: string): Promise<OpenSession | undefined> {
  const session = await db
    .selectFrom('sessions')
    .selectAll()
    .where('token_hash', '=', tokenHash)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  if (session === undefined) return undefined
  const user = await db
    .selectFrom('users')
    .selectAll()
    .where('tenant_id', '=', session.tenant_id)
    .where('id', '=', session.user_id)
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
  return user === undefined ? undefined : { session, user }
}

/** Ends a session; ending it twice is nothing. */
export async function deleteSession(tx: Tx, tokenHash: string): Promise<void> {
  await tx.deleteFrom('sessions').where('token_hash', '=', tokenHash).execute()
}
