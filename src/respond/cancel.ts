import type { Progress } from '../connectors/connector.ts'
import { CordonError } from '../model/errors.ts'
import { type ExecutionState, isLive } from '../model/execution-state.ts'
import type { Tx } from '../store/db.ts'
import { type Execution, readExecutionsOfTask } from '../store/executions.ts'
import type { Actor } from '../store/record.ts'
import { readTask, readTaskForUpdate } from '../store/tasks.ts'
import { writeOrder } from './engine/order.ts'
import { planStep } from './engine/progress.ts'
import { engineActor, type Held, holdExecution, recordStep, type Step } from './outcome.ts'
import type { RunDeps } from './run.ts'
import { closeApprovalOf } from './safety/approvals.ts'

/**
 * Takes the action of a task that is under way back, before it has had an effect: run or undo, while it waits for approval or for its
 * turn, or where it was handed over and nobody has begun it.
 * @returns the id of the execution, which is cancelled then and had no effect
 * @throws CordonError NotFound; Conflict when nothing is under way, or when it is too late: the execution then goes on as it was
 * @source design reliability 2.3, 2.6
 */
export async function cancelAction(deps: RunDeps, actor: Actor, taskId: string): Promise<string> {
  const task = await readTask(deps.store.read, actor.tenantId, taskId)
  if (!task) throw new CordonError('NotFound', `taskId ${taskId.slice(0, 100)} not found`)
  const waiting = await deps.store.transaction((tx) => cancelWaiting(deps, tx, actor, taskId))
  if (typeof waiting === 'string') return waiting
  const { execution } = waiting
  if (execution.handle === null) throw tooLate(execution.state)
  const connector = execution.connector === null ? undefined : deps.registry.get(execution.connector)
  if (!connector) throw tooLate(execution.state)
  const order = writeOrder(execution, { approval: null, agreed: 0, superseded: null })
  const progress = await connector.cancel(order, execution.handle)
  const state = await deps.store.transaction((tx) => recordAnswer(deps, tx, actor, execution, progress))
  if (state !== 'cancelled') throw tooLate(state)
  return execution.id
}

const cancelled: Step = { to: 'cancelled', facts: { reasonCode: 'Cancelled', reason: 'Cancelled before any effect.' } }

/** Ends what has not been handed over; what has been is answered as it stands, to be taken back there. */
async function cancelWaiting(
  deps: RunDeps,
  tx: Tx,
  actor: Actor,
  taskId: string,
): Promise<string | { readonly execution: Execution }> {
  const task = await readTaskForUpdate(tx, actor.tenantId, taskId)
  const executions = task ? await readExecutionsOfTask(tx, actor.tenantId, taskId) : []
  const live = executions.find((execution) => isLive(execution.state))
  const held = live ? await holdExecution(tx, actor.tenantId, live.id) : null
  if (!held || !isLive(held.execution.state)) throw nothingUnderWay(executions[0])
  const { execution } = held
  if (execution.state === 'awaitingApproval' || execution.state === 'queued') {
    await cancelHeld(deps, tx, actor, held)
    return execution.id
  }
  if (execution.state === 'dispatching' || execution.state === 'delivered') return { execution }
  throw tooLate(execution.state)
}

async function cancelHeld(deps: RunDeps, tx: Tx, actor: Actor, held: Held): Promise<void> {
  const now = deps.clock.now()
  await closeApprovalOf(tx, held.execution, 'cancelled', now)
  await recordStep(deps, tx, actor, held, cancelled, now)
}

/** Records what the connector answered. @returns the state afterwards */
async function recordAnswer(
  deps: RunDeps,
  tx: Tx,
  actor: Actor,
  seen: Execution,
  progress: Progress,
): Promise<ExecutionState> {
  const held = await holdExecution(tx, seen.tenantId, seen.id)
  if (!held) throw new TypeError(`execution ${seen.id} is gone`)
  const { execution } = held
  // Somebody else went on with it meanwhile: what became of it stands.
  if (execution.epoch !== seen.epoch || !isLive(execution.state)) return execution.state
  const now = deps.clock.now()
  if (progress.outcome === 'cancelled' && (execution.state === 'dispatching' || execution.state === 'delivered')) {
    return (await recordStep(deps, tx, actor, held, cancelled, now)).execution.state
  }
  const step = planStep(deps, execution, progress, now)
  return (await recordStep(deps, tx, engineActor(seen.tenantId), held, step, now)).execution.state
}

function nothingUnderWay(newest: Execution | undefined): CordonError {
  const ended = newest === undefined ? '' : ` The last one is ${newest.state}.`
  const undo = newest?.state === 'succeeded' && newest.kind === 'run' ? ' It can be taken back with undo.' : ''
  return new CordonError('Conflict', `No action of this task is under way.${ended}${undo}`)
}

function tooLate(state: ExecutionState): CordonError {
  switch (state) {
    case 'dispatching':
      return new CordonError('Conflict', 'The action is being handed over at this moment; ask again.')
    case 'succeeded':
    case 'partial':
      return new CordonError('Conflict', 'Too late: the action has taken effect. It can be taken back with undo.')
    case 'delivered':
    case 'running':
    case 'verifying':
    case 'unknown':
      return new CordonError('Conflict', `Too late: the action is ${state} and goes on.`)
    default:
      return new CordonError('Conflict', `The action has ended already: it is ${state}.`)
  }
}
