import { hash } from 'node:crypto'
import type { Notice } from '../model/notices/notice.ts'
import { type Db, noteJobs, type Store, type Tx } from './db.ts'
import { insertJob, type NewJob } from './jobs.ts'
import type { DeliveryRow } from './schema-people.ts'

/** The job that tells people what happened; it goes with the transaction of the change, so that neither is without the other. */
export function noticeJob(id: string, notice: Notice): NewJob {
  return { id, kind: 'tell-people', payload: { notice } }
}

/** An id that whoever asks for the same thing gets again. */
export function deriveId(...parts: readonly (string | number)[]): string {
  const digest = hash('sha256', JSON.stringify(parts), 'hex')
  const cut = [0, 8, 12, 16, 20, 32]
  return cut
    .slice(1)
    .map((end, index) => digest.slice(cut[index], end))
    .join('-')
}

/** A message that is to be handed over. */
export interface NewDelivery
  extends Pick<DeliveryRow, 'id' | 'connector_id' | 'recipient' | 'event' | 'incident_id' | 'message'> {
  /** Earliest start, 7-digit instant. */
  readonly runAt: string
}

/** Queues a message with the job that carries it; one that was queued before stays as it is. */
export async function queueDelivery(tx: Tx, tenantId: string, now: string, delivery: NewDelivery): Promise<void> {
  const { runAt, ...columns } = delivery
  const result = await tx
    .insertInto('deliveries')
    .values({
      tenant_id: tenantId,
      ...columns,
      state: 'waiting',
      attempts: 0,
      last_error: null,
      created_at: now,
      finished_at: null,
    })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'id']).doNothing())
    .executeTakeFirst()
  if ((result.numInsertedOrUpdatedRows ?? 0n) === 0n) return
  const payload = { deliveryId: delivery.id, since: runAt }
  await insertJob(tx, tenantId, now, { id: delivery.id, kind: 'deliver-message', payload, runAt })
  noteJobs(tx)
}

/** One message; undefined when the tenant has none with this id. */
export function readDelivery(db: Db, tenantId: string, id: string): Promise<DeliveryRow | undefined> {
  const query = db.selectFrom('deliveries').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id)
  return query.executeTakeFirst()
}

/** A tenant's newest messages. */
export function listDeliveries(db: Db, tenantId: string, limit: number): Promise<DeliveryRow[]> {
  return db
    .selectFrom('deliveries')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(limit)
    .execute()
}

/** How many messages one receiver was to get through a channel since then. */
export async function countDeliveriesSince(
  db: Db,
  {
    tenantId,
    connectorId,
    recipient,
  }: { readonly tenantId: string; readonly connectorId: string; readonly recipient: string },
  since: string,
): Promise<number> {
  const row = await db
    .selectFrom('deliveries')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('tenant_id', '=', tenantId)
    .where('connector_id', '=', connectorId)
    .where('recipient', '=', recipient)
    .where('created_at', '>', since)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** Writes down what became of an attempt. */
export async function noteAttempt(
  tx: Tx,
  { tenant_id, id }: Pick<DeliveryRow, 'tenant_id' | 'id'>,
  change: Pick<DeliveryRow, 'state' | 'attempts' | 'last_error' | 'finished_at'>,
): Promise<void> {
  await tx.updateTable('deliveries').set(change).where('tenant_id', '=', tenant_id).where('id', '=', id).execute()
}

/** Removes messages of before an instant. @returns how many */
export async function removeDeliveriesBefore(store: Store, before: string): Promise<number> {
  const result = await store.transaction((tx) =>
    tx.deleteFrom('deliveries').where('created_at', '<', before).where('state', '!=', 'waiting').executeTakeFirst(),
  )
  return Number(result.numDeletedRows)
}
