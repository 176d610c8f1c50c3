import { type Target, table } from './tables.ts'

/** Who is told of changes, and how far. */
export async function createNotificationTables(target: Target): Promise<void> {
  await table(target, 'subscriptions', {
    tenant_id: 'text',
    id: 'text',
    owner_id: 'text',
    owner_kind: 'text',
    resource: 'text',
    watched: 'text',
    object_id: 'text?',
    filter: 'text?',
    change_type: 'text',
    notification_url: 'text',
    lifecycle_url: 'text?',
    client_state: 'text?',
    tls_version: 'text',
    expires_at: 'text',
    reauthorize_at: 'text?',
    position: 'int',
    created_at: 'text',
  })
    .addPrimaryKeyConstraint('subscriptions_pk', ['tenant_id', 'id'])
    .execute()
}
