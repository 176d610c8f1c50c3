import { type Db, holdRows, type Tx } from './db.ts'
import type { UserRow } from './schema.ts'
import type { PasskeyChallengeRow, PasskeyRow } from './schema-sign-in.ts'

/** Keeps a question until it is answered, and clears away those that have ended. */
export async function insertChallenge(tx: Tx, row: PasskeyChallengeRow, now: string): Promise<void> {
  await tx.deleteFrom('passkey_challenges').where('expires_at', '<=', now).execute()
  await tx.insertInto('passkey_challenges').values(row).execute()
}

/** Uses a question up, whatever its answer is worth. @returns undefined when it is unknown, used or over */
export async function takeChallenge(
  tx: Tx,
  challengeHash: string,
  now: string,
): Promise<PasskeyChallengeRow | undefined> {
  const row = await tx
    .deleteFrom('passkey_challenges')
    .where('challenge_hash', '=', challengeHash)
    .returningAll()
    .executeTakeFirst()
  return row === undefined || row.expires_at <= now ? undefined : row
}

/** @throws a duplicate-key error when the authenticator has that one with somebody already */
export async function insertPasskey(tx: Tx, row: PasskeyRow): Promise<void> {
  await tx.insertInto('passkeys').values(row).execute()
}

/** A passkey by the name its authenticator gave it, in whatever tenant. */
export async function findPasskey(db: Db, credentialId: string): Promise<PasskeyRow | undefined> {
  return db.selectFrom('passkeys').selectAll().where('credential_id', '=', credentialId).executeTakeFirst()
}

/** A person's passkeys, oldest first. */
export async function listPasskeys(db: Db, tenantId: string, userId: string): Promise<PasskeyRow[]> {
  return db
    .selectFrom('passkeys')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('user_id', '=', userId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** What a use of a passkey tells about it. */
export type PasskeyUse = Pick<PasskeyRow, 'counter' | 'backed_up' | 'last_used_at'>

/**
 * Notes a use. An authenticator that counts must have counted on since the last one.
 * @returns false when it has not, or the passkey is gone
 */
export async function notePasskeyUse(tx: Tx, { tenant_id, id }: PasskeyRow, use: PasskeyUse): Promise<boolean> {
  const result = await tx
    .updateTable('passkeys')
    .set(use)
    .where('tenant_id', '=', tenant_id)
    .where('id', '=', id)
    .where('counter', use.counter === 0 ? '=' : '<', use.counter)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** @returns the passkey with its new name; undefined when the person has no such one */
export async function renamePasskeyRow(
  tx: Tx,
  owner: Pick<UserRow, 'tenant_id' | 'id'>,
  id: string,
  name: string,
): Promise<PasskeyRow | undefined> {
  return tx
    .updateTable('passkeys')
    .set({ name })
    .where('tenant_id', '=', owner.tenant_id)
    .where('user_id', '=', owner.id)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst()
}

/** @returns how many there were */
export async function deletePasskeys(
  tx: Tx,
  owner: Pick<UserRow, 'tenant_id' | 'id'>,
  ids: readonly string[],
): Promise<number> {
  if (ids.length === 0) return 0
  const result = await tx
    .deleteFrom('passkeys')
    .where('tenant_id', '=', owner.tenant_id)
    .where('user_id', '=', owner.id)
    .where('id', 'in', ids)
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** A person, held until the transaction ends: what they sign in with is changed by one at a time. */
export async function readUserForUpdate(tx: Tx, tenantId: string, id: string): Promise<UserRow | undefined> {
  const query = tx.selectFrom('users').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id)
  return holdRows(tx, query).executeTakeFirst()
}

/** At which outside issuers a person is known: id of the connector and address of the issuer. */
export async function listIdentitiesOf(
  db: Db,
  tenantId: string,
  userId: string,
): Promise<{ readonly connector_id: string; readonly issuer: string }[]> {
  return db
    .selectFrom('identities')
    .select(['connector_id', 'issuer'])
    .where('tenant_id', '=', tenantId)
    .where('user_id', '=', userId)
    .execute()
}
