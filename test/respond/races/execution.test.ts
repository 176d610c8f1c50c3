import assert from 'node:assert/strict'
import { cancelAction } from '../../../src/respond/cancel.ts'
import { changeTaskStatus } from '../../../src/respond/review.ts'
import { undoAction } from '../../../src/respond/undo.ts'
import { eachDatabase } from '../../support/databases.ts'
import { tenantId } from '../../support/engine.ts'
import { liftBudgets } from '../../support/policies.ts'
import { answerOf, type Bench, createBench, logOf } from './bench.ts'

const keys = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'] as const

/** A task whose isolation the host has taken and not yet begun. */
async function giveDelivered(bench: Bench): Promise<string> {
  bench.target.prompt = false
  const taskId = await bench.task()
  await bench.execute(taskId)
  await bench.stepper.run()
  assert.equal((await bench.newest(taskId)).state, 'delivered')
  return taskId
}

/** The host says that it is done, and the engine hears of it. */
async function finish(bench: Bench, taskId: string): Promise<void> {
  bench.target.finish((await bench.newest(taskId)).id, 'done')
  // The next look at an order that was handed over.
  bench.clock.tick(1_001_000)
  await bench.stepper.run()
}

eachDatabase(
  'execute against execute with two client-request-ids: one 204, one refusal, one execution',
  async (t, store) => {
    const bench = await createBench(t, store)
    const taskId = await bench.task()

    const answers = await Promise.all(keys.map((key) => answerOf(bench.execute(taskId, key))))

    assert.deepEqual(answers.sort(), ['ActionAlreadyInProgress: Response action is already in progress.', 'ok'])
    assert.equal((await bench.executions(taskId)).length, 1)
  },
)

eachDatabase(
  'execute against execute with one client-request-id: both hear the same, one execution',
  async (t, store) => {
    const bench = await createBench(t, store)
    const [taskId, other] = [await bench.task(), await bench.task()]

    const answers = await Promise.all(Array.from({ length: 10 }, () => answerOf(bench.execute(taskId, keys[0]))))

    assert.deepEqual(new Set(answers), new Set(['ok']))
    assert.equal((await bench.executions(taskId)).length, 1)
    await bench.stepper.run()
    assert.equal(await answerOf(bench.execute(taskId, keys[0])), 'ok')
    assert.equal((await bench.executions(taskId)).length, 1)
    assert.match(await answerOf(bench.execute(other, keys[0])), /^ClientRequestIdReused/)
  },
)

eachDatabase('one client-request-id for two tasks at once: one runs, the other is refused', async (t, store) => {
  const bench = await createBench(t, store)
  const tasks = [await bench.task({ host: 'host-1' }), await bench.task({ host: 'host-2' })]

  const answers = await Promise.all(tasks.map((taskId) => answerOf(bench.execute(taskId, keys[0]))))

  assert.equal(answers.filter((answer) => answer === 'ok').length, 1, answers.join(' / '))
  assert.equal(answers.filter((answer) => answer.startsWith('ClientRequestIdReused')).length, 1)
  const executions = await Promise.all(tasks.map((taskId) => bench.executions(taskId)))
  assert.equal(executions.flat().length, 1)
})

eachDatabase('cancel against delivery: cancelled without effect, or told that it is too late', async (t, store) => {
  const bench = await createBench(t, store)
  // Before: the host is away, and the order waits for it.
  bench.target.away.add('host-1')
  const early = await bench.task()
  await bench.execute(early)
  await bench.stepper.run()
  assert.equal((await bench.newest(early)).state, 'dispatching')

  assert.equal(await answerOf(cancelAction(bench, bench.customer, early)), 'ok')

  bench.target.away.clear()
  const taken = await bench.newest(early)
  assert.equal(bench.target.deliver(taken.id), false)
  assert.deepEqual([taken.state, bench.target.effects.get(taken.id)], ['cancelled', undefined])
  const { doc } = await bench.readTask(early)
  assert.deepEqual([doc.status, doc.actionStatus], ['open', 'notStarted'])

  // After: the host took it while the engine still believes that it waits.
  bench.target.away.add('host-1')
  bench.target.prompt = false
  const late = await bench.task()
  await bench.execute(late)
  await bench.stepper.run()
  bench.target.away.clear()
  assert.equal(bench.target.deliver((await bench.newest(late)).id), true)

  assert.match(
    await answerOf(cancelAction(bench, bench.customer, late)),
    /^Conflict: Too late: the action is delivered/,
  )

  assert.equal((await bench.newest(late)).state, 'delivered')
  await finish(bench, late)
  assert.equal((await bench.newest(late)).state, 'succeeded')
})

