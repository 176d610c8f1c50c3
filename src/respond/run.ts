import type { Connector, Order, Progress } from '../connectors/connector.ts'
import type { Registry } from '../connectors/registry.ts'
import { type Clock, type Ids, instantOf, msOf } from '../io/clock.ts'
import { failpoint } from '../io/failpoint.ts'
import type { Job, JobHandler } from '../jobs/worker.ts'
import { actionKinds } from '../model/actions.ts'
import { assertNever } from '../model/errors.ts'
import { isLive } from '../model/execution-state.ts'
import type { Store, Tx } from '../store/db.ts'
import { type Execution, readExecutionForUpdate, readLiveOnTarget } from '../store/executions.ts'
import type { NewJob } from '../store/jobs.ts'
import type { Actor } from '../store/record.ts'
import { recordStep, type Step } from './outcome.ts'

/** What carrying out executions needs. */
export interface RunDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly registry: Registry
}

/** How long an execution waits before it looks again whether its target is free. */
const turnSeconds = 2
/** How long after its deadline an order may still be found to have begun: clock differences between us and the far side. */
const skewSeconds = 60

/**
 * Handler of `run-action`: claims the execution and asks its connector to begin. Run again after a crash it attaches to the work already
 * begun, because connectors are idempotent by execution id.
 */
export function createRunAction(deps: RunDeps): JobHandler {
  return async (job) => {
    const claimed = await deps.store.transaction((tx) => claim(deps, tx, job))
    if (claimed.next === 'stop') return undefined
    if (claimed.next === 'wait') return { runAgainAt: instantOf(deps.clock.nowMs() + turnSeconds * 1000) }
    const { execution } = claimed
    const connector = execution.connector === null ? undefined : deps.registry.get(execution.connector)
    failpoint('before-start')
    const progress = connector
      ? execution.handle === null
        ? await connector.start(toOrder(execution))
        : await connector.check(toOrder(execution), execution.handle)
      : noExecutor(execution)
    failpoint('after-start-before-record')
    await deps.store.transaction((tx) => applyProgress(deps, tx, execution, progress))
    return undefined
  }
}

/** Handler of `check-action`: asks the connector where the execution stands and records it. */
export function createCheckAction(deps: RunDeps): JobHandler {
  return async (job) => {
    const execution = await deps.store.transaction((tx) => readJobExecution(tx, job))
    if (!execution || !isLive(execution.state) || execution.handle === null) return undefined
    const connector = execution.connector === null ? undefined : deps.registry.get(execution.connector)
    const progress = connector ? await ask(deps, connector, execution, execution.handle) : noExecutor(execution)
    failpoint('after-check-before-record')
    await deps.store.transaction((tx) => applyProgress(deps, tx, execution, progress))
    return undefined
  }
}

/** Past its deadline an order nobody has begun is taken back, so that it can never run later. */
async function ask(deps: RunDeps, connector: Connector, execution: Execution, handle: string): Promise<Progress> {
  const order = toOrder(execution)
  const progress = await connector.check(order, handle)
  const overdue = deps.clock.now() > execution.notAfter
  if (!overdue || progress.outcome !== 'accepted' || progress.delivered) return progress
  const cancelled = await connector.cancel(order, handle)
  return cancelled.outcome === 'cancelled' ? { outcome: 'expired' } : cancelled
}

function noExecutor(execution: Execution): Progress {
  return {
    outcome: 'failure',
    failureClass: 'permanent',
    code: 'NoExecutor',
    detail: `No agent or connector controls '${execution.target.displayName}'; it is known from evidence only.`,
  }
}

type Claim =
  | { readonly next: 'stop' }
  | { readonly next: 'wait' }
  | { readonly next: 'start'; readonly execution: Execution }

