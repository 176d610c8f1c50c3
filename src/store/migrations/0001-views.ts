import { index, type Target, table } from './tables.ts'

/** Filters of lists that people keep under a name. */
export async function createViewTable(target: Target): Promise<void> {
  await table(target, 'saved_views', {
    tenant_id: 'text',
    id: 'text',
    owner_id: 'text',
    owner_name: 'text',
    shared: 'int',
    screen: 'text',
    name: 'text',
    query: 'text',
    default_for: 'text',
    created_at: 'text',
    updated_at: 'text',
  })
    .addPrimaryKeyConstraint('saved_views_pk', ['tenant_id', 'id'])
    .execute()
  await index(target, 'saved_views', ['tenant_id', 'owner_id'])
}