eachDatabase('cancel before the hand-over: nothing was ever handed over', async (t, store) => {
  const bench = await createBench(t, store)
  const taskId = await bench.task()
  await bench.execute(taskId)

  const answers = await Promise.all([
    answerOf(cancelAction(bench, bench.customer, taskId)),
    answerOf(cancelAction(bench, bench.customer, taskId)),
  ])
  await bench.stepper.run()

  assert.deepEqual(answers.map((answer) => answer.slice(0, 8)).sort(), ['Conflict', 'ok'])
  const { id, state } = await bench.newest(taskId)
  assert.equal(state, 'cancelled')
  assert.equal(bench.target.starts.get(id), undefined)
})

eachDatabase('cancel against completion: the success stands, and undo is offered', async (t, store) => {
  const bench = await createBench(t, store)
  const taskId = await giveDelivered(bench)
  // Done on the host; the engine has not heard of it.
  bench.target.finish((await bench.newest(taskId)).id, 'done')

  const answer = await answerOf(cancelAction(bench, bench.customer, taskId))

  assert.match(answer, /^Conflict: Too late: .*undo/)
  assert.equal((await bench.newest(taskId)).state, 'succeeded')
  assert.match(await answerOf(cancelAction(bench, bench.customer, taskId)), /^Conflict: .*undo/)
  assert.equal(await answerOf(undoAction(bench, bench.customer, taskId)), 'ok')
})

eachDatabase('undo during the run: refused, and never interleaved on the target', async (t, store) => {
  const bench = await createBench(t, store)
  const taskId = await giveDelivered(bench)

  assert.match(await answerOf(undoAction(bench, bench.customer, taskId)), /^Conflict: .*under way/)

  assert.equal((await bench.executions(taskId)).length, 1)
  await finish(bench, taskId)
  assert.equal((await bench.newest(taskId)).state, 'succeeded')
})

eachDatabase('undo against undo: one inverse execution', async (t, store) => {
  const bench = await createBench(t, store)
  const taskId = await bench.task()
  await bench.execute(taskId)
  await bench.stepper.run()

  const answers = await Promise.all(
    Array.from({ length: 5 }, () => answerOf(undoAction(bench, bench.customer, taskId))),
  )

  assert.equal(answers.filter((answer) => answer === 'ok').length, 1, answers.join(' / '))
  assert.ok(answers.every((answer) => answer === 'ok' || answer.startsWith('Conflict')))
  await bench.stepper.run()
  const executions = await bench.executions(taskId)
  assert.deepEqual(
    executions.map(({ kind, state }) => `${kind} ${state}`),
    ['undo succeeded', 'run succeeded'],
  )
  assert.equal(bench.target.isIsolated('host-1'), false)
  assert.match(await answerOf(undoAction(bench, bench.customer, taskId)), /^Conflict: .*taken back already/)
})

eachDatabase(
  'two incidents isolate one host, the first is undone: still isolated, and shown as such',
  async (t, store) => {
    const bench = await createBench(t, store)
    const [first, second] = [await bench.task(), await bench.task()]
    for (const taskId of [first, second]) await bench.execute(taskId)
    await bench.stepper.run()

    await undoAction(bench, bench.customer, first)
    await bench.stepper.run()

    assert.equal(bench.target.isIsolated('host-1'), true)
    const held = await store.read.selectFrom('executions').select('task_id').where('holds', '=', 1).execute()
    assert.deepEqual(held, [{ task_id: second }])
    assert.deepEqual((await bench.newest(first)).result?.after, { isolated: true })

    await undoAction(bench, bench.customer, second)
    await bench.stepper.run()
    assert.equal(bench.target.isIsolated('host-1'), false)
  },
)

eachDatabase(
  'isolate against unIsolate on one host from two tasks: turns are taken, the last one wins',
  async (t, store) => {
    const bench = await createBench(t, store)
    const incidentId = (await bench.readTask(await bench.task())).incidentId
    const isolate = await bench.task({ incidentId })
    const release = await bench.task({ actionType: 'unIsolateDevice', incidentId })
    // The host has taken the isolation: the release waits for it.
    bench.target.prompt = false
    await bench.execute(isolate)
    await bench.stepper.run()
    await bench.execute(release)
    await bench.stepper.run()
    assert.deepEqual(
      [(await bench.newest(isolate)).state, (await bench.newest(release)).state],
      ['delivered', 'queued'],
    )

    bench.target.prompt = true
    await finish(bench, isolate)

    assert.deepEqual(
      [(await bench.newest(isolate)).state, (await bench.newest(release)).state],
      ['succeeded', 'succeeded'],
    )
    assert.equal(bench.target.isIsolated('host-1'), false)
  },
)