async function claim(deps: RunDeps, tx: Tx, job: Job): Promise<Claim> {
  const now = deps.clock.now()
  const execution = await readJobExecution(tx, job)
  if (!execution || !isLive(execution.state)) return { next: 'stop' }
  if (execution.state === 'awaitingApproval') return { next: 'stop' }
  if (execution.state !== 'queued') return { next: 'start', execution }
  if (now > execution.notAfter) {
    await recordStep(deps, tx, engine(execution), execution, { to: 'expired', facts: overdue }, now)
    return { next: 'stop' }
  }
  const earlier = await readEarlier(tx, execution)
  await supersede(deps, tx, execution, earlier, now)
  if (isTargetBusy(execution, earlier, now)) return { next: 'wait' }
  const next = await recordStep(
    deps,
    tx,
    engine(execution),
    execution,
    { to: 'dispatching', facts: { epoch: execution.epoch + 1, startedAt: execution.startedAt ?? now } },
    now,
  )
  return { next: 'start', execution: next }
}

/** Executions without an outcome that were requested earlier on the same target in the same family. */
async function readEarlier(tx: Tx, execution: Execution): Promise<Execution[]> {
  const live = await readLiveOnTarget(tx, execution.tenantId, execution.target.key, execution.family)
  return live.slice(
    0,
    live.findIndex((other) => other.id === execution.id),
  )
}

/** True when `execution` is a release and `other` the action it takes back, which nobody has begun. */
function takesBack(execution: Execution, other: Execution): boolean {
  const { supersedes } = actionKinds[execution.actionType]
  return other.actionType === supersedes && (other.state === 'queued' || other.state === 'dispatching')
}

/** Cancels what a release takes back before it was handed over. What was handed over, the connector takes back as it starts the release. */
async function supersede(
  deps: RunDeps,
  tx: Tx,
  release: Execution,
  earlier: readonly Execution[],
  now: string,
): Promise<void> {
  for (const other of earlier) {
    if (other.state !== 'queued' || !takesBack(release, other)) continue
    const reason = `Execution ${release.id} released the target before this one began.`
    const step: Step = { to: 'cancelled', facts: { reasonCode: 'Superseded', reason } }
    await recordStep(deps, tx, engine(other), other, step, now)
  }
}

/**
 * Executions of one family on one target take turns in the order they were requested, but a release never waits for what it takes back.
 * An unknown one gives its turn back once its command can no longer run, so that a lost isolate never blocks the release.
 */
function isTargetBusy(execution: Execution, earlier: readonly Execution[], now: string): boolean {
  const cutoff = instantOf(msOf(now) - skewSeconds * 1000)
  return earlier.some(
    (other) => !takesBack(execution, other) && !(other.state === 'unknown' && other.notAfter < cutoff),
  )
}

async function readJobExecution(tx: Tx, job: Job): Promise<Execution | null> {
  const id = readExecutionId(job.payload)
  return readExecutionForUpdate(tx, job.tenantId, id)
}

function readExecutionId(payload: unknown): string {
  if (typeof payload === 'object' && payload !== null && 'executionId' in payload) {
    if (typeof payload.executionId === 'string') return payload.executionId
  }
  throw new TypeError('the job names no execution')
}

/** Records what the connector said, unless another server went on with the execution meanwhile. */
async function applyProgress(deps: RunDeps, tx: Tx, seen: Execution, progress: Progress): Promise<void> {
  const execution = await readExecutionForUpdate(tx, seen.tenantId, seen.id)
  if (!execution || execution.epoch !== seen.epoch || !isLive(execution.state)) return
  const now = deps.clock.now()
  const actor = engine(execution)
  let current = execution
  for (const step of planSteps(deps, execution, progress, now)) {
    current = await recordStep(deps, tx, actor, current, step, now)
  }
}

const overdue = { reasonCode: 'commandDeadline', reason: 'The deadline passed before the action began.' }

