import assert from 'node:assert/strict'
import { CordonError } from '../../../src/model/errors.ts'
import type { HumanOutcome } from '../../../src/model/execution-state.ts'
import type { IncidentTaskStatus } from '../../../src/model/generated.ts'
import { cancelAction } from '../../../src/respond/cancel.ts'
import { requestExecution } from '../../../src/respond/execute.ts'
import { changeTaskStatus } from '../../../src/respond/review.ts'
import { castVote } from '../../../src/respond/safety/approvals.ts'
import { decideOutcome } from '../../../src/respond/safety/decide.ts'
import { pauseDispatch } from '../../../src/respond/safety/policies.ts'
import { undoAction } from '../../../src/respond/undo.ts'
import { insertJob } from '../../../src/store/jobs.ts'
import { readApprovalOf } from '../../../src/store/safety/approvals.ts'
import type { Place, Weather } from '../../support/fake-target.ts'
import { fc } from '../../support/fast-check.ts'
import { type Expectations, executionsOf, isOpen, liveOf, observe } from './observe.ts'
import { type Model, plans, type SeenExecution, type TaskName, taskNames, type World } from './world.ts'

const minute = 60_000

/** What somebody does, or what happens. */
type Play = (model: Model, world: World) => Promise<Expectations>

/** A command of the model: every one may be tried at any time, and the answer must be the one the design names. */
class Command implements fc.AsyncCommand<Model, World> {
  readonly name: string
  readonly play: Play

  constructor(name: string, play: Play) {
    this.name = name
    this.play = play
  }

  check(): boolean {
    return true
  }

  async run(model: Model, world: World): Promise<void> {
    const kind = this.name.split('(')[0] ?? ''
    model.counts.set(kind, (model.counts.get(kind) ?? 0) + 1)
    await observe(model, world, await this.play(model, world))
  }

  toString(): string {
    return this.name
  }
}

/** `ok`, or the name of the refusal. */
async function answerOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'ok'
  } catch (cause) {
    if (cause instanceof CordonError) return cause.kind
    throw cause
  }
}

/** Design reliability 2.2, over what everybody can see. */
function predictExecute(model: Model, task: TaskName): string {
  if (liveOf(model, task)) return 'ActionAlreadyInProgress'
  const newest = executionsOf(model, task).find(({ kind }) => kind === 'run')
  const { status, reopened } = model.tasks[task]
  if (newest?.state === 'succeeded' && !reopened) return 'ActionAlreadyInProgress'
  return status === 'completed' || status === 'notRelevant' ? 'InvalidTaskState' : 'ok'
}

function mustBeApproved(model: Model, task: TaskName, kind: 'run' | 'undo'): boolean {
  const { host, actionType, incident } = plans[task]
  if (host === 'host-2') return true
  const others = [...model.holds.values()].some((hold) => hold.host === host && plans[hold.task].incident !== incident)
  return kind === 'run' && actionType === 'unIsolateDevice' && others
}

function execute(task: TaskName, key: string | null): Command {
  return new Command(`execute(${task}${key === null ? '' : `, ${key.slice(-1)}`})`, async (model, world) => {
    const kept = key === null ? undefined : model.answers.get(key)
    // A request key is good for 24 hours.
    const earlier = kept !== undefined && world.clock.nowMs() < kept.atMs + 24 * 60 * minute ? kept : undefined
    const predicted = earlier === undefined ? predictExecute(model, task) : replay(earlier, task)
    const approved = mustBeApproved(model, task, 'run')
    const before = model.executions.length

    const answer = await answerOf(requestExecution(world, world.actor('customer'), world.taskIds[task], key))

    assert.equal(answer, predicted)
    if (key !== null && earlier === undefined) model.answers.set(key, { task, answer, atMs: world.clock.nowMs() })
    const begun = answer === 'ok' && earlier === undefined
    if (!begun) return { nothing: true }
    await observe(model, world, { onlyTask: task })
    assert.equal(model.executions.length, before + 1)
    assert.equal(executionsOf(model, task)[0]?.state, approved ? 'awaitingApproval' : 'queued')
    return { nothing: true }
  })
}

