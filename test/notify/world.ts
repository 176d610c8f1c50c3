import type { Client, Cordon, Reply } from '../support/cordon.ts'
import type { Tenant } from '../support/given.ts'

/** An instant that lies so many minutes ahead. */
export function minutesAhead(minutes: number): string {
  return new Date(Date.now() + minutes * 60_000).toISOString()
}

/** A body that is accepted, with what a test changes of it. */
export function subscriptionBody(notificationUrl: string, changes: object = {}): object {
  return {
    changeType: 'created,updated',
    notificationUrl,
    resource: '/security/incidents',
    expirationDateTime: minutesAhead(60),
    clientState: 'secret of the receiver',
    ...changes,
  }
}

/** Subscribes, and fails the test when that does. */
export async function subscribe(client: Client, url: string, changes: object = {}): Promise<Reply['body']> {
  const reply = await client.post('/v1.0/subscriptions', subscriptionBody(url, changes))
  if (reply.status !== 201) throw new Error(`${reply.status} ${reply.text}`)
  return reply.body
}

/** Makes deliveries that wait for their next attempt due at once. */
export async function hurry(cordon: Cordon, tenant: Tenant): Promise<void> {
  await cordon.store.transaction(async (tx) => {
    await tx
      .updateTable('jobs')
      .set({ run_at: '2000-01-01T00:00:00.0000000Z' })
      .where('tenant_id', '=', tenant.id)
      .where('leased_until', 'is', null)
      .execute()
  })
}
