import type { Db, Tx } from './db.ts'
import type { PersonSettingsRow } from './schema-people.ts'

/** A person's settings; undefined when they never set any. */
export function readPersonSettings(db: Db, tenantId: string, userId: string): Promise<PersonSettingsRow | undefined> {
  const query = db.selectFrom('person_settings').selectAll().where('tenant_id', '=', tenantId)
  return query.where('user_id', '=', userId).executeTakeFirst()
}

/** Somebody who has settings, with what decides whether they may be told. */
export interface PersonToTell {
  readonly id: string
  readonly role: string
  readonly settings: string
}

/** The people of a tenant who have settings and are not disabled. */
export function listPeopleToTell(db: Db, tenantId: string): Promise<PersonToTell[]> {
  return db
    .selectFrom('person_settings')
    .innerJoin('users', (join) =>
      join.onRef('users.tenant_id', '=', 'person_settings.tenant_id').onRef('users.id', '=', 'person_settings.user_id'),
    )
    .select(['users.id', 'users.role', 'person_settings.settings'])
    .where('person_settings.tenant_id', '=', tenantId)
    .where('users.disabled_at', 'is', null)
    .orderBy('users.id')
    .execute()
}

/** Writes a person's settings, in place of those before. */
export async function writePersonSettings(tx: Tx, row: PersonSettingsRow): Promise<void> {
  const { settings, version, updated_at } = row
  await tx
    .insertInto('person_settings')
    .values(row)
    .onConflict((conflict) => conflict.columns(['tenant_id', 'user_id']).doUpdateSet({ settings, version, updated_at }))
    .execute()
}

/** Writes a setting of the tenant, in place of the one before. */
export async function writeSetting(tx: Tx, tenantId: string, key: string, value: string): Promise<void> {
  await tx
    .insertInto('settings')
    .values({ tenant_id: tenantId, key, value })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'key']).doUpdateSet({ value }))
    .execute()
}