function replay(earlier: { readonly task: TaskName; readonly answer: string }, task: TaskName): string {
  return earlier.task === task ? earlier.answer : 'ClientRequestIdReused'
}

function executeTwice(task: TaskName): Command {
  return new Command(`executeTwiceAtOnce(${task})`, async (model, world) => {
    const predicted = predictExecute(model, task)
    const before = model.executions.length
    const request = (): Promise<string> =>
      answerOf(requestExecution(world, world.actor('customer'), world.taskIds[task], null))

    const answers = await Promise.all([request(), request()])

    if (predicted !== 'ok') assert.deepEqual(answers, [predicted, predicted])
    else assert.deepEqual(answers.sort(), ['ActionAlreadyInProgress', 'ok'])
    await observe(model, world, { onlyTask: task })
    assert.equal(model.executions.length, before + (predicted === 'ok' ? 1 : 0))
    return { nothing: true }
  })
}

function cancel(task: TaskName): Command {
  return new Command(`cancel(${task})`, async (model, world) => {
    const live = liveOf(model, task)
    const waits = live?.state === 'awaitingApproval' || live?.state === 'queued'
    const place = live ? world.target.placeOf(live.id) : undefined
    const handedOver = (live?.state === 'dispatching' || live?.state === 'delivered') && live.handle !== null
    const possible = waits || (handedOver && place === 'waiting')

    const answer = await answerOf(cancelAction(world, world.actor('customer'), world.taskIds[task]))

    assert.equal(answer, possible ? 'ok' : 'Conflict', `${live?.state}, ${place}`)
    if (!live) return { nothing: true }
    await observe(model, world, { onlyTask: task })
    const after = model.executions.find(({ id }) => id === live.id)
    if (possible) assert.equal(after?.state, 'cancelled')
    // Too late is never cancelled as well.
    else assert.notEqual(after?.state, 'cancelled')
    return { nothing: true }
  })
}

/** What was done in part is taken back as far as it was done. */
function canBeUndone({ kind, state }: SeenExecution): boolean {
  return kind === 'run' && (state === 'succeeded' || state === 'partial')
}

function undo(task: TaskName): Command {
  return new Command(`undo(${task})`, async (model, world) => {
    const all = executionsOf(model, task)
    const run = all.find(canBeUndone)
    const undone = all.some(({ undoes, state }) => undoes === run?.id && state === 'succeeded')
    const possible = run !== undefined && !undone && !all.some(isOpen)

    const answer = await answerOf(undoAction(world, world.actor('customer'), world.taskIds[task]))

    assert.equal(answer, possible ? 'ok' : 'Conflict')
    const before = model.tasks[task]
    await observe(model, world, possible ? { onlyTask: task } : { nothing: true })
    assert.deepEqual(model.tasks[task], before, 'an undo leaves its task as it was')
    if (possible) assert.equal(executionsOf(model, task)[0]?.undoes, run.id)
    return { nothing: true }
  })
}

/** Of whatever can be undone the first, so that undo is met more often than by chance. */
function undoAny(): Command {
  return new Command('undo(any)', async (model, world) => {
    const name = taskNames.find((candidate) => {
      const all = executionsOf(model, candidate)
      return all[0] !== undefined && canBeUndone(all[0])
    })
    return name === undefined ? { nothing: true } : undo(name).play(model, world)
  })
}

