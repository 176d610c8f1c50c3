import type { UndoPlan } from '../connectors/connector.ts'
import type { Registry } from '../connectors/registry.ts'
import { type Clock, type Ids, instantOf, msOf } from '../io/clock.ts'
import type { JobHandler } from '../jobs/worker.ts'
import { actionKinds } from '../model/actions.ts'
import { CordonError, isRefusal, type Refusal, refuse } from '../model/errors.ts'
import { isLive } from '../model/execution-state.ts'
import { laterThan } from '../model/instant.ts'
import type { Store, Tx } from '../store/db.ts'
import { type Execution, readExecution, readExecutionsOfTask } from '../store/executions.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { readTaskForUpdate } from '../store/tasks.ts'
import { readExecutionId } from './engine/payload.ts'
import { engineActor } from './outcome.ts'
import { admitExecution, type Draft } from './safety/admit.ts'

/** What taking an action back needs. */
export interface UndoDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly registry: Registry
}

/**
 * Takes a task's newest successful action back: a linked execution that restores the state recorded before it, on the same target. The
 * task's own status and actionStatus stay as they are. Like any other it is weighed by the policy and waits its turn.
 * @returns the id of the undo execution
 * @throws CordonError NotFound; Conflict when an action is live, none succeeded, it is undone already, or it cannot be taken back
 */
export async function undoAction(deps: UndoDeps, actor: Actor, taskId: string): Promise<string> {
  const executionId = deps.ids.guid()
  const result = await deps.store.transaction((tx) => undo(deps, tx, actor, { taskId, executionId }))
  if (isRefusal(result)) throw new CordonError(result.refused, result.reason)
  return executionId
}

async function undo(
  deps: UndoDeps,
  tx: Tx,
  actor: Actor,
  request: { taskId: string; executionId: string },
): Promise<'accepted' | Refusal> {
  const task = await readTaskForUpdate(tx, actor.tenantId, request.taskId)
  if (!task) return refuse('NotFound', `taskId ${request.taskId.slice(0, 100)} not found`)
  const now = deps.clock.now()
  const executions = await readExecutionsOfTask(tx, actor.tenantId, request.taskId)
  const run = chooseUndo(executions)
  if (isRefusal(run)) return run
  const plan = planUndo(deps.registry, run)
  if (!plan.possible) return refuse('Conflict', plan.reason)
  const requestedAt = laterThan(executions[0]?.requestedAt ?? run.requestedAt, now)
  const draft = draftUndo(actor, request.executionId, run, plan, requestedAt)
  const admitted = await admitExecution(deps, tx, actor, draft, task)
  if (isRefusal(admitted)) return admitted
  const { execution, jobs } = admitted
  await recordChange(tx, {
    at: now,
    actor,
    audit: {
      action: 'undoResponseAction',
      objectType: 'incidentTask',
      objectId: request.taskId,
      decision: 'allowed',
      details: {
        executionId: execution.id,
        undoes: run.id,
        actionType: plan.actionType,
        target: run.target,
        state: execution.state,
      },
    },
    events: [{ change: 'created', resource: 'execution', objectId: execution.id }],
    jobs,
  })
  return 'accepted'
}

/** How an execution can be taken back, by the connector that carried it out. */
export function planUndo(registry: Registry, run: Execution): UndoPlan {
  const connector = run.connector === null ? undefined : registry.get(run.connector)
  if (connector) return connector.planUndo(run)
  return { possible: false, reason: 'The connector that carried the action out is no longer configured.' }
}

function draftUndo(
  actor: Actor,
  id: string,
  run: Execution,
  plan: Extract<UndoPlan, { possible: true }>,
  requestedAt: string,
): Draft {
  return {
    tenantId: run.tenantId,
    id,
    taskId: run.taskId,
    kind: 'undo',
    undoes: run.id,
    supersedes: null,
    actionType: plan.actionType,
    reasonCode: null,
    reason: null,
    requestedBy: { id: actor.id, name: actor.name, kind: actor.kind },
    clientRequestId: actor.clientRequestId ?? null,
    connector: run.connector,
    target: run.target,
    family: run.family,
    parameters: plan.parameters,
    handle: null,
    result: null,
    epoch: 0,
    holds: false,
    requestedAt,
    notAfter: instantOf(msOf(requestedAt) + actionKinds[plan.actionType].deadlineSeconds * 1000),
    startedAt: null,
    finishedAt: null,
    updatedAt: requestedAt,
  }
}

/**
 * Handler of `release-hold`: takes a containment back whose time the policy has set, unless somebody did before.
 * @source design actions 10.4
 */
export function createReleaseHold(deps: UndoDeps): JobHandler {
  return async (job) => {
    const execution = await readExecution(deps.store.read, job.tenantId, readExecutionId(job.payload))
    if (!execution?.holds) return undefined
    const actor: Actor = { ...engineActor(job.tenantId), name: 'Cordon safety policy' }
    try {
      await undoAction(deps, actor, execution.taskId)
    } catch (cause) {
      if (!(cause instanceof CordonError) || cause.kind !== 'Conflict') throw cause
      // Something of the task is under way; when that has ended the hold is asked for again.
      return { runAgainAt: instantOf(deps.clock.nowMs() + 300_000) }
    }
    return undefined
  }
}

/**
 * The execution an undo takes back: the newest run that succeeded, also in part, unless it was taken back since.
 * @param executions of one task, newest first
 */
export function chooseUndo(executions: readonly Execution[]): Execution | Refusal {
  if (executions.some((execution) => isLive(execution.state))) {
    return refuse('Conflict', 'An action of this task is still under way; wait for its outcome.')
  }
  // What was done in part is taken back as far as it was done.
  const run = executions.find(({ kind, state }) => kind === 'run' && (state === 'succeeded' || state === 'partial'))
  if (!run) return refuse('Conflict', 'This task has no successful action to take back.')
  if (executions.some((execution) => execution.undoes === run.id && execution.state === 'succeeded')) {
    return refuse('Conflict', 'The action was taken back already.')
  }
  return run
}
