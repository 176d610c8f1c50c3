import type { Connector, Order, Progress } from '../connectors/connector.ts'
import type { Registry } from '../connectors/registry.ts'
import { type Clock, type Ids, instantOf, msOf } from '../io/clock.ts'
import { failpoint } from '../io/failpoint.ts'
import type { Job, JobHandler } from '../jobs/worker.ts'
import { isLive } from '../model/execution-state.ts'
import type { Db, Store, Tx } from '../store/db.ts'
import { type Execution, holdLiveOnTarget, readExecution } from '../store/executions.ts'
import { isJobHeld, type NewJob } from '../store/jobs.ts'
import { readApprovalOf } from '../store/safety/approvals.ts'
import { readTaskForUpdate } from '../store/tasks.ts'
import { type OrderFacts, writeOrder } from './engine/order.ts'
import { readExecutionId } from './engine/payload.ts'
import { overdue, planStep } from './engine/progress.ts'
import { decideTurn } from './engine/turns.ts'
import { engineActor, type Held, holdExecution, recordStep, type Step } from './outcome.ts'
import { clearForDispatch, countAgreed, isDispatchPaused, type Withheld } from './safety/clearance.ts'

/** What carrying out executions needs. */
export interface RunDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly registry: Registry
}

/** How often in one job a release takes something back before it looks again later. */
const patience = 10

/**
 * Handler of `run-action`: takes the execution when it is its turn and everything still allows it, and asks its connector to begin. After a
 * crash it finds out first what was begun already.
 */
export function createRunAction(deps: RunDeps): JobHandler {
  return async (job) => {
    for (let tries = 0; tries < patience; tries++) {
      const claimed = await deps.store.transaction((tx) => claim(deps, tx, job))
      switch (claimed.next) {
        case 'stop':
          return undefined
        case 'wait':
          return { runAgainAt: claimed.until }
        case 'takeBack':
          await takeBack(deps, claimed.other, claimed.release)
          break
        case 'check':
          await carryOn(deps, job, claimed.execution)
          return undefined
        case 'start': {
          const progress = await start(deps, claimed)
          if (progress === null) return { runAgainAt: latestLook(claimed.execution) }
          failpoint('after-start-before-record')
          await deps.store.transaction((tx) => applyProgress(deps, tx, job, claimed.execution, progress))
          return undefined
        }
      }
    }
    return { runAgainAt: instantOf(deps.clock.nowMs() + 1_000) }
  }
}

/** Handler of `check-action`: asks the connector where the execution stands and records it. */
export function createCheckAction(deps: RunDeps): JobHandler {
  return async (job) => {
    const execution = await readExecution(deps.store.read, job.tenantId, readExecutionId(job.payload))
    if (!execution || !isLive(execution.state)) return undefined
    // Without a handle it is still being handed over, and `run-action` knows how far; only a lost one is looked for here.
    if (execution.handle === null && execution.state !== 'unknown') return undefined
    await carryOn(deps, job, execution)
    return undefined
  }
}

/** Where an execution may go from `run-action`. */
type Claim =
  | { readonly next: 'stop' }
  | { readonly next: 'wait'; readonly until: string }
  | { readonly next: 'takeBack'; readonly other: Execution; readonly release: Execution }
  | { readonly next: 'check'; readonly execution: Execution }
  | Start

interface Start {
  readonly next: 'start'
  readonly execution: Execution
  readonly facts: OrderFacts
  /** Somebody had it before and never said what became of it. */
  readonly again: boolean
  /** In that case only: nothing new may be begun any more, or now. */
  readonly attachOnly: 'overdue' | 'paused' | null
}

