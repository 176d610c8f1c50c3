import type { Kysely } from 'kysely'
import type { Dialect } from '../db.ts'
import { createAuditTables } from './0001-audit.ts'
import { createConnectorTables } from './0001-connectors.ts'
import { createCounts } from './0001-counts.ts'
import { createListIndexes } from './0001-lists.ts'
import { createNotificationTables } from './0001-notifications.ts'
import { createPeopleTables } from './0001-people.ts'
import { createResponseTables } from './0001-respond.ts'
import { createSignInTables } from './0001-sign-in.ts'
import { createViewTable } from './0001-views.ts'
import { index, keyed, sequenced, type Target, table } from './tables.ts'

/** The first schema: tenants and access, incidents and alerts with their correlation, tasks and executions, agents, jobs, audit. */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const schema: Target = { db, dialect }
  await createAccessTables(schema)
  await createSignInTables(schema)
  await createViewTable(schema)
  await createIncidentTables(schema)
  await createCorrelationTables(schema)
  await createTaskTable(schema)
  await createResponseTables(schema)
  await createAgentTables(schema)
  await createConnectorTables(schema)
  await createRecordTables(schema)
  await createNotificationTables(schema)
  await createPeopleTables(schema)
  await createCounts(schema)
  await createListIndexes(schema)
}

async function createAccessTables(target: Target): Promise<void> {
  await table(target, 'tenants', {
    id: 'text',
    name: 'text',
    domain: 'text?',
    code: 'text',
    mark: 'int',
    created_at: 'text',
  })
    .addPrimaryKeyConstraint('tenants_pk', ['id'])
    .addUniqueConstraint('tenants_domain', ['domain'])
    .addUniqueConstraint('tenants_code', ['code'])
    .execute()
  await table(target, 'applications', {
    tenant_id: 'text',
    id: 'text',
    name: 'text',
    secret_hash: 'text',
    role: 'text',
    created_at: 'text',
    revoked_at: 'text?',
  })
    .addPrimaryKeyConstraint('applications_pk', ['id'])
    .execute()
  await table(target, 'users', {
    tenant_id: 'text',
    id: 'text',
    name: 'text',
    role: 'text',
    created_at: 'text',
    disabled_at: 'text?',
  })
    .addPrimaryKeyConstraint('users_pk', ['id'])
    .execute()
  await table(target, 'sign_in_links', {
    tenant_id: 'text',
    token_hash: 'text',
    user_id: 'text',
    expires_at: 'text',
    used_at: 'text?',
  })
    .addPrimaryKeyConstraint('sign_in_links_pk', ['token_hash'])
    .execute()
  await table(target, 'sessions', {
    tenant_id: 'text',
    token_hash: 'text',
    user_id: 'text',
    csrf_hash: 'text',
    created_at: 'text',
    expires_at: 'text',
    parent_hash: 'text?',
  })
    .addPrimaryKeyConstraint('sessions_pk', ['token_hash'])
    .execute()
  await table(target, 'settings', { tenant_id: 'text', key: 'text', value: 'text' })
    .addPrimaryKeyConstraint('settings_pk', ['tenant_id', 'key'])
    .execute()
  await table(target, 'counters', { name: 'text', value: 'int' })
    .addPrimaryKeyConstraint('counters_pk', ['name'])
    .execute()
}

