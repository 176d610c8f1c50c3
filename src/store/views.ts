import type { Db, Tx } from './db.ts'
import { holdRows } from './db.ts'
import type { SavedViewRow } from './schema-views.ts'

/** What somebody sees: their own views and the shared ones, by name. */
export async function listViews(db: Db, tenantId: string, ownerId: string): Promise<SavedViewRow[]> {
  return db
    .selectFrom('saved_views')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where((eb) => eb.or([eb('owner_id', '=', ownerId), eb('shared', '=', 1)]))
    .orderBy('name')
    .orderBy('id')
    .execute()
}

/** How many views somebody has made. */
export async function countViews(db: Db, tenantId: string, ownerId: string): Promise<number> {
  const row = await db
    .selectFrom('saved_views')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('tenant_id', '=', tenantId)
    .where('owner_id', '=', ownerId)
    .executeTakeFirst()
  return Number(row?.count ?? 0)
}

/** A view, held until the transaction ends; unknown to the tenant and absent are the same. */
export async function readViewForUpdate(tx: Tx, tenantId: string, id: string): Promise<SavedViewRow | undefined> {
  const query = tx.selectFrom('saved_views').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id)
  return holdRows(tx, query).executeTakeFirst()
}

export async function insertView(tx: Tx, row: SavedViewRow): Promise<void> {
  await tx.insertInto('saved_views').values(row).execute()
}

/** Writes everything but whose it is, what list it is for, and when it was made. */
export async function updateView(tx: Tx, row: SavedViewRow): Promise<void> {
  const { shared, name, query, default_for, updated_at } = row
  await tx
    .updateTable('saved_views')
    .set({ shared, name, query, default_for, updated_at })
    .where('tenant_id', '=', row.tenant_id)
    .where('id', '=', row.id)
    .execute()
}

export async function deleteView(tx: Tx, tenantId: string, id: string): Promise<void> {
  await tx.deleteFrom('saved_views').where('tenant_id', '=', tenantId).where('id', '=', id).execute()
}

/** The other views of a list that are somebody's beginning, held until the transaction ends. */
export async function listDefaultsForUpdate(tx: Tx, tenantId: string, screen: string): Promise<SavedViewRow[]> {
  const query = tx
    .selectFrom('saved_views')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('screen', '=', screen)
    .where('default_for', '<>', '')
    .orderBy('id')
  return holdRows(tx, query).execute()
}