async function claim(deps: RunDeps, tx: Tx, job: Job): Promise<Claim> {
  const found = await readExecution(tx, job.tenantId, readExecutionId(job.payload))
  if (!found) return { next: 'stop' }
  const task = await readTaskForUpdate(tx, job.tenantId, found.taskId)
  const live = await holdLiveOnTarget(tx, job.tenantId, found.target.key, found.family)
  const execution = live.find((other) => other.id === found.id)
  if (!task || !execution || execution.state === 'awaitingApproval') return { next: 'stop' }
  if (!(await isJobHeld(tx, job))) return { next: 'stop' }
  const now = deps.clock.now()
  if (execution.state === 'dispatching' && execution.handle === null) return reclaim(deps, tx, { execution, task }, now)
  if (execution.state !== 'queued') return { next: 'check', execution }
  if (now > execution.notAfter) return end(deps, tx, { execution, task }, 'expired', overdue, now)
  const clearance = await clearForDispatch(tx, execution, task)
  if (clearance.kind === 'paused') return waitUntil(execution, null)
  if (clearance.kind === 'withheld') return withhold(deps, tx, { execution, task }, clearance, now)
  const turn = decideTurn(execution, live, now)
  if (turn.next === 'takeBack') return { next: 'takeBack', other: turn.other, release: execution }
  if (turn.next === 'wait') return waitUntil(execution, turn.until)
  const { policyVersion, approval, agreed } = clearance
  const facts = { epoch: execution.epoch + 1, startedAt: execution.startedAt ?? now, policyVersion }
  const step: Step = { to: 'dispatching', facts }
  const held = await recordStep(deps, tx, engineActor(job.tenantId), { execution, task }, step, now)
  const superseded = await readSuperseded(tx, execution)
  return {
    next: 'start',
    execution: held.execution,
    facts: { approval, agreed, superseded },
    again: false,
    attachOnly: null,
  }
}

/** Takes an execution over from a server that was stopped while it handed the order over, and fences that server off. */
async function reclaim(deps: RunDeps, tx: Tx, held: Held, now: string): Promise<Claim> {
  const { execution } = held
  const step: Step = { to: 'dispatching', facts: { epoch: execution.epoch + 1 } }
  const next = await recordStep(deps, tx, engineActor(execution.tenantId), held, step, now)
  const paused = await isDispatchPaused(tx, execution.tenantId)
  return {
    next: 'start',
    execution: next.execution,
    facts: await readOrderFacts(tx, execution),
    again: true,
    attachOnly: now > execution.notAfter ? 'overdue' : paused ? 'paused' : null,
  }
}

async function readOrderFacts(db: Db, execution: Execution): Promise<OrderFacts> {
  const approval = await readApprovalOf(db, execution.tenantId, execution.id)
  const agreed = approval === null ? 0 : await countAgreed(db, approval)
  return { approval, agreed, superseded: await readSuperseded(db, execution) }
}

async function readSuperseded(db: Db, { tenantId, supersedes }: Execution): Promise<Execution | null> {
  return supersedes === null ? null : readExecution(db, tenantId, supersedes)
}

/** Its turn, its switch or its deadline comes by itself; whoever gives it free earlier wakes it. */
function waitUntil(execution: Execution, until: string | null): Claim {
  const latest = latestLook(execution)
  return { next: 'wait', until: until === null || until > latest ? latest : instantOf(msOf(until) + 1) }
}

function latestLook({ notAfter }: Execution): string {
  return instantOf(msOf(notAfter) + 1)
}

async function end(
  deps: RunDeps,
  tx: Tx,
  held: Held,
  to: 'expired' | 'cancelled',
  why: { readonly reasonCode: string; readonly reason: string },
  now: string,
  jobs: readonly NewJob[] = [],
): Promise<Claim> {
  await recordStep(deps, tx, engineActor(held.execution.tenantId), held, { to, facts: why, jobs }, now)
  return { next: 'stop' }
}

async function withhold(deps: RunDeps, tx: Tx, held: Held, { code, reason }: Withheld, now: string): Promise<Claim> {
  const { tenantId, requestedBy, taskId } = held.execution
  // Asked for consent again, the task becomes a guided one and says why.
  const ask: NewJob = {
    id: deps.ids.guid(),
    kind: 'start-managed',
    payload: { taskId, actor: { tenantId, ...requestedBy } },
  }
  const jobs = code === 'ManagedResponsePaused' ? [ask] : []
  return end(deps, tx, held, 'cancelled', { reasonCode: code, reason }, now, jobs)
}

/** Asks the connector to begin, or to say what was begun before. */
async function start(deps: RunDeps, { execution, facts, again, attachOnly }: Start): Promise<Progress | null> {
  const connector = execution.connector === null ? undefined : deps.registry.get(execution.connector)
  if (!connector) return noExecutor(execution)
  const order = writeOrder(execution, facts)
  if (again) {
    const begun = await connector.attach(order)
    if (begun !== null) return begun
    if (attachOnly === 'overdue') return { outcome: 'expired' }
    if (attachOnly === 'paused') return null
  }
  failpoint('before-start')
  const progress = await connector.start(order)
  return isAmbiguous(progress) ? readBack(connector, order, progress) : progress
}

