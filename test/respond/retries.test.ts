import assert from 'node:assert/strict'
import { cancelAction } from '../../src/respond/cancel.ts'
import { decideOutcome } from '../../src/respond/safety/decide.ts'
import { eachDatabase } from '../support/databases.ts'
import type { Weather } from '../support/fake-target.ts'
import { answerOf, type Bench, createBench, logOf } from './races/bench.ts'

const hour = 3_600_000

async function giveRun(bench: Bench, weather: Weather): Promise<string> {
  const taskId = await bench.task()
  bench.target.weather = weather
  await bench.execute(taskId)
  await bench.stepper.run()
  return taskId
}

eachDatabase(
  'a failure that passes is tried again under the same id, later and later, until the deadline',
  async (t, store) => {
    const bench = await createBench(t, store)
    const taskId = await giveRun(bench, 'busy')
    const { id } = await bench.newest(taskId)
    assert.deepEqual([(await bench.newest(taskId)).state, (await bench.newest(taskId)).reasonCode], ['queued', 'Busy'])

    for (let tries = 0; tries < 5; tries++) {
      bench.target.weather = 'busy'
      bench.clock.tick(400_000)
      await bench.stepper.run()
    }
    assert.equal(bench.target.starts.get(id), 6)
    assert.equal((await bench.newest(taskId)).epoch, 6)
    bench.clock.tick(400_000)
    await bench.stepper.run()

    assert.deepEqual([(await bench.newest(taskId)).state, bench.target.effects.get(id)], ['succeeded', 1])
  },
)

eachDatabase('what can never be handed over expires at its deadline, and a new run may follow', async (t, store) => {
  const bench = await createBench(t, store)
  bench.target.away.add('host-1')
  const taskId = await bench.task()
  await bench.execute(taskId)
  await bench.stepper.run()
  bench.clock.tick(73 * hour)
  await bench.stepper.run()

  const execution = await bench.newest(taskId)
  assert.deepEqual([execution.state, execution.reasonCode], ['expired', 'commandDeadline'])
  const { doc } = await bench.readTask(taskId)
  assert.deepEqual([doc.status, doc.actionStatus], ['failed', 'failed'])
  // The host comes back later than that, and does nothing.
  bench.target.away.clear()
  assert.equal(bench.target.deliver(execution.id), false)

  assert.equal(await answerOf(bench.execute(taskId)), 'ok')
  await bench.stepper.run()
  const retry = await bench.newest(taskId)
  assert.deepEqual([retry.state, retry.supersedes], ['succeeded', execution.id])
})

eachDatabase(
  'a connection that broke is settled by reading the target, in both cases without a second effect',
  async (t, store) => {
    const bench = await createBench(t, store)
    const arrived = await giveRun(bench, 'lostAfter')
    const execution = await bench.newest(arrived)
    assert.deepEqual([execution.state, bench.target.effects.get(execution.id)], ['succeeded', 1])
    assert.equal(bench.target.starts.get(execution.id), 1)

    const lost = await giveRun(bench, 'lostBefore')
    assert.equal((await bench.newest(lost)).state, 'queued')
    bench.clock.tick(400_000)
    await bench.stepper.run()
    const again = await bench.newest(lost)
    assert.deepEqual([again.state, bench.target.effects.get(again.id)], ['succeeded', 1])
  },
)

eachDatabase(
  'a host that falls silent leaves the outcome unknown; what it says later is taken, and cancel is too late',
  async (t, store) => {
    const bench = await createBench(t, store)
    bench.target.prompt = false
    const taskId = await bench.task()
    await bench.execute(taskId)
    await bench.stepper.run()
    const { id } = await bench.newest(taskId)
    bench.target.finish(id, 'silent')
    bench.clock.tick(1_001_000)
    await bench.stepper.run()

    const silent = await bench.newest(taskId)
    assert.deepEqual([silent.state, silent.reasonCode], ['unknown', 'ContactLost'])
    const { doc } = await bench.readTask(taskId)
    assert.deepEqual([doc.status, doc.actionStatus], ['inProgress', 'inProgress'])
    assert.match(await answerOf(cancelAction(bench, bench.customer, taskId)), /^Conflict: Too late/)
    assert.match(await answerOf(bench.execute(taskId)), /^ActionAlreadyInProgress/)

    bench.target.finish(id, 'done')
    bench.clock.tick(2 * hour)
    await bench.stepper.run()

    assert.equal((await bench.newest(taskId)).state, 'succeeded')
    assert.deepEqual((await logOf(store, id)).slice(-3), ['unknown', 'verifying', 'succeeded'])
    assert.equal(bench.target.starts.get(id), 1)
  },
)

