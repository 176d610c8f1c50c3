import type { Caller } from '../../../access/authorize.ts'
import { CordonError } from '../../../model/errors.ts'
import { type ApprovalState, approvalStates } from '../../../model/safety/approval.ts'
import { nullable, object, text } from '../../../model/safety/fields.ts'
import { type ApproveDeps, type Ballot, castVote } from '../../../respond/safety/approvals.ts'
import { readApprovers } from '../../../respond/safety/approvers.ts'
import { countAgreed } from '../../../respond/safety/clearance.ts'
import {
  type Approval,
  listApprovals,
  readApproval,
  readVotes,
  type StoredVote,
} from '../../../store/safety/approvals.ts'
import type { AuthorizedCall, AuthorizedHandler } from '../../route.ts'
import { readFields } from '../read-fields.ts'
import { type MayApproveDeps, showApprovers } from './may-approve.ts'

const maxListed = 200

/** GET /api/v1/approvals: what waits for approval, newest first; `?state=` takes another state, or `all`. */
export function listPendingApprovals(deps: MayApproveDeps): AuthorizedHandler {
  return async (call) => {
    const state = readState(call.rawQuery)
    const approvals = await listApprovals(deps.store.read, call.caller.tenantId, state, maxListed)
    return { status: 200, body: JSON.stringify({ value: await showAll(deps, call.caller, approvals) }) }
  }
}

/** GET /api/v1/approvals/{id}: one approval, with the digest that binds whoever approves it to what they saw. */
export function getApproval(deps: MayApproveDeps): AuthorizedHandler {
  return async (call) => {
    const [shown] = await showAll(deps, call.caller, [await findApproval(deps, call)])
    return { status: 200, body: JSON.stringify(shown) }
  }
}

async function findApproval(deps: Pick<MayApproveDeps, 'store'>, call: AuthorizedCall): Promise<Approval> {
  const id = call.params.id ?? ''
  const approval = await readApproval(deps.store.read, call.caller.tenantId, id)
  if (approval) return approval
  throw new CordonError('NotFound', `There is no approval ${id.slice(0, 100)}.`)
}

const ballot = object<Omit<Ballot, 'decision'>>({
  digest: { read: nullable(text(71, /^sha256:[0-9a-f]{64}$/, 'sha256: and 64 hexadecimal digits')), absent: null },
  comment: { read: nullable(text(500)), absent: null },
})

/** POST /api/v1/approvals/{id}/approve and /reject: one person's decision about exactly what the digest names. */
export function decideApproval(deps: ApproveDeps & MayApproveDeps, decision: Ballot['decision']): AuthorizedHandler {
  return async (call) => {
    const { id } = await findApproval(deps, call)
    await castVote(deps, call.caller, id, { decision, ...readFields(ballot, call.body ?? {}) })
    const [shown] = await showAll(deps, call.caller, [await findApproval(deps, call)])
    return { status: 200, body: JSON.stringify(shown) }
  }
}

function readState(rawQuery: string): ApprovalState | null {
  const wanted = new URLSearchParams(rawQuery).get('state') ?? 'pending'
  if (wanted === 'all') return null
  const state = approvalStates.find((candidate) => candidate === wanted)
  if (state !== undefined) return state
  throw new CordonError('BadRequest', `state must be all or one of ${approvalStates.join(', ')}.`, { target: 'state' })
}

async function showAll(deps: MayApproveDeps, caller: Caller, approvals: readonly Approval[]): Promise<object[]> {
  const db = deps.store.read
  const ids = approvals.map(({ id }) => id)
  const [votes, approvers] = await Promise.all([
    readVotes(db, caller.tenantId, ids),
    readApprovers(deps, caller, approvals),
  ])
  return Promise.all(
    approvals.map(async (approval) => {
      const who = approvers.get(approval.id)
      return {
        ...show(approval, votes.get(approval.id) ?? []),
        agreed: await countAgreed(db, approval),
        mayApprove: who === undefined ? null : await showApprovers(deps, caller, who),
      }
    }),
  )
}

function show(approval: Approval, votes: readonly StoredVote[]): object {
  const { id, executionId, taskId, state, required, digest, seen, requestedAt, expiresAt, decidedAt } = approval
  return {
    id,
    executionId,
    taskId,
    state,
    required,
    digest,
    seen,
    requestedBy: { id: approval.requestedBy, name: approval.requestedByName },
    proposedBy: approval.proposedBy === null ? null : { id: approval.proposedBy },
    votes: votes.map(({ personId, personName, decision, comment, at }) => ({
      by: { id: personId, name: personName },
      decision,
      comment,
      at,
    })),
    requestedAt,
    expiresAt,
    decidedAt,
  }
}
