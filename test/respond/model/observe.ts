import assert from 'node:assert/strict'
import type { ExecutionState } from '../../../src/model/execution-state.ts'
import type { Execution } from '../../../src/store/executions.ts'
import { readExecutionsOfTask } from '../../../src/store/executions.ts'
import { readApprovalOf } from '../../../src/store/safety/approvals.ts'
import { readTask } from '../../../src/store/tasks.ts'
import { type Model, plans, type SeenExecution, type SeenTask, type TaskName, taskNames, type World } from './world.ts'

/** Design reliability 2.3 and 2.1, written out a second time, so that the code is held against the text and not against itself. */
const legal: Readonly<Record<ExecutionState, readonly ExecutionState[]>> = {
  awaitingApproval: ['queued', 'cancelled', 'expired'],
  queued: ['dispatching', 'cancelled', 'expired'],
  dispatching: ['queued', 'delivered', 'failed', 'refused', 'cancelled', 'expired'],
  delivered: ['running', 'refused', 'expired', 'cancelled', 'unknown'],
  running: ['verifying', 'unknown'],
  verifying: ['succeeded', 'partial', 'failed', 'unknown'],
  unknown: ['verifying', 'succeeded', 'partial', 'failed'],
  succeeded: [],
  partial: [],
  failed: [],
  refused: [],
  expired: [],
  cancelled: [],
}

const visible: Readonly<Record<ExecutionState, readonly [actionStatus: string, status: string]>> = {
  awaitingApproval: ['notStarted', 'inProgress'],
  queued: ['inProgress', 'inProgress'],
  dispatching: ['inProgress', 'inProgress'],
  delivered: ['inProgress', 'inProgress'],
  running: ['inProgress', 'inProgress'],
  verifying: ['inProgress', 'inProgress'],
  unknown: ['inProgress', 'inProgress'],
  succeeded: ['completed', 'completed'],
  partial: ['partiallyCompleted', 'inProgress'],
  failed: ['failed', 'failed'],
  refused: ['failed', 'failed'],
  expired: ['failed', 'failed'],
  cancelled: ['notStarted', 'open'],
}

const turnStates: readonly ExecutionState[] = ['dispatching', 'delivered', 'running', 'verifying']

/** True while an execution has no outcome. */
export function isOpen({ state }: { readonly state: ExecutionState }): boolean {
  return legal[state].length > 0
}

/** The executions of a task, newest first. */
export function executionsOf(model: Model, task: TaskName): readonly SeenExecution[] {
  return model.executions.filter((execution) => execution.task === task)
}

/** The execution of a task that has no outcome. */
export function liveOf(model: Model, task: TaskName): SeenExecution | undefined {
  return executionsOf(model, task).find(isOpen)
}

/** What a command may have changed. */
export interface Expectations {
  /** Whoever acts on one task changes nothing of the others. */
  readonly onlyTask?: TaskName
  /** Refused, or without anything to do: nothing may differ. */
  readonly nothing?: boolean
}

/**
 * Looks at everything, holds it against what was there before the command and against the invariants of the design, and takes it as the
 * new abstract state.
 */
export async function observe(model: Model, world: World, expected: Expectations = {}): Promise<void> {
  const executions: SeenExecution[] = []
  const whole = new Map<string, Execution>()
  const tasks: Partial<Record<TaskName, SeenTask>> = {}
  for (const name of taskNames) {
    const task = await readTask(world.store.read, world.tenantId, world.taskIds[name])
    assert.ok(task)
    const { status, actionStatus, lastModifiedDateTime } = task.doc
    tasks[name] = { status, actionStatus, reopened: task.reopened, modified: lastModifiedDateTime }
    for (const execution of await readExecutionsOfTask(world.store.read, world.tenantId, world.taskIds[name])) {
      whole.set(execution.id, execution)
      const { id, kind, undoes, actionType, state, handle, requestedBy } = execution
      executions.push({ id, task: name, kind, undoes, actionType, state, handle, requestedBy: requestedBy.id })
    }
  }
  const seen = { executions, tasks: tasks as Record<TaskName, SeenTask> }
  checkChanges(model, seen, expected)
  updateHolds(model, executions)
  model.executions = executions
  model.tasks = seen.tasks
  checkStates(model)
  await checkEffects(model, world, whole)
}

type Seen = Pick<Model, 'executions' | 'tasks'>

function checkChanges(before: Model, after: Seen, { onlyTask, nothing }: Expectations): void {
  const known = new Map(before.executions.map((execution) => [execution.id, execution]))
  for (const execution of after.executions) {
    const was = known.get(execution.id)
    const changed = was?.state !== execution.state
    if (nothing === true || (onlyTask !== undefined && execution.task !== onlyTask)) {
      assert.equal(changed, false, `${execution.task}: ${was?.state} to ${execution.state} by somebody else's command`)
    }
    if (changed) {
      const reached = `${execution.kind} ${execution.state}`
      before.reached.set(reached, (before.reached.get(reached) ?? 0) + 1)
    }
    if (was === undefined) assert.ok(['awaitingApproval', 'queued'].includes(execution.state), 'begins to wait')
    // I11 and 2.3: there is a way of legal steps; none leads out of an end.
    else if (changed) assert.ok(leadsTo(was.state, execution.state), `${was.state} to ${execution.state}`)
  }
  assert.equal(before.executions.filter(({ id }) => !after.executions.some((one) => one.id === id)).length, 0)
  for (const name of taskNames) {
    assert.ok(after.tasks[name].modified >= before.tasks[name].modified, 'I11: lastModifiedDateTime went back')
    const same = nothing === true || (onlyTask !== undefined && name !== onlyTask)
    if (same && before.tasks[name].modified !== '') assert.deepEqual(after.tasks[name], before.tasks[name])
  }
}

