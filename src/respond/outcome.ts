import { type Ids, instantOf, msOf } from '../io/clock.ts'
import { actionKinds, isContainment, isRelease } from '../model/actions.ts'
import { assertNever } from '../model/errors.ts'
import { type ExecutionState, isLive, mayMove, reduceToTask, walkTo } from '../model/execution-state.ts'
import { laterThan } from '../model/instant.ts'
import type { NoticeEvent } from '../model/notices/notice.ts'
import type { Tx } from '../store/db.ts'
import { noticeJob } from '../store/deliveries.ts'
import {
  dropHolds,
  type Execution,
  readExecution,
  readExecutionForUpdate,
  readLastPlace,
  readLiveOnTarget,
  writeExecution,
} from '../store/executions.ts'
import type { NewJob } from '../store/jobs.ts'
import { type Actor, type AuditEntry, recordChange } from '../store/record.ts'
import { readTaskForUpdate, type StoredTask, writeTask } from '../store/tasks.ts'
import { giveHoldsBack } from './engine/holds.ts'
import { listWoken } from './engine/turns.ts'

/** What changes with a step of an execution, beside its state. */
export type StepFacts = Partial<
  Pick<
    Execution,
    | 'reasonCode'
    | 'reason'
    | 'handle'
    | 'result'
    | 'epoch'
    | 'startedAt'
    | 'connector'
    | 'queuedAt'
    | 'notAfter'
    | 'policyVersion'
  >
>

/** A step to record. */
export interface Step {
  /** Where the execution stands now; what lies between is passed through. */
  readonly to: ExecutionState
  readonly facts?: StepFacts
  /** Jobs that carry the execution on from here; a live execution never loses its last job. */
  readonly jobs?: readonly NewJob[]
  /** Somebody decides an outcome that cannot be found out. */
  readonly byPerson?: boolean
}

/** What recording a step needs. */
export interface OutcomeDeps {
  readonly ids: Ids
}

/** An execution and its task, held until the transaction ends. */
export interface Held {
  readonly execution: Execution
  readonly task: StoredTask
}

/**
 * Reads an execution and its task and holds both. Everybody takes the rows in this order (task, executions, approval, jobs), so that two
 * who want the same wait for each other instead of locking each other out.
 */
export async function holdExecution(tx: Tx, tenantId: string, id: string): Promise<Held | null> {
  const found = await readExecution(tx, tenantId, id)
  const task = found ? await readTaskForUpdate(tx, tenantId, found.taskId) : null
  const execution = task ? await readExecutionForUpdate(tx, tenantId, id) : null
  return execution && task ? { execution, task } : null
}

/**
 * Records one step of an execution: its new state, the task's two visible fields, an audit entry for every state it passes, events and
 * follow-up jobs. A step that gives the target free wakes the executions that wait for it.
 * @param held as read and held in this transaction
 * @throws TypeError for a step the state machine does not have: a defect, never an outside condition
 */
export async function recordStep(
  deps: OutcomeDeps,
  tx: Tx,
  actor: Actor,
  held: Held,
  step: Step,
  now: string,
): Promise<Held> {
  const { execution } = held
  const hops = listHops(execution.state, step)
  const code = step.facts?.reasonCode
  const another = code !== undefined && code !== execution.reasonCode
  const moved = code === 'Progress' && !another && step.facts?.reason !== execution.reason
  if (hops.length === 0 && moved) {
    // How far it has come is shown, and no step for the audit.
    const next = await writeNext(tx, execution, step, now)
    const events = [{ change: 'updated', resource: 'execution', objectId: execution.id }] as const
    await recordChange(tx, { at: now, actor, audit: [], events, jobs: step.jobs ?? [] })
    return { execution: next, task: held.task }
  }
  if (hops.length === 0 && !another && (step.facts?.handle ?? execution.handle) === execution.handle) {
    // Nothing new; only the next look is arranged.
    await recordChange(tx, { at: now, actor, audit: [], jobs: step.jobs ?? [] })
    return held
  }
  const next = await writeNext(tx, execution, step, now)
  const task = next.kind === 'run' ? await reduceTask(tx, actor, held.task, next, now) : held.task
  await recordChange(tx, {
    at: now,
    actor,
    audit: (hops.length === 0 && another ? [next.state] : hops).map((to, index) =>
      describeHop(execution, next, hops[index - 1] ?? execution.state, to),
    ),
    events: [
      { change: 'updated', resource: 'execution', objectId: execution.id },
      ...(task === held.task ? [] : [{ change: 'updated', resource: 'incidentTask', objectId: task.doc.id } as const]),
    ],
    jobs: [
      ...(step.jobs ?? []),
      ...(await followUps(deps, tx, next, now)),
      ...(hops.length === 0 ? [] : tellOutcome(deps, next, task, now)),
    ],
  })
  return { execution: next, task }
}

function listHops(from: ExecutionState, step: Step): readonly ExecutionState[] {
  if (step.byPerson === true && mayMove(from, step.to, 'person')) return [step.to]
  // Taken up again after a crash: fenced off from whoever had it, and handed over anew.
  const again = from === 'dispatching' && step.to === 'dispatching' && step.facts?.epoch !== undefined
  if (again) return ['queued', 'dispatching']
  if (from === step.to) return []
  const hops = step.byPerson === true ? null : walkTo(from, step.to)
  if (hops === null) throw new TypeError(`an execution never goes from ${from} to ${step.to}`)
  return hops
}