eachDatabase(
  'a person decides an outcome nobody can find out, with a reason; nothing else can be decided',
  async (t, store) => {
    const bench = await createBench(t, store)
    bench.target.prompt = false
    const taskId = await bench.task()
    await bench.execute(taskId)
    await bench.stepper.run()
    const decide = () =>
      answerOf(decideOutcome(bench, bench.expert, taskId, { outcome: 'succeeded', reason: 'Seen on the switch.' }))
    assert.match(await decide(), /^Conflict: Only an unknown outcome/)
    bench.target.finish((await bench.newest(taskId)).id, 'unproved')
    bench.clock.tick(1_001_000)
    await bench.stepper.run()
    assert.deepEqual(
      [(await bench.newest(taskId)).reasonCode, (await bench.newest(taskId)).state],
      ['Unverified', 'unknown'],
    )

    assert.equal(await decide(), 'ok')

    const execution = await bench.newest(taskId)
    assert.deepEqual([execution.state, execution.reasonCode], ['succeeded', 'HumanJudgement'])
    assert.match(execution.reason ?? '', /Ada: Seen on the switch/)
    assert.equal((await bench.readTask(taskId)).doc.status, 'completed')
  },
)

eachDatabase('several targets: what is done counts, the rest is tried again and nothing else', async (t, store) => {
  const bench = await createBench(t, store)
  const orders: (readonly string[] | null)[] = []
  const ref = (name: string, state: 'succeeded' | 'failed') => {
    return { ref: name, displayName: name, state, code: state === 'failed' ? 'Locked' : null, detail: null }
  }
  const { connector } = bench.target
  const proof = { level: 'attested', method: 'fake', observedAt: bench.clock.now(), digest: '', checks: [] } as const
  const answers = [[ref('a', 'succeeded'), ref('b', 'failed')], [ref('b', 'succeeded')]]
  connector.start = async (order) => {
    orders.push(order.onlyTargets)
    return { outcome: 'done', changed: true, before: null, after: null, proof, targets: answers.shift() ?? [] }
  }
  const taskId = await bench.task()

  await bench.execute(taskId)
  await bench.stepper.run()

  const partial = await bench.newest(taskId)
  assert.deepEqual([partial.state, partial.reasonCode], ['partial', 'Locked'])
  assert.match(partial.reason ?? '', /1 of 2 targets not done: b/)
  const { doc } = await bench.readTask(taskId)
  assert.deepEqual([doc.status, doc.actionStatus], ['inProgress', 'partiallyCompleted'])

  await bench.execute(taskId)
  await bench.stepper.run()

  assert.deepEqual(orders, [null, ['b']])
  assert.equal((await bench.readTask(taskId)).doc.actionStatus, 'completed')
})

eachDatabase(
  'the newest execution is told from the others also while the clock stands still or goes back',
  async (t, store) => {
    const bench = await createBench(t, store)
    const taskId = await bench.task()
    const ids: string[] = []
    for (const jumpMs of [0, 0, -hour, 0]) {
      bench.clock.tick(jumpMs)
      await bench.execute(taskId)
      ids.unshift((await bench.newest(taskId)).id)
      await cancelAction(bench, bench.customer, taskId)
    }

    assert.deepEqual(
      (await bench.executions(taskId)).map(({ id }) => id),
      ids,
    )
    const supersedes = (await bench.executions(taskId)).map((execution) => execution.supersedes)
    assert.deepEqual(supersedes, [...ids.slice(1), null])
  },
)

eachDatabase(
  'turns on a host are kept in the order of the requests also when the clock goes back',
  async (t, store) => {
    const bench = await createBench(t, store)
    bench.target.prompt = false
    const running = await bench.task()
    await bench.execute(running)
    await bench.stepper.run()
    const order: string[] = []
    const waiting = [await bench.task(), await bench.task(), await bench.task()]
    const { connector } = bench.target
    const { start } = connector
    connector.start = (given) => {
      order.push(given.taskId)
      return start(given)
    }
    for (const taskId of waiting) {
      bench.clock.tick(-60_000)
      await bench.execute(taskId)
    }

    bench.target.prompt = true
    bench.target.finish((await bench.newest(running)).id, 'done')
    bench.clock.tick(2 * hour)
    await bench.stepper.run()

    assert.deepEqual(order, waiting)
  },
)
