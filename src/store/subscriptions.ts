import type { Db, Tx } from './db.ts'
import type { SubscriptionRow } from './schema-notify.ts'

export async function insertSubscription(tx: Tx, row: SubscriptionRow): Promise<void> {
  await tx.insertInto('subscriptions').values(row).execute()
}

/** Reads a tenant's subscription; undefined when it has none with this id. */
export async function readSubscription(db: Db, tenantId: string, id: string): Promise<SubscriptionRow | undefined> {
  return db
    .selectFrom('subscriptions')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst()
}

/** The subscriptions of one owner that have not expired, oldest first. */
export async function listSubscriptions(
  db: Db,
  owner: { readonly tenantId: string; readonly id: string },
  now: string,
): Promise<SubscriptionRow[]> {
  return db
    .selectFrom('subscriptions')
    .selectAll()
    .where('tenant_id', '=', owner.tenantId)
    .where('owner_id', '=', owner.id)
    .where('expires_at', '>', now)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** How many subscriptions a tenant has, and how many of them are this owner's. */
export async function countSubscriptions(
  db: Db,
  owner: { readonly tenantId: string; readonly id: string },
): Promise<{ readonly tenant: number; readonly owner: number }> {
  const rows = await db
    .selectFrom('subscriptions')
    .select(['owner_id', (eb) => eb.fn.countAll<number>().as('held')])
    .where('tenant_id', '=', owner.tenantId)
    .groupBy('owner_id')
    .execute()
  const held = (row: { readonly held: number }): number => Number(row.held)
  return {
    tenant: rows.reduce((sum, row) => sum + held(row), 0),
    owner: rows.filter((row) => row.owner_id === owner.id).reduce((sum, row) => sum + held(row), 0),
  }
}

/** What of a subscription may change. */
export type SubscriptionChange = Partial<Pick<SubscriptionRow, 'notification_url' | 'expires_at' | 'reauthorize_at'>>

/** @returns false when there is none any more */
export async function updateSubscription(
  tx: Tx,
  key: { readonly tenantId: string; readonly id: string },
  change: SubscriptionChange,
): Promise<boolean> {
  const result = await tx
    .updateTable('subscriptions')
    .set(change)
    .where('tenant_id', '=', key.tenantId)
    .where('id', '=', key.id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** @returns false when there is none any more */
export async function deleteSubscription(
  tx: Tx,
  key: { readonly tenantId: string; readonly id: string },
): Promise<boolean> {
  const result = await tx
    .deleteFrom('subscriptions')
    .where('tenant_id', '=', key.tenantId)
    .where('id', '=', key.id)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

/**
 * Moves a subscription's place in the outbox on.
 * @returns false when another server did so meanwhile; what this transaction queued must then not commit
 */
export async function advanceSubscription(
  tx: Tx,
  key: { readonly tenantId: string; readonly id: string },
  from: number,
  to: number,
): Promise<boolean> {
  const result = await tx
    .updateTable('subscriptions')
    .set({ position: to })
    .where('tenant_id', '=', key.tenantId)
    .where('id', '=', key.id)
    .where('position', '=', from)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Subscriptions of every tenant whose time is over, or whose owner is to be reminded. */
export async function listTimedSubscriptions(db: Db, now: string): Promise<SubscriptionRow[]> {
  return db
    .selectFrom('subscriptions')
    .selectAll()
    .where((eb) => eb.or([eb('expires_at', '<=', now), eb('reauthorize_at', '<=', now)]))
    .execute()
}

/** Every subscription that is behind `until`, oldest first. */
export async function listSubscriptionsBehind(db: Db, until: number): Promise<SubscriptionRow[]> {
  return db
    .selectFrom('subscriptions')
    .selectAll()
    .where('position', '<', until)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** Those behind `until` that changes after `after` may concern, and those made since `createdSince` whatever changed. */
export async function listTouchedSubscriptions(
  db: Db,
  range: { readonly after: number; readonly until: number },
  createdSince: string,
): Promise<SubscriptionRow[]> {
  return db
    .selectFrom('subscriptions')
    .selectAll()
    .where('position', '<', range.until)
    .where((eb) =>
      eb.or([
        eb('created_at', '>=', createdSince),
        eb(
          eb.refTuple('tenant_id', 'watched'),
          'in',
          eb
            .selectFrom('outbox')
            .select(['outbox.tenant_id', 'outbox.resource'])
            .where('outbox.seq', '>', range.after)
            .where('outbox.seq', '<=', range.until)
            .$asTuple('tenant_id', 'resource'),
        ),
      ]),
    )
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}