async function writeNext(tx: Tx, execution: Execution, step: Step, now: string): Promise<Execution> {
  const took = step.to === 'succeeded' || step.to === 'partial'
  const next: Execution = {
    ...execution,
    ...step.facts,
    state: step.to,
    holds: took && isContainment(execution.actionType),
    finishedAt: isLive(step.to) ? null : now,
    updatedAt: laterThan(execution.updatedAt, now),
  }
  if (step.to === 'succeeded' && isRelease(execution.actionType)) {
    // A task that releases ends what everybody holds; an undo ends what its own run holds.
    const { tenantId, target, family, kind, undoes } = execution
    await dropHolds(tx, tenantId, target.key, family, kind === 'undo' ? undoes : null)
  }
  const givesBack = next.holds && execution.kind === 'undo'
  const written = givesBack ? { ...next, holds: await giveHoldsBack(tx, next) } : next
  await writeExecution(tx, written)
  return written
}

function describeHop(before: Execution, next: Execution, from: ExecutionState, to: ExecutionState): AuditEntry {
  const last = to === next.state
  return {
    action: `execution.${to}`,
    objectType: 'execution',
    objectId: next.id,
    decision: 'allowed',
    ...(last && next.reasonCode !== null ? { code: next.reasonCode } : {}),
    ...(last && next.reason !== null ? { reason: next.reason } : {}),
    before: { state: from },
    after: { state: to, ...(last ? { result: next.result } : {}) },
    details: { taskId: next.taskId, kind: next.kind, from, epoch: next.epoch, target: before.target },
  }
}

/** Brings the task's status and actionStatus in line with its newest run; the task itself where nothing changed. */
async function reduceTask(
  tx: Tx,
  actor: Actor,
  task: StoredTask,
  execution: Execution,
  now: string,
): Promise<StoredTask> {
  const reduced = reduceToTask(
    execution.state,
    execution.reasonCode === 'approvalTimeout' ? 'approvalTimeout' : 'commandDeadline',
  )
  if (task.doc.status === reduced.status && task.doc.actionStatus === reduced.actionStatus) return task
  return writeTask(tx, {
    ...task,
    doc: {
      ...task.doc,
      ...reduced,
      lastModifiedByDisplayName: actor.name,
      lastModifiedDateTime: laterThan(task.doc.lastModifiedDateTime, now),
    },
  })
}

async function followUps(deps: OutcomeDeps, tx: Tx, next: Execution, now: string): Promise<NewJob[]> {
  const ended = !isLive(next.state)
  const settle: NewJob[] = ended
    ? [{ id: deps.ids.guid(), kind: 'settle-task', payload: { taskId: next.taskId }, key: `settle:${next.taskId}` }]
    : []
  return [...settle, ...planRelease(deps, next, now), ...(await wakeWaiting(deps, tx, next, now))]
}

/** Tells people how an execution ended, where that calls for somebody. */
function tellOutcome(deps: OutcomeDeps, next: Execution, task: StoredTask, at: string): NewJob[] {
  const event = eventOf(next, task)
  if (event === null) return []
  const { taskId, id: executionId } = next
  return [noticeJob(deps.ids.guid(), { event, incidentId: task.incidentId, taskId, executionId, at })]
}

function eventOf({ state, kind }: Execution, { doc }: StoredTask): NoticeEvent | null {
  switch (state) {
    case 'failed':
    case 'partial':
    case 'refused':
    case 'expired':
      return 'executionFailed'
    case 'unknown':
      return 'outcomeUnknown'
    case 'succeeded':
      return kind === 'run' && doc.source === 'defenderExpertsManagedResponse' ? 'managedActionRan' : null
    case 'awaitingApproval':
    case 'queued':
    case 'dispatching':
    case 'delivered':
    case 'running':
    case 'verifying':
    case 'cancelled':
      return null
    default:
      return assertNever(state)
  }
}

/** The release of a containment that ends by itself. */
function planRelease(deps: OutcomeDeps, next: Execution, now: string): NewJob[] {
  const hours = next.holds ? next.parameters.releaseAfterHours : null
  if (typeof hours !== 'number') return []
  const runAt = instantOf(msOf(now) + hours * 3_600_000)
  return [{ id: deps.ids.guid(), kind: 'release-hold', payload: { executionId: next.id }, runAt }]
}

/** Who waits for this target and may have its turn now. */
async function wakeWaiting(deps: OutcomeDeps, tx: Tx, next: Execution, now: string): Promise<NewJob[]> {
  const free = !isLive(next.state) || next.state === 'unknown'
  const handedOver = next.state === 'dispatching' && next.handle !== null
  if (!free && !handedOver) return []
  const live = await readLiveOnTarget(tx, next.tenantId, next.target.key, next.family)
  return listWoken(live, now)
    .filter((other) => free || actionKinds[other.actionType].supersedes === next.actionType)
    .map((other) => runJob(deps.ids.guid(), other.id))
}

/** The next place in the line for a target: behind everybody who stands there, whatever the clock says. */
export async function takePlace(
  tx: Tx,
  { tenantId, target, family }: Pick<Execution, 'tenantId' | 'target' | 'family'>,
  now: string,
): Promise<string> {
  const last = await readLastPlace(tx, tenantId, target.key, family)
  return last === null ? now : laterThan(last, now)
}

/** The job that carries an execution out, or carries on with it. */
export function runJob(
  id: string,
  executionId: string,
): {
  readonly id: string
  readonly kind: 'run-action'
  readonly key: string
  readonly payload: { readonly executionId: string }
} {
  return { id, kind: 'run-action', key: `run:${executionId}`, payload: { executionId } }
}

/** Cordon's own response engine as an actor. */
export function engineActor(tenantId: string): Actor {
  return { tenantId, id: 'respond', kind: 'system', name: 'Cordon response engine' }
}
