import { type Clock, type Ids, instantOf, msOf } from '../../io/clock.ts'
import type { JobHandler } from '../../jobs/worker.ts'
import { actionKinds } from '../../model/actions.ts'
import { CordonError, isRefusal, type Refusal, refuse } from '../../model/errors.ts'
import type { ApprovalState, VoteEffect } from '../../model/safety/approval.ts'
import { judgeVote } from '../../model/safety/approval.ts'
import { judgeSignIn } from '../../model/safety/fresh-sign-in.ts'
import type { Verdict } from '../../model/safety/verdict.ts'
import type { Tx } from '../../store/db.ts'
import { type Execution, readExecution } from '../../store/executions.ts'
import type { NewJob } from '../../store/jobs.ts'
import { type Actor, recordChange } from '../../store/record.ts'
import {
  type Approval,
  closeApproval,
  insertApproval,
  readApproval,
  readApprovalOfForUpdate,
  type StoredVote,
  writeVote,
} from '../../store/safety/approvals.ts'
import { readStoredPolicy } from '../../store/safety/policies.ts'
import { readTask } from '../../store/tasks.ts'
import { readExecutionId } from '../engine/payload.ts'
import { engineActor, type Held, holdExecution, recordStep, runJob, takePlace } from '../outcome.ts'
import { type RouteDeps, routeAction } from '../route.ts'
import { readCountingVotes } from './entitlement.ts'
import { describeSeen, digestSeen } from './seen.ts'

/** What approving needs. */
export interface ApproveDeps extends RouteDeps {
  readonly clock: Clock
  readonly ids: Ids
}

/**
 * Asks for the approval an execution waits for.
 * @returns the job that ends the waiting
 */
export async function askForApproval(
  deps: { readonly ids: Ids },
  tx: Tx,
  held: Held,
  verdict: Verdict,
  approvalHours: number,
): Promise<NewJob> {
  const { execution, task } = held
  const seen = describeSeen(task, execution, verdict)
  const expiresAt = instantOf(msOf(execution.requestedAt) + approvalHours * 3_600_000)
  await insertApproval(tx, {
    tenantId: execution.tenantId,
    id: deps.ids.guid(),
    executionId: execution.id,
    taskId: execution.taskId,
    state: 'pending',
    required: verdict.approvals,
    digest: digestSeen(seen),
    seen,
    requestedBy: execution.requestedBy.id,
    requestedByName: execution.requestedBy.name,
    proposedBy: task.proposedBy,
    requestedAt: execution.requestedAt,
    expiresAt,
    decidedAt: null,
  })
  return {
    id: deps.ids.guid(),
    kind: 'expire-approval',
    payload: { executionId: execution.id },
    runAt: instantOf(msOf(expiresAt) + 1),
  }
}

/** Ends the approval of an execution that ends while it waits for one; nothing where there is none. */
export async function closeApprovalOf(tx: Tx, execution: Execution, state: ApprovalState, now: string): Promise<void> {
  const approval = await readApprovalOfForUpdate(tx, execution.tenantId, execution.id)
  if (approval?.state === 'pending') await closeApproval(tx, approval, state, now)
}

/** What a person decides about an approval. */
export interface Ballot {
  readonly decision: 'approve' | 'reject'
  /** Of the approval as the person read it; null when they did not say. */
  readonly digest: string | null
  readonly comment: string | null
}

/**
 * Counts one person's decision. The last one needed puts the execution into the queue; a rejection ends it before any effect. When what
 * would be done is no longer what the approval shows, the approval is void and the execution ends.
 * @throws CordonError NotFound; StaleSignIn; Forbidden for the requester and the proposer; BadRequest without digest; Conflict when it is decided,
 *   expired, void, or shows something else than the person saw
 * @source design reliability 2.3, 2.6
 */
export async function castVote(
  deps: ApproveDeps,
  actor: Actor,
  approvalId: string,
  ballot: Ballot,
): Promise<VoteEffect> {
  const { tenantId } = actor
  const found = await readApproval(deps.store.read, tenantId, approvalId)
  if (!found) throw new CordonError('NotFound', `There is no approval ${approvalId.slice(0, 100)}.`)
  if (ballot.decision === 'approve') await requireFreshSignIn(deps, actor)
  // Asks outside systems, so it happens before the transaction.
  const moved = found.state === 'pending' ? await findMove(deps, found) : null
  const effect = await deps.store.transaction((tx) => vote(deps, tx, actor, found, ballot, moved))
  if (isRefusal(effect)) throw new CordonError(effect.refused, effect.reason)
  return effect
}

async function requireFreshSignIn(deps: ApproveDeps, actor: Actor): Promise<void> {
  const { policy } = await readStoredPolicy(deps.store.read, actor.tenantId)
  const stale = policy === null ? null : judgeSignIn(policy, actor.signedInAtMs, deps.clock.nowMs())
  if (stale !== null) throw new CordonError(stale.refused, stale.reason)
}

/** Where the action would go today, when that is somewhere else than the approval shows; null when nothing changed. */
async function findMove(deps: ApproveDeps, approval: Approval): Promise<string | null> {
  const { tenantId, taskId, executionId } = approval
  const [task, execution] = await Promise.all([
    readTask(deps.store.read, tenantId, taskId),
    readExecution(deps.store.read, tenantId, executionId),
  ])
  // An undo goes where its run went.
  if (!task || execution?.kind !== 'run') return null
  const routed = await routeAction(deps, tenantId, task.doc)
  if (isRefusal(routed)) return `The target cannot be reached any more: ${routed.reason}`
  const { key, displayName } = routed.target
  if (key !== execution.target.key) return `The target is another one now: '${displayName}'.`
  if (routed.connector !== execution.connector) return 'Another connector controls the target now.'
  const changed = Object.entries(routed.parameters).find(
    ([name, value]) => JSON.stringify(execution.parameters[name]) !== JSON.stringify(value),
  )
  return changed ? `The action has another ${changed[0]} now.` : null
}

