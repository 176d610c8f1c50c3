import { type Refusal, refuse } from '../../model/errors.ts'
import type { SafetyPolicy } from '../../model/safety/policy.ts'
import type { Db, Tx } from '../../store/db.ts'
import type { Execution } from '../../store/executions.ts'
import { type Approval, readApprovalOf } from '../../store/safety/approvals.ts'
import { holdPolicy } from '../../store/safety/policies.ts'
import type { StoredTask } from '../../store/tasks.ts'
import { mayStillExecute, readCountingVotes } from './entitlement.ts'
import { describeSeen, digestSeen } from './seen.ts'
import { weighAction } from './weigh.ts'

/** Why an execution may not be handed over now, for good: it ends before it has begun. */
export interface Withheld {
  /** Stands as its reason code. */
  readonly code:
    | 'RequesterNotEntitled'
    | 'ApproverNotEntitled'
    | 'ApprovalVoid'
    | 'ApprovalNeeded'
    | 'ProtectedTarget'
    | 'ManagedResponsePaused'
  readonly reason: string
}

/** What holds when an execution is about to be handed over. */
export type Clearance =
  | {
      readonly kind: 'cleared'
      readonly policyVersion: number
      readonly approval: Approval | null
      readonly agreed: number
    }
  /** The kill switch is on: it stays where it is until somebody switches it off. */
  | { readonly kind: 'paused' }
  | ({ readonly kind: 'withheld' } & Withheld)

/**
 * Asks everything again that was asked when an execution was requested, right before its order is handed over: the kill switch, whether
 * requester and approvers still may, whether what they approved is what would be done, and the policy where it has changed since.
 * @source design reliability 2.3 (queued to dispatching), I5, I14
 */
export async function clearForDispatch(tx: Tx, execution: Execution, task: StoredTask): Promise<Clearance> {
  const { policy, version } = await holdPolicy(tx, execution.tenantId)
  // Before the kill switch: that the customer is asked again has no effect on any target.
  if (isPausedManaged(policy, execution, task)) {
    return withhold(
      'ManagedResponsePaused',
      'Managed response was paused before it began; the task waits for the customer.',
    )
  }
  if (policy.dispatch.paused) return { kind: 'paused' }
  if (!(await mayStillExecute(tx, execution))) {
    return withhold('RequesterNotEntitled', `${execution.requestedBy.name} may no longer have actions carried out.`)
  }
  const approval = await readApprovalOf(tx, execution.tenantId, execution.id)
  const agreed = approval === null ? 0 : await countAgreed(tx, approval)
  if (approval !== null) {
    if (agreed < approval.required) {
      return withhold('ApproverNotEntitled', `${agreed} of ${approval.required} approvers may still approve.`)
    }
    const { required: approvals, reasons } = approval.seen
    if (digestSeen(describeSeen(task, execution, { approvals, reasons })) !== approval.digest) {
      return withhold('ApprovalVoid', 'What would be done is no longer what was approved.')
    }
  }
  if (version !== execution.policyVersion) {
    const withheld = await weighAgain(tx, policy, execution, task, agreed)
    if (withheld !== null) return { kind: 'withheld', ...withheld }
  }
  return { kind: 'cleared', policyVersion: version, approval, agreed }
}

/** True when the kill switch of a tenant is on; it cannot change before the transaction ends. */
export async function isDispatchPaused(tx: Tx, tenantId: string): Promise<boolean> {
  return (await holdPolicy(tx, tenantId)).policy.dispatch.paused
}

/** How many people agreed to an approval and may still do so. */
export async function countAgreed(db: Db, approval: Approval): Promise<number> {
  const votes = await readCountingVotes(db, approval)
  return votes.filter((vote) => vote.decision === 'approve').length
}

/** The verdict of a protection as a refusal that names the policy and the fix. */
export function refuseProtected(
  reasons: readonly { readonly policy: string; readonly reason: string; readonly fix: string }[],
): Refusal {
  return refuse('ProtectedTarget', reasons.map(({ policy, reason, fix }) => `${policy}: ${reason} ${fix}`).join(' '))
}

async function weighAgain(
  tx: Tx,
  policy: SafetyPolicy,
  execution: Execution,
  task: StoredTask,
  agreed: number,
): Promise<Withheld | null> {
  const verdict = await weighAction(tx, policy, { ...execution, incidentId: task.incidentId })
  const text = verdict.reasons.map(({ policy: rule, reason }) => `${rule}: ${reason}`).join(' ')
  if (verdict.decision === 'refused') return { code: 'ProtectedTarget', reason: text }
  if (verdict.approvals <= agreed) return null
  return { code: 'ApprovalNeeded', reason: `The policy changed before it began, and asks for more people now. ${text}` }
}

function isPausedManaged(policy: SafetyPolicy, execution: Execution, task: StoredTask): boolean {
  const managed = task.doc.source === 'defenderExpertsManagedResponse' && execution.kind === 'run'
  // What a customer executes by hand is no managed response.
  return managed && execution.requestedBy.id === task.proposedBy && policy.managedResponse.paused
}

function withhold(code: Withheld['code'], reason: string): Clearance {
  return { kind: 'withheld', code, reason }
}
