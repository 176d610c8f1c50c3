import type { Registry } from '../connectors/registry.ts'
import { type Clock, type Ids, instantOf, msOf } from '../io/clock.ts'
import { actionKinds } from '../model/actions.ts'
import { CordonError, isRefusal, type Refusal, refuse } from '../model/errors.ts'
import { isLive } from '../model/execution-state.ts'
import type { Store, Tx } from '../store/db.ts'
import { type Execution, insertExecution, readExecutionsOfTask } from '../store/executions.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { readTaskForUpdate } from '../store/tasks.ts'
import { runJob } from './execute.ts'

/** What taking an action back needs. */
export interface UndoDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly registry: Registry
}

/**
 * Takes a task's newest successful action back: a linked execution that restores the state recorded before it, on the same target. The
 * task's own status and actionStatus stay as they are.
 * @returns the id of the undo execution, which runs like any other
 * @throws CordonError NotFound; Conflict when an action is live, none succeeded, it is undone already, or it cannot be taken back
 */
export async function undoAction(deps: UndoDeps, actor: Actor, taskId: string): Promise<string> {
  const executionId = deps.ids.guid()
  const jobId = deps.ids.guid()
  const result = await deps.store.transaction((tx) => undo(deps, tx, actor, { taskId, executionId, jobId }))
  if (isRefusal(result)) throw new CordonError(result.refused, result.reason)
  return executionId
}

async function undo(
  deps: UndoDeps,
  tx: Tx,
  actor: Actor,
  request: { taskId: string; executionId: string; jobId: string },
): Promise<'accepted' | Refusal> {
  const task = await readTaskForUpdate(tx, actor.tenantId, request.taskId)
  if (!task) return refuse('NotFound', `taskId ${request.taskId} not found`)
  const now = deps.clock.now()
  const executions = await readExecutionsOfTask(tx, actor.tenantId, request.taskId)
  const run = chooseUndo(executions)
  if (isRefusal(run)) return run
  const connector = run.connector === null ? undefined : deps.registry.get(run.connector)
  if (!connector) return refuse('Conflict', 'The connector that carried the action out is no longer configured.')
  const plan = connector.planUndo(run)
  if (!plan.possible) return refuse('Conflict', plan.reason)
  const execution: Execution = {
    ...run,
    id: request.executionId,
    kind: 'undo',
    undoes: run.id,
    actionType: plan.actionType,
    state: 'queued',
    reasonCode: null,
    reason: null,
    requestedBy: { id: actor.id, name: actor.name },
    clientRequestId: actor.clientRequestId ?? null,
    parameters: plan.parameters,
    handle: null,
    result: null,
    epoch: 0,
    requestedAt: now,
    notAfter: instantOf(msOf(now) + actionKinds[plan.actionType].deadlineSeconds * 1000),
    startedAt: null,
    finishedAt: null,
    updatedAt: now,
  }
  await insertExecution(tx, execution)
  await recordChange(tx, {
    at: now,
    actor,
    audit: {
      action: 'undoResponseAction',
      objectType: 'incidentTask',
      objectId: request.taskId,
      decision: 'allowed',
      details: { executionId: execution.id, undoes: run.id, actionType: plan.actionType, target: run.target },
    },
    events: [{ change: 'created', resource: 'execution', objectId: execution.id }],
    jobs: [runJob(request.jobId, execution.id)],
  })
  return 'accepted'
}

/**
 * The execution an undo takes back: the newest run, if it succeeded and was not taken back since.
 * @param executions of one task, newest first
 */
export function chooseUndo(executions: readonly Execution[]): Execution | Refusal {
  if (executions.some((execution) => isLive(execution.state))) {
    return refuse('Conflict', 'An action of this task is still under way; wait for its outcome.')
  }
  const run = executions.find((execution) => execution.kind === 'run')
  if (run?.state !== 'succeeded') return refuse('Conflict', 'This task has no successful action to take back.')
  if (executions.some((execution) => execution.undoes === run.id && execution.state === 'succeeded')) {
    return refuse('Conflict', 'The action was taken back already.')
  }
  return run
}