/** The steps that lead from where the execution stands to what the connector said. */
function planSteps(deps: RunDeps, execution: Execution, progress: Progress, now: string): Step[] {
  switch (progress.outcome) {
    case 'accepted': {
      const jobs = [checkJob(deps, execution, now, progress.checkAfterSeconds)]
      const facts = { handle: progress.handle }
      const known = execution.state !== 'dispatching'
      return [{ to: progress.delivered && !known ? 'delivered' : execution.state, facts, jobs }]
    }
    case 'running': {
      const jobs = [checkJob(deps, execution, now, progress.checkAfterSeconds)]
      const begun = execution.state === 'running' || execution.state === 'verifying' || execution.state === 'unknown'
      return [{ to: begun ? execution.state : 'running', facts: { handle: progress.handle }, jobs }]
    }
    case 'done': {
      const result = {
        changed: progress.changed,
        before: progress.before,
        after: progress.after,
        proof: progress.proof,
      }
      if (progress.proof) return [...verifying(execution), { to: 'succeeded', facts: { ...noReason, result } }]
      const reason = 'Reported as done without proof of effect.'
      return [...verifying(execution), { to: 'unknown', facts: { result, reasonCode: 'Unverified', reason } }]
    }
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

const noReason = { reasonCode: null, reason: null }

function planFailure(
  deps: RunDeps,
  execution: Execution,
  failure: Extract<Progress, { outcome: 'failure' }>,
  now: string,
): Step[] {
  const facts = { reasonCode: failure.code, reason: failure.detail }
  const waitSeconds = failure.retryAfterSeconds ?? 5
  switch (failure.failureClass) {
    case 'permanent':
      return endWith(execution, 'failed', failure.code, failure.detail)
    case 'transient': {
      if (now > execution.notAfter) return endWith(execution, 'expired', overdue.reasonCode, overdue.reason)
      if (execution.state === 'dispatching') {
        const runAt = instantOf(msOf(now) + waitSeconds * 1000)
        const job = {
          ...checkJob(deps, execution, now, waitSeconds),
          kind: 'run-action',
          key: `run:${execution.id}`,
          runAt,
        }
        return [{ to: 'queued', facts, jobs: [job] }]
      }
      return [{ to: execution.state, facts, jobs: [checkJob(deps, execution, now, waitSeconds)] }]
    }
    case 'ambiguous': {
      // The order may have arrived: only reading the target may tell, so nothing is sent again.
      const jobs = execution.handle === null ? [] : [checkJob(deps, execution, now, Math.max(waitSeconds, 30))]
      return [{ to: 'unknown', facts, jobs }]
    }
    default:
      return assertNever(failure.failureClass)
  }
}

/** A definite end; from a state that must be verified first it passes through verifying. */
function endWith(
  execution: Execution,
  to: 'failed' | 'refused' | 'expired' | 'cancelled',
  reasonCode: string,
  reason: string,
): Step[] {
  const facts = { reasonCode, reason }
  const begun = execution.state === 'running' || execution.state === 'unknown' || execution.state === 'verifying'
  return begun ? [...verifying(execution), { to: 'failed', facts }] : [{ to, facts }]
}

function verifying(execution: Execution): Step[] {
  return execution.state === 'verifying' ? [] : [{ to: 'verifying' }]
}

function checkJob(deps: RunDeps, execution: Execution, now: string, afterSeconds: number): NewJob {
  return {
    id: deps.ids.guid(),
    kind: 'check-action',
    key: `check:${execution.id}`,
    payload: { executionId: execution.id },
    runAt: instantOf(msOf(now) + afterSeconds * 1000),
  }
}

function engine(execution: Execution): Actor {
  return { tenantId: execution.tenantId, id: 'respond', kind: 'system', name: 'Cordon response engine' }
}

function toOrder(execution: Execution): Order {
  return {
    tenantId: execution.tenantId,
    executionId: execution.id,
    taskId: execution.taskId,
    actionType: execution.actionType,
    target: execution.target,
    parameters: execution.parameters,
    notAfter: execution.notAfter,
    epoch: execution.epoch,
    actor: { ...execution.requestedBy, kind: 'user' },
    reason: `incidentTask ${execution.taskId}`,
  }
}