async function vote(
  deps: ApproveDeps,
  tx: Tx,
  actor: Actor,
  found: Approval,
  ballot: Ballot,
  moved: string | null,
): Promise<VoteEffect | Refusal> {
  const held = await holdExecution(tx, found.tenantId, found.executionId)
  const approval = await readApprovalOfForUpdate(tx, found.tenantId, found.executionId)
  if (!held || !approval) return refuse('NotFound', `There is no approval ${found.id}.`)
  const now = deps.clock.now()
  if (approval.state === 'pending' && (moved !== null || !isAsShown(held, approval))) {
    return voidApproval(deps, tx, held, approval, moved ?? 'The action was changed.', now)
  }
  const votes = await readCountingVotes(tx, approval)
  const mine: StoredVote = {
    personId: actor.id,
    personName: actor.name,
    personKind: actor.kind,
    decision: ballot.decision,
    comment: ballot.comment,
    at: now,
  }
  const effect = judgeVote(approval, votes, mine, ballot.digest, now)
  if (isRefusal(effect) || effect === 'repeated') return effect
  await writeVote(tx, approval, mine)
  // The other effects move the execution, and are told of with it.
  const events =
    effect === 'counted' ? [{ change: 'updated', resource: 'execution', objectId: approval.executionId } as const] : []
  await recordChange(tx, { at: now, actor, audit: describeVote(approval, ballot, effect), events })
  if (effect === 'approved') await release(deps, tx, actor, held, approval, now)
  if (effect === 'rejected') await reject(deps, tx, actor, held, { approval, comment: ballot.comment }, now)
  return effect
}

/** True while the execution is what the approval shows, whoever wrote to the store. */
function isAsShown({ execution, task }: Held, approval: Approval): boolean {
  const { required: approvals, reasons } = approval.seen
  return digestSeen(describeSeen(task, execution, { approvals, reasons })) === approval.digest
}

function describeVote(
  approval: Approval,
  ballot: Ballot,
  effect: VoteEffect,
): { action: string; objectType: string; objectId: string; decision: 'allowed'; details: Record<string, unknown> } {
  return {
    action: ballot.decision === 'approve' ? 'approveExecution' : 'rejectExecution',
    objectType: 'approval',
    objectId: approval.id,
    decision: 'allowed',
    details: {
      executionId: approval.executionId,
      taskId: approval.taskId,
      digest: approval.digest,
      effect,
      ...(ballot.comment === null ? {} : { comment: ballot.comment }),
    },
  }
}

/** Enough people agreed: from now on it waits for its turn, and its deadline counts. */
async function release(
  deps: ApproveDeps,
  tx: Tx,
  actor: Actor,
  held: Held,
  approval: Approval,
  now: string,
): Promise<void> {
  const { execution } = held
  await closeApproval(tx, approval, 'approved', now)
  const notAfter = instantOf(msOf(now) + actionKinds[execution.actionType].deadlineSeconds * 1000)
  const facts = { queuedAt: await takePlace(tx, execution, now), notAfter }
  const jobs = [runJob(deps.ids.guid(), execution.id)]
  await recordStep(deps, tx, actor, held, { to: 'queued', facts, jobs }, now)
}

/** Ends it, in the words of whoever refused. */
async function reject(
  deps: ApproveDeps,
  tx: Tx,
  actor: Actor,
  held: Held,
  { approval, comment }: { readonly approval: Approval; readonly comment: string | null },
  now: string,
): Promise<void> {
  await closeApproval(tx, approval, 'rejected', now)
  const reason = comment === null ? `${actor.name} rejected it.` : `${actor.name} rejected it: ${comment}`
  const facts = { reasonCode: 'Rejected', reason }
  await recordStep(deps, tx, actor, held, { to: 'cancelled', facts }, now)
}

async function voidApproval(
  deps: ApproveDeps,
  tx: Tx,
  held: Held,
  approval: Approval,
  why: string,
  now: string,
): Promise<Refusal> {
  const reason = `The approval is void. ${why} The action must be requested anew.`
  await closeApproval(tx, approval, 'void', now)
  const facts = { reasonCode: 'ApprovalVoid', reason }
  await recordStep(deps, tx, engineActor(approval.tenantId), held, { to: 'cancelled', facts }, now)
  return refuse('Conflict', reason)
}

/** Handler of `expire-approval`: what nobody approved in time ends, and its task is open again. */
export function createExpireApproval(deps: Pick<ApproveDeps, 'store' | 'clock' | 'ids'>): JobHandler {
  return async (job) => {
    const id = readExecutionId(job.payload)
    await deps.store.transaction(async (tx) => {
      const held = await holdExecution(tx, job.tenantId, id)
      const approval = held ? await readApprovalOfForUpdate(tx, job.tenantId, id) : null
      if (!held || approval?.state !== 'pending' || held.execution.state !== 'awaitingApproval') return
      const now = deps.clock.now()
      await closeApproval(tx, approval, 'expired', now)
      const facts = { reasonCode: 'approvalTimeout', reason: 'Nobody approved it in time.' }
      await recordStep(deps, tx, engineActor(job.tenantId), held, { to: 'expired', facts }, now)
    })
    return undefined
  }
}
