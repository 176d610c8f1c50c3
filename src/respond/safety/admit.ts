import { type Ids, msOf } from '../../io/clock.ts'
import type { ActionType } from '../../model/actions.ts'
import type { Refusal } from '../../model/errors.ts'
import { judgeSignIn } from '../../model/safety/fresh-sign-in.ts'
import type { Expiry, SafetyPolicy } from '../../model/safety/policy.ts'
import { listBudgets } from '../../model/safety/verdict.ts'
import type { Tx } from '../../store/db.ts'
import { noticeJob } from '../../store/deliveries.ts'
import { type Execution, insertExecution } from '../../store/executions.ts'
import type { NewJob } from '../../store/jobs.ts'
import type { Actor } from '../../store/record.ts'
import { holdName } from '../../store/safety/locks.ts'
import { holdPolicy } from '../../store/safety/policies.ts'
import type { StoredTask } from '../../store/tasks.ts'
import { runJob, takePlace } from '../outcome.ts'
import { askForApproval } from './approvals.ts'
import { refuseProtected } from './clearance.ts'
import { readPackageConsent } from './package-files.ts'
import { weighAction } from './weigh.ts'

/** An execution as it is wanted; the policy decides whether it may be queued, must wait, or is refused. */
export type Draft = Omit<Execution, 'state' | 'policyVersion' | 'queuedAt'>

/** A new execution and the jobs that carry it on, or tell who is to approve it. */
export interface Admitted {
  readonly execution: Execution
  readonly jobs: readonly NewJob[]
}

/**
 * Weighs a wanted execution by the tenant's policy and writes it: queued, or waiting for approval. Whoever wants one of tier 3 must have
 * signed in as lately as the policy says.
 * @throws the database's duplicate-key error when its task has a live one already
 */
export async function admitExecution(
  deps: { readonly ids: Ids },
  tx: Tx,
  actor: Pick<Actor, 'signedInAtMs'>,
  draft: Draft,
  task: StoredTask,
): Promise<Admitted | Refusal> {
  const { policy, version } = await holdPolicy(tx, draft.tenantId)
  // Two that are weighed at once must see each other, or both fit into what is left for one.
  if (listBudgets(policy, draft.actionType).length > 0) await holdName(tx, `budgets:${draft.tenantId}`, 'alone')
  const limits = describeExpiry(policy, draft.actionType)
  const parameters = { ...draft.parameters, ...limits, ...(await readPackageConsent(tx, policy, draft)) }
  const verdict = await weighAction(tx, policy, { ...draft, parameters, incidentId: task.incidentId })
  if (verdict.decision === 'refused') return refuseProtected(verdict.reasons)
  const stale = verdict.tier === 3 ? judgeSignIn(policy, actor.signedInAtMs, msOf(draft.requestedAt)) : null
  if (stale !== null) return stale
  const waits = verdict.decision === 'needsApproval'
  const execution: Execution = {
    ...draft,
    parameters,
    policyVersion: version,
    state: waits ? 'awaitingApproval' : 'queued',
    queuedAt: waits ? null : await takePlace(tx, draft, draft.requestedAt),
  }
  await insertExecution(tx, execution)
  if (!waits) return { execution, jobs: [runJob(deps.ids.guid(), execution.id)] }
  const expiry = await askForApproval(deps, tx, { execution, task }, verdict, policy.fourEyes.approvalHours)
  const { taskId, id: executionId, requestedAt: at } = execution
  const notice = { event: 'approvalRequested', incidentId: task.incidentId, taskId, executionId, at } as const
  return { execution, jobs: [expiry, noticeJob(deps.ids.guid(), notice)] }
}

/** How long the effect lasts by itself, as part of what the target is asked to do. */
export function describeExpiry(policy: SafetyPolicy, actionType: ActionType): Readonly<Record<string, unknown>> {
  switch (actionType) {
    case 'isolateDevice':
      return write(policy.expiry.isolation)
    case 'restrictAppExecution':
      return write(policy.expiry.restriction)
    case 'runAntiVirusScan':
      return { ...policy.antiVirus }
    case 'submitIocRule':
      return { ...policy.indicators }
    default:
      return {}
  }
}

function write({ leaseSeconds, releaseAfterHours }: Expiry): Readonly<Record<string, number>> {
  return { leaseSeconds, ...(releaseAfterHours === null ? {} : { releaseAfterHours }) }
}
