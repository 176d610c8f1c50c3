import { sql } from 'kysely'
import { index, keyed, type Target, table } from './tables.ts'

/** What becomes of a task's response action: executions, answers to be repeated, the safety policy and approvals. */
export async function createResponseTables(target: Target): Promise<void> {
  await createExecutions(target)
  await keyed(target, 'task_targets', {
    tenant_id: 'text',
    kind: 'text',
    value: 'text',
    task_id: 'text',
    named_at: 'text',
  })
    .addPrimaryKeyConstraint('task_targets_pk', ['tenant_id', 'kind', 'value', 'task_id'])
    .execute()
  await index(target, 'task_targets', ['tenant_id', 'kind', 'value', 'named_at'])
  await index(target, 'task_targets', ['tenant_id', 'task_id'])
  await table(target, 'answers', {
    tenant_id: 'text',
    caller: 'text',
    client_request_id: 'text',
    task_id: 'text',
    status: 'int',
    body: 'text?',
    created_at: 'text',
    expires_at: 'text',
  })
    .addPrimaryKeyConstraint('answers_pk', ['tenant_id', 'caller', 'client_request_id'])
    .execute()
  await table(target, 'policies', {
    tenant_id: 'text',
    version: 'int',
    paused: 'int',
    doc: 'text',
    updated_at: 'text',
    updated_by: 'text',
  })
    .addPrimaryKeyConstraint('policies_pk', ['tenant_id'])
    .execute()
  await createApprovals(target)
}

async function createExecutions(target: Target): Promise<void> {
  await table(target, 'executions', {
    tenant_id: 'text',
    id: 'text',
    task_id: 'text',
    kind: 'text',
    undoes: 'text?',
    supersedes: 'text?',
    action_type: 'text',
    state: 'text',
    live: 'int',
    holds: 'int',
    reason_code: 'text?',
    reason: 'text?',
    requested_by: 'text',
    requested_by_name: 'text',
    requested_by_kind: 'text',
    client_request_id: 'text?',
    connector: 'text?',
    target: 'text',
    target_key: 'text',
    family: 'text',
    parameters: 'text',
    handle: 'text?',
    result: 'text?',
    epoch: 'int',
    policy_version: 'int',
    requested_at: 'text',
    queued_at: 'text?',
    not_after: 'text',
    started_at: 'text?',
    finished_at: 'text?',
    updated_at: 'text',
  })
    .addPrimaryKeyConstraint('executions_pk', ['tenant_id', 'id'])
    .execute()
  await index(target, 'executions', ['tenant_id', 'task_id', 'requested_at'])
  await index(target, 'executions', ['tenant_id', 'requested_at', 'id'])
  await index(target, 'executions', ['tenant_id', 'target_key', 'family', 'requested_at'])
  await index(target, 'executions', ['tenant_id', 'action_type', 'requested_at'])
  // At most one live execution per task, whatever races: the store itself refuses the second.
  await target.db.schema
    .createIndex('executions_one_live_per_task')
    .unique()
    .on('executions')
    .columns(['tenant_id', 'task_id'])
    .where(sql.ref('live'), '=', sql.lit(1))
    .execute()
  await target.db.schema
    .createIndex('executions_that_hold')
    .on('executions')
    .columns(['tenant_id', 'target_key'])
    .where(sql.ref('holds'), '=', sql.lit(1))
    .execute()
}

async function createApprovals(target: Target): Promise<void> {
  await table(target, 'approvals', {
    tenant_id: 'text',
    id: 'text',
    execution_id: 'text',
    task_id: 'text',
    state: 'text',
    required: 'int',
    digest: 'text',
    seen: 'text',
    requested_by: 'text',
    requested_by_name: 'text',
    proposed_by: 'text?',
    requested_at: 'text',
    expires_at: 'text',
    decided_at: 'text?',
  })
    .addPrimaryKeyConstraint('approvals_pk', ['tenant_id', 'id'])
    .addUniqueConstraint('approvals_by_execution', ['tenant_id', 'execution_id'])
    .execute()
  await index(target, 'approvals', ['tenant_id', 'state', 'requested_at'])
  await table(target, 'approval_votes', {
    tenant_id: 'text',
    approval_id: 'text',
    person_id: 'text',
    person_name: 'text',
    person_kind: 'text',
    decision: 'text',
    comment: 'text?',
    at: 'text',
  })
    .addPrimaryKeyConstraint('approval_votes_pk', ['tenant_id', 'approval_id', 'person_id'])
    .execute()
}