function leadsTo(from: ExecutionState, to: ExecutionState): boolean {
  const reached = new Set<ExecutionState>([from])
  for (const state of reached) for (const next of legal[state]) reached.add(next)
  return reached.has(to)
}

function updateHolds(model: Model, executions: readonly SeenExecution[]): void {
  const was = new Map(model.executions.map(({ id, state }) => [id, state]))
  const ended = executions.filter(
    ({ id, state }) => was.get(id) !== state && (state === 'succeeded' || state === 'partial'),
  )
  // Several may have ended since: those on one host did so in the order of their turns, oldest request first.
  for (const execution of ended.toReversed()) {
    const { host } = plans[execution.task]
    if (execution.actionType === 'isolateDevice') model.holds.set(execution.id, { task: execution.task, host })
    // A host that was released in part is still held.
    else if (execution.state === 'partial') continue
    else if (execution.kind === 'undo') model.holds.delete(execution.undoes ?? '')
    else for (const [id, hold] of model.holds) if (hold.host === host) model.holds.delete(id)
  }
}

function checkStates(model: Model): void {
  for (const name of taskNames) {
    const all = executionsOf(model, name)
    const live = all.filter(isOpen)
    assert.ok(live.length <= 1, `I1: ${live.length} live executions of ${name}`)
    const run = all.find(({ kind }) => kind === 'run')
    const { status, actionStatus, reopened } = model.tasks[name]
    const shown = run === undefined ? 'notStarted' : visible[run.state][0]
    if (run?.state === 'expired') assert.ok(['failed', 'notStarted'].includes(actionStatus))
    else assert.equal(actionStatus, shown, `I8: actionStatus of ${name} after ${run?.state}`)
    if (run && isOpen(run)) assert.equal(status, 'inProgress', `I7: status of ${name} while ${run.state}`)
    if (run && isOpen(run)) assert.equal(reopened, false)
  }
  for (const host of ['host-1', 'host-2']) {
    const turns = model.executions.filter(({ task, state }) => plans[task].host === host && turnStates.includes(state))
    assert.ok(turns.length <= 1, `I2: ${turns.map(({ id, state }) => `${id} ${state}`).join(', ')} on ${host}`)
  }
}

async function checkEffects(model: Model, world: World, whole: ReadonlyMap<string, Execution>): Promise<void> {
  for (const execution of model.executions) {
    const { id, state } = execution
    const effects = world.target.effects.get(id) ?? 0
    assert.ok(effects <= 1, `I3: ${effects} effects of ${id}`)
    if (['cancelled', 'expired', 'awaitingApproval', 'queued', 'refused'].includes(state)) {
      assert.equal(effects, 0, `I6: ${state} with an effect`)
    }
    const result = whole.get(id)
    if (state === 'succeeded' && result?.reasonCode !== 'HumanJudgement') {
      assert.ok(result?.result?.proof, `I4: ${id} succeeded without proof`)
      assert.equal(effects, 1, `I4: ${id} succeeded without effect`)
    }
    if (state === 'awaitingApproval') model.guarded.add(id)
    if (effects > 0 && model.guarded.has(id)) {
      const approval = await readApprovalOf(world.store.read, world.tenantId, id)
      assert.equal(approval?.state, 'approved', 'I5: an effect before the approval')
    }
  }
}

/** What the log says of each execution is an unbroken chain of legal steps from its request to its state. */
export async function checkAudit(model: Model, world: World): Promise<void> {
  const rows = await world.store.read
    .selectFrom('audit')
    .select(['action', 'object_id', 'details'])
    .where('tenant_id', '=', world.tenantId)
    .where('decision', '=', 'allowed')
    .orderBy('seq')
    .execute()
  const states = new Map<string, ExecutionState>()
  for (const row of rows) {
    const details = JSON.parse(row.details ?? '{}')
    if (row.action === 'executeResponseAction' || row.action === 'undoResponseAction') {
      states.set(details.executionId, details.state)
    }
    if (!row.action.startsWith('execution.')) continue
    const from = states.get(row.object_id)
    const to = row.action.slice('execution.'.length) as ExecutionState
    assert.equal(details.from, from, `I10: a step is missing before ${row.action}`)
    assert.ok(from !== undefined && (from === to || legal[from].includes(to)), `I10: ${from} to ${to} in the log`)
    states.set(row.object_id, to)
  }
  for (const { id, state } of model.executions) assert.equal(states.get(id), state, 'I10: the log ends elsewhere')
}
