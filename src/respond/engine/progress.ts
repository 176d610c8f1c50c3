import type { Progress } from '../../connectors/connector.ts'
import { type Ids, instantOf, msOf } from '../../io/clock.ts'
import { isRelease } from '../../model/actions.ts'
import { assertNever } from '../../model/errors.ts'
import { type ExecutionResult, reduceTargets } from '../../model/execution.ts'
import type { ExecutionState } from '../../model/execution-state.ts'
import type { Execution } from '../../store/executions.ts'
import type { NewJob } from '../../store/jobs.ts'
import { runJob, type Step } from '../outcome.ts'

/** What planning the next step needs. */
export interface PlanDeps {
  readonly ids: Ids
}

/** An outcome nobody knows is looked for again after this, and then after as long again as it has been unknown. */
const unknownSeconds = 30
const unknownCapSeconds = 3_600
/** A failure that passes is tried again after up to this, twice as long each time. */
const retryBaseSeconds = 2
const retryCapSeconds = 300

/** The facts of an execution whose order was not begun in time. */
export const overdue: { readonly reasonCode: string; readonly reason: string } = {
  reasonCode: 'commandDeadline',
  reason: 'The deadline passed before the action began.',
}

/** The step that leads from where an execution stands to what its connector said. */
export function planStep(deps: PlanDeps, execution: Execution, progress: Progress, now: string): Step {
  switch (progress.outcome) {
    case 'accepted': {
      const jobs = [checkJob(deps, execution, now, progress.checkAfterSeconds)]
      const facts = { handle: progress.handle }
      const news = progress.delivered && execution.state === 'dispatching'
      return { to: news ? 'delivered' : execution.state, facts, jobs }
    }
    case 'running': {
      const jobs = [checkJob(deps, execution, now, progress.checkAfterSeconds)]
      return {
        to: hasBegun(execution) ? execution.state : 'running',
        facts: { handle: progress.handle, ...describeNote(progress.note) },
        jobs,
      }
    }
    case 'done':
      return planDone(deps, execution, progress, now)
    case 'refused':
      return endWith(execution, 'refused', progress.code, progress.detail)
    case 'expired':
      return endWith(execution, 'expired', overdue.reasonCode, overdue.reason)
    case 'cancelled':
      return endWith(execution, 'cancelled', 'Cancelled', 'Cancelled before any effect.')
    case 'failure':
      return planFailure(deps, execution, progress, now)
    default:
      return assertNever(progress)
  }
}

/** Progress stands where a reason would: both say why an execution is where it is. */
function describeNote(note: string | undefined): { readonly reasonCode: string; readonly reason: string } | undefined {
  return note === undefined ? undefined : { reasonCode: 'Progress', reason: note.slice(0, 1000) }
}

function planDone(
  deps: PlanDeps,
  execution: Execution,
  progress: Extract<Progress, { outcome: 'done' }>,
  now: string,
): Step {
  const { changed, before, after, proof, targets } = progress
  const result: ExecutionResult = { changed, before, after, proof, ...(targets ? { targets } : {}) }
  const outcome = targets ? reduceTargets(targets, isRelease(execution.actionType)) : 'succeeded'
  // Nobody's effect is claimed without proof; that there was none needs none.
  if (outcome === 'unknown' || (proof === null && outcome !== 'failed')) {
    const reason = 'Reported as done without proof of effect.'
    return { to: 'unknown', facts: { result, reasonCode: 'Unverified', reason }, jobs: lookAgain(deps, execution, now) }
  }
  if (outcome === 'succeeded') return { to: 'succeeded', facts: { reasonCode: null, reason: null, result } }
  const undone = (targets ?? []).filter(({ state }) => state !== 'succeeded' && state !== 'already')
  const reason = `${undone.length} of ${targets?.length} targets not done: ${undone.map(({ displayName }) => displayName).join(', ')}`
  return { to: outcome, facts: { result, reasonCode: undone[0]?.code ?? 'NotDone', reason: reason.slice(0, 1000) } }
}

function planFailure(
  deps: PlanDeps,
  execution: Execution,
  failure: Extract<Progress, { outcome: 'failure' }>,
  now: string,
): Step {
  const facts = { reasonCode: failure.code, reason: failure.detail }
  switch (failure.failureClass) {
    case 'permanent':
      return endWith(execution, 'failed', failure.code, failure.detail)
    case 'transient': {
      const wait = failure.retryAfterSeconds ?? jitter(deps, retryBaseSeconds * 2 ** Math.min(execution.epoch, 20))
      // What was handed over is asked about again; only what was not is handed over again.
      if (execution.state !== 'dispatching' || execution.handle !== null) {
        return { to: execution.state, facts, jobs: [checkJob(deps, execution, now, wait)] }
      }
      if (now > execution.notAfter) return endWith(execution, 'expired', overdue.reasonCode, overdue.reason)
      const runAt = instantOf(msOf(now) + wait * 1000)
      return { to: 'queued', facts, jobs: [{ ...runJob(deps.ids.guid(), execution.id), runAt }] }
    }
    case 'ambiguous':
      // The order may have arrived: only reading the target may tell, so nothing is sent again.
      return { to: 'unknown', facts, jobs: lookAgain(deps, execution, now) }
    default:
      return assertNever(failure.failureClass)
  }
}

/** A definite end; where the first effect may have happened, what was found out counts as the check of it. */
function endWith(
  execution: Execution,
  to: Extract<ExecutionState, 'failed' | 'refused' | 'expired' | 'cancelled'>,
  reasonCode: string,
  reason: string,
): Step {
  return { to: hasBegun(execution) ? 'failed' : to, facts: { reasonCode, reason } }
}

function hasBegun({ state }: Execution): boolean {
  return state === 'running' || state === 'verifying' || state === 'unknown'
}

/** Looks again soon, and less and less often the longer nobody knows. */
function lookAgain(deps: PlanDeps, execution: Execution, now: string): NewJob[] {
  const since = execution.state === 'unknown' ? (msOf(now) - msOf(execution.updatedAt)) / 1000 : 0
  const wait = Math.min(unknownCapSeconds, Math.max(unknownSeconds, since))
  return [checkJob(deps, execution, now, wait)]
}

/** From nothing up to so many seconds, so that many that failed together do not come back together. */
function jitter(deps: PlanDeps, seconds: number): number {
  const random = Number.parseInt(deps.ids.guid().slice(0, 8), 16) / 2 ** 32
  return Math.min(retryCapSeconds, seconds) * random
}

function checkJob(deps: PlanDeps, execution: Execution, now: string, afterSeconds: number): NewJob {
  return {
    id: deps.ids.guid(),
    kind: 'check-action',
    key: `check:${execution.id}`,
    payload: { executionId: execution.id },
    runAt: instantOf(msOf(now) + afterSeconds * 1000),
  }
}
