import type { Ids } from '../io/clock.ts'
import { type ExecutionState, isLive, mayMove, reduceToTask } from '../model/execution-state.ts'
import { laterThan } from '../model/instant.ts'
import type { Tx } from '../store/db.ts'
import { type Execution, readLiveOnTarget, writeExecution } from '../store/executions.ts'
import type { NewJob } from '../store/jobs.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { readTaskForUpdate, writeTask } from '../store/tasks.ts'
import { runJob } from './execute.ts'

/** What changes with a step of an execution, beside its state. */
export type StepFacts = Partial<
  Pick<Execution, 'reasonCode' | 'reason' | 'handle' | 'result' | 'epoch' | 'startedAt' | 'connector'>
>

/** A step to record. */
export interface Step {
  readonly to: ExecutionState
  readonly facts?: StepFacts
  /** Jobs that carry the execution on from here; a live execution never loses its last job. */
  readonly jobs?: readonly NewJob[]
}

/** What recording a step needs. */
export interface OutcomeDeps {
  readonly ids: Ids
}

/**
 * Records one step of an execution: its new state, the task's two visible fields, audit, events and follow-up jobs. A terminal step hands
 * the target to the next execution that waits for it.
 * @param execution as read and held in this transaction
 * @throws TypeError for a step the state machine does not have: a defect, never an outside condition
 */
export async function recordStep(
  deps: OutcomeDeps,
  tx: Tx,
  actor: Actor,
  execution: Execution,
  step: Step,
  now: string,
): Promise<Execution> {
  if (step.to !== execution.state && !mayMove(execution.state, step.to)) {
    throw new TypeError(`an execution never goes from ${execution.state} to ${step.to}`)
  }
  if (step.to === execution.state && (step.facts?.handle ?? execution.handle) === execution.handle) {
    // Nothing new; only the next look is arranged.
    await recordChange(tx, { at: now, actor, audit: [], jobs: step.jobs ?? [] })
    return execution
  }
  const ended = !isLive(step.to)
  const next: Execution = {
    ...execution,
    ...step.facts,
    state: step.to,
    finishedAt: ended ? now : null,
    updatedAt: laterThan(execution.updatedAt, now),
  }
  await writeExecution(tx, next)
  const taskChanged = execution.kind === 'run' && (await reduceTask(tx, actor, next, now))
  await recordChange(tx, {
    at: now,
    actor,
    audit: {
      action: `execution.${step.to}`,
      objectType: 'execution',
      objectId: execution.id,
      decision: 'allowed',
      ...(next.reasonCode === null ? {} : { code: next.reasonCode }),
      ...(next.reason === null ? {} : { reason: next.reason }),
      before: { state: execution.state },
      after: { state: next.state, result: next.result },
      details: { taskId: execution.taskId, kind: execution.kind, from: execution.state, target: execution.target },
    },
    events: [
      { change: 'updated', resource: 'execution', objectId: execution.id },
      ...(taskChanged ? [{ change: 'updated', resource: 'incidentTask', objectId: execution.taskId } as const] : []),
    ],
    jobs: [...(step.jobs ?? []), ...(ended ? await followUps(deps, tx, next) : [])],
  })
  return next
}

/** Brings the task's status and actionStatus in line with its newest run. True when something changed. */
async function reduceTask(tx: Tx, actor: Actor, execution: Execution, now: string): Promise<boolean> {
  const task = await readTaskForUpdate(tx, execution.tenantId, execution.taskId)
  if (!task) throw new TypeError(`execution ${execution.id} has no task`)
  const reduced = reduceToTask(
    execution.state,
    execution.reasonCode === 'approvalTimeout' ? 'approvalTimeout' : 'commandDeadline',
  )
  if (task.doc.status === reduced.status && task.doc.actionStatus === reduced.actionStatus) return false
  await writeTask(tx, {
    ...task,
    doc: {
      ...task.doc,
      ...reduced,
      lastModifiedByDisplayName: actor.name,
      lastModifiedDateTime: laterThan(task.doc.lastModifiedDateTime, now),
    },
  })
  return true
}

async function followUps(deps: OutcomeDeps, tx: Tx, ended: Execution): Promise<NewJob[]> {
  const waiting = await readLiveOnTarget(tx, ended.tenantId, ended.target.key, ended.family)
  const next = waiting.find((execution) => execution.id !== ended.id)
  return [
    { id: deps.ids.guid(), kind: 'settle-task', payload: { taskId: ended.taskId }, key: `settle:${ended.taskId}` },
    ...(next ? [runJob(deps.ids.guid(), next.id)] : []),
  ]
}