function vote(task: TaskName, who: string, decision: 'approve' | 'reject', honest: boolean): Command {
  const name = `${decision}(${task}, ${who}${honest ? '' : ', another digest'})`
  return new Command(name, async (model, world) => {
    const newest = executionsOf(model, task)[0]
    const approval = newest ? await readApprovalOf(world.store.read, world.tenantId, newest.id) : null
    if (!newest || !approval) return { nothing: true }
    const own = decision === 'approve' && (who === 'customer' || who === 'expert')
    const open = approval.state === 'pending' && world.clock.now() <= approval.expiresAt
    const predicted = !open ? 'Conflict' : own ? 'Forbidden' : honest ? 'ok' : 'Conflict'
    const digest = honest ? approval.digest : `sha256:${'0'.repeat(64)}`

    const ballot = { decision, digest, comment: null }
    const answer = await answerOf(castVote(world, world.actor(who), approval.id, ballot))

    assert.equal(answer, predicted)
    await observe(model, world, answer === 'ok' ? { onlyTask: task } : { nothing: true })
    const after = model.executions.find(({ id }) => id === newest.id)
    if (answer === 'ok') assert.equal(after?.state, decision === 'approve' ? 'queued' : 'cancelled')
    return { nothing: true }
  })
}

function patch(task: TaskName, status: IncidentTaskStatus): Command {
  return new Command(`patch(${task}, ${status})`, async (model, world) => {
    const before = model.tasks[task]
    const same = before.status === status
    const predicted = same || !liveOf(model, task) ? 'ok' : 'Conflict'

    const answer = await answerOf(changeTaskStatus(world, world.actor('customer'), world.taskIds[task], status))

    assert.equal(answer, predicted)
    await observe(model, world, same || answer !== 'ok' ? { nothing: true } : { onlyTask: task })
    assert.equal(model.tasks[task].actionStatus, before.actionStatus, 'I18: a person never changes actionStatus')
    if (answer === 'ok') assert.equal(model.tasks[task].status, status)
    return { nothing: true }
  })
}

function decide(task: TaskName, outcome: HumanOutcome): Command {
  return new Command(`decide(${task}, ${outcome})`, async (model, world) => {
    const live = liveOf(model, task)
    const judgement = { outcome, reason: 'I went there and looked.' }

    const answer = await answerOf(decideOutcome(world, world.actor('expert'), world.taskIds[task], judgement))

    assert.equal(answer, live?.state === 'unknown' ? 'ok' : 'Conflict')
    return answer === 'ok' ? { onlyTask: task } : { nothing: true }
  })
}

/** Of whatever nobody knows the outcome of the first, so that a person's judgement is met more often than by chance. */
function decideAny(outcome: HumanOutcome): Command {
  return new Command(`decide(any, ${outcome})`, async (model, world) => {
    const name = taskNames.find((candidate) => liveOf(model, candidate)?.state === 'unknown')
    return name === undefined ? { nothing: true } : decide(name, outcome).play(model, world)
  })
}

function happen(name: string, play: (world: World, model: Model) => unknown): Command {
  return new Command(name, async (model, world) => {
    await play(world, model)
    return { nothing: true }
  })
}

function pause(paused: boolean): Command {
  return new Command(paused ? 'pause()' : 'resume()', async (model, world) => {
    await pauseDispatch(world, world.actor('admin'), paused, 'a drill')
    model.paused = paused
    return { nothing: true }
  })
}

function work(all: boolean): Command {
  return new Command(all ? 'workAll()' : 'workOne()', async (model, world) => {
    const waited = new Set(model.executions.filter(({ state }) => state === 'queued').map(({ id }) => id))
    const starts = new Map(world.target.starts)
    if (all) await world.stepper.run()
    else await world.stepper.step()
    if (!model.paused) return {}
    for (const [id, count] of world.target.starts) {
      assert.ok(!waited.has(id) || (starts.get(id) ?? 0) === count, 'handed over while all dispatch is paused')
    }
    return {}
  })
}

/** Carried out as far as it goes, so that what comes after meets more than what waits. */
function carryOut(task: TaskName): Command {
  return happen(`carryOut(${task})`, async (world, model) => {
    await answerOf(requestExecution(world, world.actor('customer'), world.taskIds[task], null))
    await observe(model, world, { onlyTask: task })
    await world.stepper.run()
    await observe(model, world)
  })
}

/** Hosts say something about the orders they have: once, twice, or late. */
function report(how: Extract<Place, 'done' | 'unproved' | 'silent' | 'failed'>): Command {
  return happen(`report(${how})`, async (world, model) => {
    for (const { id } of model.executions) world.target.finish(id, how)
    for (const name of taskNames) await lookAgain(world, model, name)
    await world.stepper.run()
    await observe(model, world)
  })
}

