import { index, type Target, table } from './tables.ts'

/** Messages to people, who has seen what, and what happens when nobody has. */
export async function createPeopleTables(target: Target): Promise<void> {
  await table(target, 'deliveries', {
    tenant_id: 'text',
    id: 'text',
    connector_id: 'text',
    recipient: 'text',
    event: 'text',
    incident_id: 'int',
    message: 'text',
    state: 'text',
    attempts: 'int',
    last_error: 'text?',
    created_at: 'text',
    finished_at: 'text?',
  })
    .addPrimaryKeyConstraint('deliveries_pk', ['tenant_id', 'id'])
    .execute()
  await index(target, 'deliveries', ['tenant_id', 'connector_id', 'recipient', 'created_at'])
  await index(target, 'deliveries', ['tenant_id', 'created_at'])
  await table(target, 'person_settings', {
    tenant_id: 'text',
    user_id: 'text',
    settings: 'text',
    version: 'int',
    updated_at: 'text',
  })
    .addPrimaryKeyConstraint('person_settings_pk', ['tenant_id', 'user_id'])
    .execute()
  const who = { tenant_id: 'text', incident_id: 'int', user_id: 'text', user_name: 'text', at: 'text' } as const
  await table(target, 'incident_sights', who)
    .addPrimaryKeyConstraint('incident_sights_pk', ['tenant_id', 'incident_id', 'user_id'])
    .execute()
  await table(target, 'acknowledgements', who)
    .addPrimaryKeyConstraint('acknowledgements_pk', ['tenant_id', 'incident_id'])
    .execute()
  await table(target, 'escalations', {
    tenant_id: 'text',
    incident_id: 'int',
    notice_id: 'text',
    notice: 'text',
    started_at: 'text',
    step: 'int',
    next_at: 'text?',
    state: 'text',
  })
    .addPrimaryKeyConstraint('escalations_pk', ['tenant_id', 'incident_id'])
    .execute()
}
