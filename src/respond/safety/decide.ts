import type { Clock, Ids } from '../../io/clock.ts'
import { actionKinds } from '../../model/actions.ts'
import { CordonError } from '../../model/errors.ts'
import { type HumanOutcome, isLive } from '../../model/execution-state.ts'
import type { Store, Tx } from '../../store/db.ts'
import { readExecutionsOfTask } from '../../store/executions.ts'
import type { Actor } from '../../store/record.ts'
import { readTaskForUpdate } from '../../store/tasks.ts'
import { holdExecution, recordStep } from '../outcome.ts'

/** What deciding needs. */
export interface DecideDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
}

/** How a person says an execution came out. */
export interface Judgement {
  readonly outcome: HumanOutcome
  readonly reason: string
}

/**
 * Lets a person decide the outcome of an execution that nobody can find out. It stands in the audit as somebody's judgement, never as
 * something that was seen.
 * @returns the id of the execution
 * @throws CordonError NotFound; Conflict unless an outcome of the task is unknown; Forbidden for the requester and the proposer of an
 *   action of tier 3
 * @source design reliability 2.3 (unknown, a person decides)
 */
export async function decideOutcome(
  deps: DecideDeps,
  actor: Actor,
  taskId: string,
  judgement: Judgement,
): Promise<string> {
  return deps.store.transaction((tx) => decide(deps, tx, actor, taskId, judgement))
}

async function decide(deps: DecideDeps, tx: Tx, actor: Actor, taskId: string, judgement: Judgement): Promise<string> {
  const task = await readTaskForUpdate(tx, actor.tenantId, taskId)
  if (!task) throw new CordonError('NotFound', `taskId ${taskId.slice(0, 100)} not found`)
  const executions = await readExecutionsOfTask(tx, actor.tenantId, taskId)
  const live = executions.find((execution) => isLive(execution.state))
  const held = live ? await holdExecution(tx, actor.tenantId, live.id) : null
  if (held?.execution.state !== 'unknown') {
    const state = held?.execution.state ?? executions[0]?.state ?? 'not begun'
    throw new CordonError('Conflict', `Only an unknown outcome is decided by a person; this one is ${state}.`)
  }
  const { execution } = held
  const own = actor.id === execution.requestedBy.id || actor.id === task.proposedBy
  if (actionKinds[execution.actionType].tier === 3 && own) {
    throw new CordonError('Forbidden', 'Of an action of tier 3 somebody decides who neither proposed nor requested it.')
  }
  const facts = { reasonCode: 'HumanJudgement', reason: `${actor.name}: ${judgement.reason}`.slice(0, 1000) }
  const step = { to: judgement.outcome, facts, byPerson: true }
  return (await recordStep(deps, tx, actor, held, step, deps.clock.now())).execution.id
}
