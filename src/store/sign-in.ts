import type { Db, Tx } from './db.ts'
import type { UserRow } from './schema.ts'
import type { AuthorizationCodeRow, IdentityRow, PasswordRow, SessionRow } from './schema-sign-in.ts'

/** Sets a person's password in place of the one before. @throws a duplicate-key error when another person signs in under that name */
export async function writePassword(tx: Tx, row: PasswordRow): Promise<void> {
  const { sign_in_name, hash, set_at } = row
  await tx
    .insertInto('passwords')
    .values(row)
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet({ sign_in_name, hash, set_at }))
    .execute()
}

/** @returns whether there was one */
export async function deletePassword(tx: Tx, tenantId: string, userId: string): Promise<boolean> {
  const result = await tx
    .deleteFrom('passwords')
    .where('tenant_id', '=', tenantId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** A person's password by the name they sign in with, while they are not disabled. */
export async function findPassword(
  db: Db,
  tenantId: string,
  signInName: string,
): Promise<{ readonly hash: string; readonly user: UserRow } | undefined> {
  const row = await db
    .selectFrom('passwords')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('sign_in_name', '=', signInName)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const user = await readEnabled(db, tenantId, row.user_id)
  return user === undefined ? undefined : { hash: row.hash, user }
}

/** A person's own password row. */
export async function readPassword(db: Db, tenantId: string, userId: string): Promise<PasswordRow | undefined> {
  return db
    .selectFrom('passwords')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
}

/** Ends every session of a person but one. @param exceptHash null: every one */
export async function deleteSessionsOf(
  tx: Tx,
  user: Pick<UserRow, 'tenant_id' | 'id'>,
  exceptHash: string | null,
): Promise<void> {
  let query = tx.deleteFrom('sessions').where('tenant_id', '=', user.tenant_id).where('user_id', '=', user.id)
  if (exceptHash !== null) query = query.where('token_hash', '<>', exceptHash)
  await query.execute()
}

/** Adds an address that an application may have people sent back to. */
export async function insertRedirectUris(
  tx: Tx,
  application: { readonly tenant_id: string; readonly id: string },
  uris: readonly string[],
): Promise<void> {
  const rows = uris.map((uri) => ({ tenant_id: application.tenant_id, application_id: application.id, uri }))
  if (rows.length > 0) await tx.insertInto('redirect_uris').values(rows).execute()
}

/** Where an application may have people sent back to. */
export async function listRedirectUris(db: Db, tenantId: string, applicationId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('redirect_uris')
    .select('uri')
    .where('tenant_id', '=', tenantId)
    .where('application_id', '=', applicationId)
    .orderBy('uri')
    .execute()
  return rows.map((row) => row.uri)
}

/** Keeps a code, and clears away those whose replay nobody can notice any more. */
export async function insertCode(tx: Tx, row: AuthorizationCodeRow, forgetBefore: string): Promise<void> {
  await tx.deleteFrom('authorization_codes').where('expires_at', '<', forgetBefore).execute()
  await tx.insertInto('authorization_codes').values(row).execute()
}

/** Uses a code up. @returns the code as it was; undefined when it is unknown, used or over */
export async function useCode(tx: Tx, codeHash: string, now: string): Promise<AuthorizationCodeRow | undefined> {
  return tx
    .updateTable('authorization_codes')
    .set({ used_at: now })
    .where('code_hash', '=', codeHash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returningAll()
    .executeTakeFirst()
}

/** A code, whatever became of it. */
export async function readCode(db: Db, codeHash: string): Promise<AuthorizationCodeRow | undefined> {
  return db.selectFrom('authorization_codes').selectAll().where('code_hash', '=', codeHash).executeTakeFirst()
}

/** Opens a session that no cookie leads to: what an application's tokens hang on. */
export async function insertGrant(tx: Tx, row: SessionRow): Promise<void> {
  await tx.insertInto('sessions').values(row).execute()
}

/** @throws a duplicate-key error when the subject or the person is known at that issuer */
export async function insertIdentity(tx: Tx, row: IdentityRow): Promise<void> {
  await tx.insertInto('identities').values(row).execute()
}

/** An issuer as a connector is set up for it just now. */
export interface IssuerKey {
  readonly tenantId: string
  readonly id: string
  readonly address: string
}

/** The person behind a subject of an issuer, disabled or not. */
export async function findIdentity(
  db: Db,
  issuer: IssuerKey,
  subject: string,
): Promise<{ readonly identity: IdentityRow; readonly user: UserRow } | undefined> {
  const identity = await db
    .selectFrom('identities')
    .selectAll()
    .where('tenant_id', '=', issuer.tenantId)
    .where('connector_id', '=', issuer.id)
    .where('issuer', '=', issuer.address)
    .where('subject', '=', subject)
    .executeTakeFirst()
  if (identity === undefined) return undefined
  const user = await readAny(db, issuer.tenantId, identity.user_id)
  return user === undefined ? undefined : { identity, user }
}

/**
 * Gives an identity that waits for its first sign-in the subject that came with the address.
 * @returns the person; undefined when nobody waits under that address
 */
export async function claimIdentity(
  tx: Tx,
  issuer: IssuerKey,
  email: string,
  subject: string,
): Promise<UserRow | undefined> {
  const claimed = await tx
    .updateTable('identities')
    .set({ subject })
    .where('tenant_id', '=', issuer.tenantId)
    .where('connector_id', '=', issuer.id)
    .where('issuer', '=', issuer.address)
    .where('email', '=', email)
    .where('subject', 'is', null)
    .returning('user_id')
    .executeTakeFirst()
  return claimed === undefined ? undefined : readAny(tx, issuer.tenantId, claimed.user_id)
}

/** Gives a person another role. */
export async function updateUserRole(tx: Tx, tenantId: string, userId: string, role: string): Promise<void> {
  await tx.updateTable('users').set({ role }).where('tenant_id', '=', tenantId).where('id', '=', userId).execute()
}

function readAny(db: Db, tenantId: string, id: string): Promise<UserRow | undefined> {
  return db.selectFrom('users').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id).executeTakeFirst()
}

async function readEnabled(db: Db, tenantId: string, id: string): Promise<UserRow | undefined> {
  const user = await readAny(db, tenantId, id)
  return user === undefined || user.disabled_at !== null ? undefined : user
}