async function createIncidentTables(target: Target): Promise<void> {
  await table(target, 'incidents', {
    tenant_id: 'text',
    id: 'int',
    status: 'int',
    severity: 'int',
    classification: 'int?',
    determination: 'int?',
    assigned_to: 'text?',
    display_name: 'text?',
    tags: 'text?',
    created_at: 'text',
    updated_at: 'text',
    priority_score: 'int?',
    redirect_incident_id: 'int?',
    first_activity_at: 'text?',
    last_activity_at: 'text?',
    alert_count: 'int',
    person_set: 'text',
    handed_over_from: 'text?',
    hidden: 'int',
    version: 'int',
    doc: 'text',
  })
    .addPrimaryKeyConstraint('incidents_pk', ['tenant_id', 'id'])
    .execute()

  await table(target, 'alerts', {
    tenant_id: 'text',
    id: 'text',
    incident_id: 'int',
    source: 'text',
    provider_alert_id: 'text',
    status: 'int',
    severity: 'int',
    classification: 'int?',
    determination: 'int?',
    service_source: 'int',
    detection_source: 'int?',
    category: 'text?',
    title: 'text?',
    assigned_to: 'text?',
    created_at: 'text',
    updated_at: 'text',
    first_activity_at: 'text?',
    last_activity_at: 'text?',
    hidden: 'int',
    version: 'int',
    doc: 'text',
  })
    .addPrimaryKeyConstraint('alerts_pk', ['tenant_id', 'id'])
    .execute()
}

/** What correlation knows of alerts, entities and incidents. */
async function createCorrelationTables(target: Target): Promise<void> {
  await keyed(target, 'alert_entities', { tenant_id: 'text', alert_id: 'text', kind: 'text', value: 'text' })
    .addPrimaryKeyConstraint('alert_entities_pk', ['tenant_id', 'kind', 'value', 'alert_id'])
    .execute()
  await table(target, 'entities', {
    tenant_id: 'text',
    kind: 'text',
    value: 'text',
    alert_count: 'int',
    first_seen_at: 'text',
    last_seen_at: 'text',
    partners: 'text',
  })
    .addPrimaryKeyConstraint('entities_pk', ['tenant_id', 'kind', 'value'])
    .execute()
  await table(target, 'sightings', {
    tenant_id: 'text',
    kind: 'text',
    value: 'text',
    opened_by: 'text',
    incident_id: 'int',
    first_at: 'text',
    last_at: 'text',
    alert_count: 'int',
  })
    .addPrimaryKeyConstraint('sightings_pk', ['tenant_id', 'kind', 'value', 'opened_by'])
    .execute()
  await index(target, 'sightings', ['tenant_id', 'kind', 'value', 'last_at'])
  await index(target, 'sightings', ['tenant_id', 'incident_id'])
  await table(target, 'alert_series', {
    tenant_id: 'text',
    rule: 'text',
    kind: 'text',
    value: 'text',
    alert_count: 'int',
    last_at: 'text',
    incident_id: 'int',
    recurring_incident_id: 'int?',
    hours: 'text',
  })
    .addPrimaryKeyConstraint('alert_series_pk', ['tenant_id', 'rule', 'kind', 'value'])
    .execute()
  await table(target, 'incident_summaries', { tenant_id: 'text', incident_id: 'int', summary: 'text' })
    .addPrimaryKeyConstraint('incident_summaries_pk', ['tenant_id', 'incident_id'])
    .execute()
  await table(target, 'alert_joins', {
    tenant_id: 'text',
    alert_id: 'text',
    incident_id: 'int',
    rule: 'text',
    reason: 'text',
    joined_at: 'text',
  })
    .addPrimaryKeyConstraint('alert_joins_pk', ['tenant_id', 'alert_id'])
    .execute()
  await table(target, 'incident_merges', {
    tenant_id: 'text',
    incident_id: 'int',
    into_incident_id: 'int',
    rule: 'text',
    reason: 'text',
    merged_at: 'text',
  })
    .addPrimaryKeyConstraint('incident_merges_pk', ['tenant_id', 'incident_id'])
    .execute()
}

async function createTaskTable(target: Target): Promise<void> {
  await table(target, 'tasks', {
    tenant_id: 'text',
    id: 'text',
    incident_id: 'int',
    status: 'int',
    action_status: 'int',
    action_type: 'int',
    source: 'int',
    display_name: 'text',
    created_at: 'text',
    updated_at: 'text',
    proposed_by: 'text?',
    reopened: 'int',
    version: 'int',
    doc: 'text',
  })
    .addPrimaryKeyConstraint('tasks_pk', ['tenant_id', 'id'])
    .execute()
}