eachDatabase(
  'an isolation nobody has begun ends cancelled when a release comes, and both are recorded',
  async (t, store) => {
    const bench = await createBench(t, store)
    const [waiting, handedOver] = [await bench.task(), await bench.task()]
    const release = await bench.task({ actionType: 'unIsolateDevice' })
    bench.target.away.add('host-1')
    await bench.execute(handedOver)
    await bench.stepper.run()
    await bench.execute(waiting)
    await bench.stepper.run()
    assert.deepEqual(
      [(await bench.newest(handedOver)).state, (await bench.newest(waiting)).state],
      ['dispatching', 'queued'],
    )
    bench.target.away.clear()

    await bench.execute(release)
    await bench.stepper.run()

    assert.equal((await bench.newest(release)).state, 'succeeded')
    for (const taskId of [waiting, handedOver]) {
      const { id, state, reasonCode } = await bench.newest(taskId)
      assert.deepEqual([state, reasonCode, bench.target.effects.get(id)], ['cancelled', 'Superseded', undefined])
      assert.equal((await logOf(store, id)).at(-1), 'cancelled')
    }
    assert.equal(bench.target.isIsolated('host-1'), false)
  },
)

eachDatabase('an isolation requested after a waiting release comes after it', async (t, store) => {
  const bench = await createBench(t, store)
  const [running, later] = [await bench.task(), await bench.task()]
  const release = await bench.task({
    actionType: 'unIsolateDevice',
    incidentId: (await bench.readTask(running)).incidentId,
  })
  bench.target.prompt = false
  await bench.execute(running)
  await bench.stepper.run()
  await bench.execute(release)
  await bench.execute(later)
  await bench.stepper.run()

  bench.target.prompt = true
  await finish(bench, running)

  for (const taskId of [running, release, later]) assert.equal((await bench.newest(taskId)).state, 'succeeded')
  assert.equal(bench.target.isIsolated('host-1'), true)
})

eachDatabase(
  'a status PATCH against completion: refused before it, applied after it, never in between',
  async (t, store) => {
    const bench = await createBench(t, store)
    const taskId = await giveDelivered(bench)
    bench.target.finish((await bench.newest(taskId)).id, 'done')
    bench.clock.tick(1_001_000)

    const [answer] = await Promise.all([
      answerOf(changeTaskStatus(bench, bench.customer, taskId, 'notRelevant')),
      bench.stepper.run(),
    ])

    const { doc } = await bench.readTask(taskId)
    assert.equal((await bench.newest(taskId)).state, 'succeeded')
    assert.equal(doc.actionStatus, 'completed')
    if (answer === 'ok') assert.equal(doc.status, 'notRelevant')
    else assert.deepEqual([answer.split(':')[0], doc.status], ['Conflict', 'completed'])
    assert.equal(await answerOf(changeTaskStatus(bench, bench.customer, taskId, 'open')), 'ok')
  },
)

eachDatabase(
  'the server is killed after the effect and before its record: read back, no second effect',
  async (t, store) => {
    const bench = await createBench(t, store)
    const taskId = await bench.task()
    bench.target.weather = 'crashAfter'
    await bench.execute(taskId)
    await bench.stepper.run()
    const stopped = await bench.newest(taskId)
    assert.deepEqual([stopped.state, bench.target.effects.get(stopped.id)], ['dispatching', 1])

    await bench.stepper.restart()
    await bench.stepper.run()

    const execution = await bench.newest(taskId)
    assert.equal(execution.state, 'succeeded')
    assert.deepEqual([bench.target.effects.get(execution.id), bench.target.starts.get(execution.id)], [1, 1])
    assert.equal(execution.epoch, 2)
  },
)

eachDatabase(
  'the server is killed after the record and before the answer: the client asks again and hears 204',
  async (t, store) => {
    const bench = await createBench(t, store)
    const taskId = await bench.task()
    // The first answer never reached the client.
    await bench.execute(taskId, keys[0])
    await bench.stepper.run()

    assert.equal(await answerOf(bench.execute(taskId, keys[0])), 'ok')

    assert.equal((await bench.executions(taskId)).length, 1)
    assert.match(await answerOf(bench.execute(taskId, keys[1])), /^ActionAlreadyInProgress/)
  },
)

eachDatabase('a line on one target ends in its order, each step by those whose turn it is', async (t, store) => {
  const stepsFor = async (length: number): Promise<number> => {
    const bench = await createBench(t, store)
    await liftBudgets(store, tenantId)
    const taskIds: string[] = []
    while (taskIds.length < length) taskIds.push(await bench.task({ host: 'host-1' }))
    for (const taskId of taskIds) await bench.execute(taskId)
    let steps = 0
    while (await bench.stepper.step()) steps++
    const ended = await Promise.all(taskIds.map((taskId) => bench.newest(taskId)))
    assert.deepEqual(new Set(ended.map(({ state }) => state)), new Set(['succeeded']))
    const starts = ended.map(({ startedAt }) => startedAt ?? '')
    assert.deepEqual(starts, starts.toSorted())
    return steps
  }

  const [short, long] = [await stepsFor(4), await stepsFor(16)]

  // Woken all together each time one ends, a line four times as long takes ten times the steps. Jobs that are due together go by their ids, so
  // that the number differs with the seed: in 60 of them 8 to 11 for 4, and 41 to 47 for 16.
  assert.ok(short <= 4 * 3 && long <= 16 * 3, `${short} steps for 4, ${long} for 16`)
})