/** Nobody knows whether the order arrived; the target does. What never arrived may be handed over again. */
async function readBack(
  connector: Connector,
  order: Order,
  lost: Extract<Progress, { outcome: 'failure' }>,
): Promise<Progress> {
  const begun = await connector.attach(order)
  return begun ?? { ...lost, failureClass: 'transient' }
}

function isAmbiguous(progress: Progress): progress is Extract<Progress, { outcome: 'failure' }> {
  return progress.outcome === 'failure' && progress.failureClass === 'ambiguous'
}

/** Asks about an order that was handed over, and records the answer. */
async function carryOn(deps: RunDeps, job: Job, execution: Execution): Promise<void> {
  const facts = await readOrderFacts(deps.store.read, execution)
  const connector = execution.connector === null ? undefined : deps.registry.get(execution.connector)
  const order = writeOrder(execution, facts)
  const progress = connector ? await ask(deps, connector, execution, order) : noExecutor(execution)
  failpoint('after-check-before-record')
  await deps.store.transaction((tx) => applyProgress(deps, tx, job, execution, progress))
}

async function ask(deps: RunDeps, connector: Connector, execution: Execution, order: Order): Promise<Progress> {
  const { handle } = execution
  if (handle === null) {
    return (await connector.attach(order)) ?? neverArrived
  }
  const progress = await connector.check(order, handle)
  if (execution.state === 'unknown' && isAmbiguous(progress)) return (await connector.attach(order)) ?? neverArrived
  // Past its deadline an order nobody has begun is taken back, so that it can never run later.
  const overdue = deps.clock.now() > execution.notAfter
  if (!overdue || progress.outcome !== 'accepted' || progress.delivered) return progress
  const cancelled = await connector.cancel(order, handle)
  return cancelled.outcome === 'cancelled' ? { outcome: 'expired' } : cancelled
}

const neverArrived: Progress = {
  outcome: 'failure',
  failureClass: 'permanent',
  code: 'NeverArrived',
  detail: 'The target was read: the order did not arrive, and nothing was done.',
}

function noExecutor({ target, connector, handle }: Execution): Progress {
  const code = 'NoExecutor'
  if (handle === null) {
    const detail = `No agent or connector controls '${target.displayName}'; it is known from evidence only.`
    return { outcome: 'failure', failureClass: 'permanent', code, detail }
  }
  const detail = `The connector '${connector}' has the order and is no longer configured; nobody can ask it.`
  return { outcome: 'failure', failureClass: 'ambiguous', code, detail }
}

/** Cancels what a release takes back: at once while it waits, else where it was handed over to. */
async function takeBack(deps: RunDeps, other: Execution, release: Execution): Promise<void> {
  const reason = `Execution ${release.id} released the target before this one began.`
  const step: Step = { to: 'cancelled', facts: { reasonCode: 'Superseded', reason } }
  const connector = other.connector === null ? undefined : deps.registry.get(other.connector)
  let progress: Progress = { outcome: 'cancelled' }
  if (other.state !== 'queued' && other.handle !== null && connector) {
    progress = await connector.cancel(writeOrder(other, await readOrderFacts(deps.store.read, other)), other.handle)
  } else if (other.state !== 'queued') progress = noExecutor(other)
  await deps.store.transaction(async (tx) => {
    const held = await holdExecution(tx, other.tenantId, other.id)
    if (!held || held.execution.state !== other.state || held.execution.epoch !== other.epoch) return
    const now = deps.clock.now()
    const next = progress.outcome === 'cancelled' ? step : planStep(deps, held.execution, progress, now)
    await recordStep(deps, tx, engineActor(other.tenantId), held, next, now)
  })
}

/** Records what the connector said, unless another server went on with the execution meanwhile. */
async function applyProgress(
  deps: RunDeps,
  tx: Tx,
  job: Job,
  seen: Execution,
  progress: Progress | null,
): Promise<void> {
  if (progress === null) return
  const held = await holdExecution(tx, seen.tenantId, seen.id)
  if (!held || held.execution.epoch !== seen.epoch || !isLive(held.execution.state)) return
  if (!(await isJobHeld(tx, job))) return
  const now = deps.clock.now()
  const step = planStep(deps, held.execution, progress, now)
  await recordStep(deps, tx, engineActor(seen.tenantId), held, step, now)
}