async function lookAgain(world: World, model: Model, task: TaskName): Promise<void> {
  const newest = executionsOf(model, task)[0]
  if (newest === undefined) return
  const payload = { executionId: newest.id }
  const job = { id: world.ids.guid(), kind: 'check-action', payload, key: `check:${newest.id}` }
  await world.store.transaction((tx) => insertJob(tx, world.tenantId, world.clock.now(), job))
}

function deliver(task: TaskName): Command {
  return happen(`deliver(${task})`, async (world, model) => {
    for (const { id } of executionsOf(model, task)) world.target.deliver(id)
    await lookAgain(world, model, task)
  })
}

const task = fc.constantFrom(...taskNames)
const keys = ['11111111-1111-4111-8111-11111111111a', '11111111-1111-4111-8111-11111111111b']
const weathers: readonly Weather[] = [
  'busy',
  'lostBefore',
  'lostAfter',
  'crashBefore',
  'crashAfter',
  'refuses',
  'fails',
]
/** Every command there is, the usual ones more often. */
export const commands: fc.Arbitrary<fc.AsyncCommand<Model, World>>[] = [
  task.map((name) => execute(name, null)),
  task.map((name) => execute(name, null)),
  fc.tuple(task, fc.constantFrom(...keys)).map(([name, key]) => execute(name, key)),
  task.map(executeTwice),
  task.map(cancel),
  task.map(undo),
  fc.constant(undoAny()),
  fc
    .tuple(fc.constantFrom('approver', 'approver2', 'customer', 'expert'), fc.boolean(), fc.boolean())
    .map(([who, honest, second]) => vote(second ? 'guarded' : 'releaseA', who, 'approve', honest)),
  fc.constant(vote('guarded', 'approver', 'approve', true)),
  task.map((name) => vote(name, 'approver2', 'reject', true)),
  fc
    .tuple(task, fc.constantFrom('open', 'completed', 'notRelevant', 'inProgress'))
    .map(([name, status]) => patch(name, status as IncidentTaskStatus)),
  task.map((name) => patch(name, 'open')),
  fc
    .tuple(task, fc.constantFrom<HumanOutcome>('succeeded', 'failed', 'partial'))
    .map(([name, how]) => decide(name, how)),
  fc.constantFrom<HumanOutcome>('partial', 'succeeded', 'failed').map(decideAny),
  fc.constant(pause(true)),
  fc.constant(pause(false)),
  fc.constant(pause(false)),
  task.map(carryOut),
  task.map(carryOut),
  fc.constant(carryOut('isolateA')),
  fc.constant(work(true)),
  fc.constant(work(true)),
  fc.constant(work(true)),
  fc.constant(work(false)),
  fc.constant(work(false)),
  fc.constantFrom('host-1', 'host-2').map((host) => happen(`away(${host})`, (world) => world.target.away.add(host))),
  fc.constantFrom('host-1', 'host-2').map((host) => happen(`back(${host})`, (world) => world.target.away.delete(host))),
  fc.boolean().map((prompt) =>
    happen(`prompt(${prompt})`, (world) => {
      world.target.prompt = prompt
    }),
  ),
  fc.constantFrom(...weathers).map((weather) =>
    happen(`weather(${weather})`, (world) => {
      world.target.weather = weather
    }),
  ),
  task.map(deliver),
  fc.constantFrom('done', 'unproved', 'silent', 'failed').map((how) => report(how as 'done')),
  fc.constantFrom('done', 'silent').map((how) => report(how as 'done')),
  fc.constant(happen('restart()', (world) => world.stepper.restart())),
  fc
    .constantFrom(1_000, 20_000, 5 * minute, 60 * minute, 25 * 60 * minute, 80 * 60 * minute)
    .map((ms) => happen(`tick(${ms / 1000} s)`, (world) => world.clock.tick(ms))),
]
