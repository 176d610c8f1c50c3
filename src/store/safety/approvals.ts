import type { SelectQueryBuilder } from 'kysely'
import type { ApprovalFacts, ApprovalState, Seen, Vote } from '../../model/safety/approval.ts'
import { type Db, holdRows, type Tx } from '../db.ts'
import type { Requester } from '../executions.ts'
import type { Schema } from '../schema.ts'
import type { ApprovalRow, ApprovalVoteRow } from '../schema-respond.ts'

/** An approval as stored. */
export interface Approval extends ApprovalFacts {
  readonly tenantId: string
  readonly id: string
  readonly executionId: string
  readonly taskId: string
  readonly seen: Seen
  readonly requestedByName: string
  readonly requestedAt: string
  readonly decidedAt: string | null
}

/** A vote as stored. */
export interface StoredVote extends Vote {
  readonly personKind: Requester['kind']
  readonly comment: string | null
  readonly at: string
}

/** Writes a new approval. */
export async function insertApproval(tx: Tx, approval: Approval): Promise<void> {
  await tx
    .insertInto('approvals')
    .values({
      tenant_id: approval.tenantId,
      id: approval.id,
      execution_id: approval.executionId,
      task_id: approval.taskId,
      state: approval.state,
      required: approval.required,
      digest: approval.digest,
      seen: JSON.stringify(approval.seen),
      requested_by: approval.requestedBy,
      requested_by_name: approval.requestedByName,
      proposed_by: approval.proposedBy,
      requested_at: approval.requestedAt,
      expires_at: approval.expiresAt,
      decided_at: approval.decidedAt,
    })
    .execute()
}

/** Ends an approval read in this transaction. */
export async function closeApproval(tx: Tx, approval: Approval, state: ApprovalState, at: string): Promise<void> {
  await tx
    .updateTable('approvals')
    .set({ state, decided_at: at })
    .where('tenant_id', '=', approval.tenantId)
    .where('id', '=', approval.id)
    .execute()
}

/** One approval of a tenant. */
export async function readApproval(db: Db, tenantId: string, id: string): Promise<Approval | null> {
  const query = db.selectFrom('approvals').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id)
  return toApproval(await query.executeTakeFirst())
}

/** The approval an execution waits or waited for. */
export async function readApprovalOf(db: Db, tenantId: string, executionId: string): Promise<Approval | null> {
  return toApproval(await selectApprovalOf(db, tenantId, executionId).executeTakeFirst())
}

/** As {@link readApprovalOf}, holding the row until the transaction ends. */
export async function readApprovalOfForUpdate(tx: Tx, tenantId: string, executionId: string): Promise<Approval | null> {
  return toApproval(await holdRows(tx, selectApprovalOf(tx, tenantId, executionId)).executeTakeFirst())
}

function selectApprovalOf(
  db: Db,
  tenantId: string,
  executionId: string,
): SelectQueryBuilder<Schema, 'approvals', ApprovalRow> {
  return db
    .selectFrom('approvals')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('execution_id', '=', executionId)
}

/** The approvals of a tenant in one state, or in every one; newest first. */
export async function listApprovals(
  db: Db,
  tenantId: string,
  state: ApprovalState | null,
  limit: number,
): Promise<Approval[]> {
  const all = db.selectFrom('approvals').selectAll().where('tenant_id', '=', tenantId)
  const rows = await (state === null ? all : all.where('state', '=', state))
    .orderBy('requested_at', 'desc')
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.flatMap((row) => toApproval(row) ?? [])
}

/** The votes of these approvals, oldest first. */
export async function readVotes(
  db: Db,
  tenantId: string,
  approvalIds: readonly string[],
): Promise<ReadonlyMap<string, readonly StoredVote[]>> {
  const votes = new Map<string, StoredVote[]>(approvalIds.map((id) => [id, []]))
  if (approvalIds.length === 0) return votes
  const rows = await db
    .selectFrom('approval_votes')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('approval_id', 'in', approvalIds)
    .orderBy('at')
    .orderBy('person_id')
    .execute()
  for (const row of rows) votes.get(row.approval_id)?.push(toVote(row))
  return votes
}

/** Writes what a person decided; the last word counts. */
export async function writeVote(tx: Tx, approval: Approval, vote: StoredVote): Promise<void> {
  const values = {
    person_name: vote.personName,
    person_kind: vote.personKind,
    decision: vote.decision,
    comment: vote.comment,
    at: vote.at,
  }
  await tx
    .insertInto('approval_votes')
    .values({ tenant_id: approval.tenantId, approval_id: approval.id, person_id: vote.personId, ...values })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'approval_id', 'person_id']).doUpdateSet(values))
    .execute()
}

function toApproval(row: ApprovalRow | undefined): Approval | null {
  if (row === undefined) return null
  return {
    tenantId: row.tenant_id,
    id: row.id,
    executionId: row.execution_id,
    taskId: row.task_id,
    state: row.state as ApprovalState,
    required: row.required,
    digest: row.digest,
    seen: JSON.parse(row.seen),
    requestedBy: row.requested_by,
    requestedByName: row.requested_by_name,
    proposedBy: row.proposed_by,
    requestedAt: row.requested_at,
    expiresAt: row.expires_at,
    decidedAt: row.decided_at,
  }
}

function toVote(row: ApprovalVoteRow): StoredVote {
  return {
    personId: row.person_id,
    personName: row.person_name,
    personKind: row.person_kind as StoredVote['personKind'],
    decision: row.decision === 'reject' ? 'reject' : 'approve',
    comment: row.comment,
    at: row.at,
  }
}
