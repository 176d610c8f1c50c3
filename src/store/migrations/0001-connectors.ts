import { index, type Target, table } from './tables.ts'

/** Configured connectors and their secrets, which lie here sealed. */
export async function createConnectorTables(target: Target): Promise<void> {
  await table(target, 'connectors', {
    tenant_id: 'text',
    id: 'text',
    kind: 'text',
    name: 'text',
    settings: 'text',
    address: 'text',
    version: 'int',
    created_at: 'text',
    updated_at: 'text',
  })
    .addPrimaryKeyConstraint('connectors_pk', ['tenant_id', 'id'])
    .addUniqueConstraint('connectors_name', ['tenant_id', 'name'])
    .execute()
  await table(target, 'connector_secrets', {
    tenant_id: 'text',
    connector_id: 'text',
    name: 'text',
    key_id: 'text',
    sealed: 'text',
    set_at: 'text',
  })
    .addPrimaryKeyConstraint('connector_secrets_pk', ['tenant_id', 'connector_id', 'name'])
    .execute()
  await index(target, 'connector_secrets', ['key_id'])
  await table(target, 'connector_journal', {
    tenant_id: 'text',
    execution_id: 'text',
    found: 'text',
    at: 'text',
  })
    .addPrimaryKeyConstraint('connector_journal_pk', ['tenant_id', 'execution_id'])
    .execute()
}