async function createAgentTables(target: Target): Promise<void> {
  await table(target, 'agents', {
    tenant_id: 'text',
    id: 'text',
    hostname: 'text',
    fqdn: 'text?',
    machine_id: 'text?',
    os: 'text?',
    agent_version: 'text?',
    public_key: 'text',
    key_since: 'text',
    key_ordered_at: 'text?',
    token_hash: 'text',
    capabilities: 'text',
    facts: 'text',
    last_seq: 'int',
    command_seq: 'int',
    run_ids: 'text',
    cloned_at: 'text?',
    break_glass_serial: 'int',
    enrolled_at: 'text',
    last_seen_at: 'text?',
    approved_at: 'text?',
    revoked_at: 'text?',
  })
    .addPrimaryKeyConstraint('agents_pk', ['id'])
    .addUniqueConstraint('agents_token', ['token_hash'])
    .execute()
  await index(target, 'agents', ['tenant_id', 'hostname'])
  await table(target, 'enrolment_tokens', {
    tenant_id: 'text',
    token_hash: 'text',
    created_by: 'text',
    needs_approval: 'int',
    created_at: 'text',
    expires_at: 'text',
    used_at: 'text?',
    agent_id: 'text?',
  })
    .addPrimaryKeyConstraint('enrolment_tokens_pk', ['token_hash'])
    .execute()
  await table(target, 'commands', {
    tenant_id: 'text',
    id: 'text',
    agent_id: 'text',
    execution_id: 'text',
    task_id: 'text',
    action_type: 'text',
    family: 'text',
    seq: 'int',
    epoch: 'int',
    jws: 'text',
    state: 'text',
    hold: 'int',
    not_after: 'text',
    created_at: 'text',
    delivered_at: 'text?',
    acked_at: 'text?',
    finished_at: 'text?',
    result: 'text?',
  })
    .addPrimaryKeyConstraint('commands_pk', ['id'])
    .addUniqueConstraint('commands_by_agent_seq', ['agent_id', 'seq'])
    .execute()
  // With the order of the commands in it: else the planner takes that order from the key, and reads all a host was ever told.
  await index(target, 'commands', ['state', 'agent_id', 'seq'])
  await index(target, 'commands', ['execution_id', 'state'])
  await createRules(target)
}

async function createRules(target: Target): Promise<void> {
  await table(target, 'ioc_rules', {
    tenant_id: 'text',
    id: 'text',
    execution_id: 'text',
    rule: 'text',
    expires_at: 'text',
    withdrawn: 'int',
    spread_after: 'text?',
    created_at: 'text',
  })
    .addPrimaryKeyConstraint('ioc_rules_pk', ['tenant_id', 'id'])
    .execute()
  await index(target, 'ioc_rules', ['tenant_id', 'expires_at'])
}

async function createRecordTables(target: Target): Promise<void> {
  await table(target, 'jobs', {
    id: 'text',
    tenant_id: 'text',
    kind: 'text',
    payload: 'text',
    key: 'text?',
    run_at: 'text',
    attempts: 'int',
    epoch: 'int',
    leased_until: 'text?',
    rerun: 'int',
    last_error: 'text?',
    created_at: 'text',
  })
    .addPrimaryKeyConstraint('jobs_pk', ['id'])
    .addUniqueConstraint('jobs_key', ['key'])
    .execute()
  await index(target, 'jobs', ['run_at', 'id'])

  await createAuditTables(target)
  await sequenced(target, 'outbox', {
    tenant_id: 'text',
    at: 'text',
    change: 'text',
    resource: 'text',
    object_id: 'text',
  }).execute()
  await index(target, 'outbox', ['tenant_id', 'seq'])
  await index(target, 'outbox', ['tenant_id', 'resource', 'object_id', 'seq'])
}
