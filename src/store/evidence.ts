import type { Db } from './db.ts'

/** True when any alert of the tenant named this thing as evidence. */
export async function isKnownEntity(db: Db, tenantId: string, kind: string, value: string): Promise<boolean> {
  const row = await db
    .selectFrom('entities')
    .select('value')
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', kind)
    .where('value', '=', value.toLowerCase())
    .executeTakeFirst()
  return row !== undefined
}
