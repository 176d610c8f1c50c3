import assert from 'node:assert/strict'
import { CordonError } from '../../src/model/errors.ts'
import { requestExecution } from '../../src/respond/execute.ts'
import { changeTaskStatus } from '../../src/respond/review.ts'
import { undoAction } from '../../src/respond/undo.ts'
import { eachDatabase } from '../support/databases.ts'
import { startEngine, succeed, tenantId } from '../support/engine.ts'

const guid = '22222222-2222-4222-8222-222222222222'

function refusedWith(kind: string): (cause: unknown) => boolean {
  return (cause) => cause instanceof CordonError && cause.kind === kind
}

eachDatabase('an executed task ends completed with its proof, one effect and an audit trail', async (t, store) => {
  const engine = startEngine(t, store)
  const task = await engine.giveTask()

  await requestExecution(engine.deps, engine.customer, task.doc.id, null)
  const execution = await engine.settled(task.doc.id)

  const after = await engine.readTask(task.doc.id)
  assert.equal(execution.state, 'succeeded')
  assert.equal(execution.result?.proof?.level, 'observed')
  assert.deepEqual([after.doc.status, after.doc.actionStatus], ['completed', 'completed'])
  assert.equal(engine.system.orders.length, 1)
  const audit = await store.read.selectFrom('audit').select(['action', 'object_id']).orderBy('seq').execute()
  assert.deepEqual(
    audit.filter((entry) => entry.object_id === execution.id).map((entry) => entry.action),
    ['dispatching', 'delivered', 'running', 'verifying', 'succeeded'].map((state) => `execution.${state}`),
  )
})

eachDatabase('a guided task waits for the customer and lets the incident go when it is done', async (t, store) => {
  const engine = startEngine(t, store)
  const task = await engine.giveTask()
  assert.equal((await engine.readIncident(task.incidentId)).doc.status, 'awaitingAction')

  await requestExecution(engine.deps, engine.customer, task.doc.id, null)
  await engine.settled(task.doc.id)

  await until(async () => (await engine.readIncident(task.incidentId)).doc.status === 'inProgress')
})

eachDatabase('a managed task runs at once, as the expert', async (t, store) => {
  const engine = startEngine(t, store)

  const task = await engine.giveTask({ source: 'defenderExpertsManagedResponse' })
  const execution = await engine.settled(task.doc.id)

  assert.equal(execution.state, 'succeeded')
  assert.equal(execution.requestedBy.id, 'expert')
  assert.notEqual((await engine.readIncident(task.incidentId)).doc.status, 'awaitingAction')
})

eachDatabase('a managed task that cannot run becomes guided and says why', async (t, store) => {
  const engine = startEngine(t, store)

  const task = await engine.giveTask({
    source: 'defenderExpertsManagedResponse',
    responseAction: {
      '@odata.type': '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction',
      identifierValue: 'nobody-knows-me',
      isolationType: 'full',
    },
  })

  await until(async () => (await engine.readTask(task.doc.id)).doc.source === 'defenderExpertsGuidedResponse')
  assert.match((await engine.readTask(task.doc.id)).doc.description, /nobody-knows-me/)
  assert.equal((await engine.readIncident(task.incidentId)).doc.status, 'awaitingAction')
})

eachDatabase('fifty requests at once make one execution', async (t, store) => {
  const engine = startEngine(t, store)
  engine.system.answers = [() => ({ outcome: 'running', handle: 'h', checkAfterSeconds: 60 })]
  const task = await engine.giveTask()

  const answers = await Promise.allSettled(
    Array.from({ length: 50 }, () => requestExecution(engine.deps, engine.customer, task.doc.id, null)),
  )

  assert.equal(answers.filter((answer) => answer.status === 'fulfilled').length, 1)
  const reasons = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))
  assert.ok(reasons.every(refusedWith('ActionAlreadyInProgress')))
  assert.equal((await engine.executionsOf(task.doc.id)).length, 1)
})

eachDatabase('the same client-request-id gets the first answer again and starts nothing', async (t, store) => {
  const engine = startEngine(t, store)
  const task = await engine.giveTask()
  const other = await engine.giveTask()

  await requestExecution(engine.deps, engine.customer, task.doc.id, guid)
  await engine.settled(task.doc.id)
  await requestExecution(engine.deps, engine.customer, task.doc.id, guid)

  assert.equal((await engine.executionsOf(task.doc.id)).length, 1)
  await assert.rejects(
    requestExecution(engine.deps, engine.customer, other.doc.id, guid),
    refusedWith('ClientRequestIdReused'),
  )
  assert.equal((await engine.executionsOf(other.doc.id)).length, 0)
})

eachDatabase('a completed action runs again only after the task was set back to open', async (t, store) => {
  const engine = startEngine(t, store)
  const task = await engine.giveTask()
  await requestExecution(engine.deps, engine.customer, task.doc.id, null)
  await engine.settled(task.doc.id)
  const again = (): Promise<void> => requestExecution(engine.deps, engine.customer, task.doc.id, null)
  await assert.rejects(again(), refusedWith('ActionAlreadyInProgress'))

  await changeTaskStatus(engine.deps, engine.customer, task.doc.id, 'open')
  await again()
  await engine.settled(task.doc.id)

  assert.equal((await engine.executionsOf(task.doc.id)).length, 2)
})

eachDatabase('a task closed by a person is not executed', async (t, store) => {
  const engine = startEngine(t, store)
  const task = await engine.giveTask()

  await changeTaskStatus(engine.deps, engine.customer, task.doc.id, 'notRelevant')

  await assert.rejects(
    requestExecution(engine.deps, engine.customer, task.doc.id, null),
    refusedWith('InvalidTaskState'),
  )
})

eachDatabase('the status cannot be changed while an execution is live, and its action goes on', async (t, store) => {
  const engine = startEngine(t, store)
  engine.system.answers = [() => ({ outcome: 'running', handle: 'h', checkAfterSeconds: 60 })]
  const task = await engine.giveTask()
  await requestExecution(engine.deps, engine.customer, task.doc.id, null)
  await engine.settled(task.doc.id, (execution) => execution.state === 'running')

  await assert.rejects(
    changeTaskStatus(engine.deps, engine.customer, task.doc.id, 'completed'),
    refusedWith('Conflict'),
  )

  const same = await changeTaskStatus(engine.deps, engine.customer, task.doc.id, 'inProgress')
  assert.equal(same.doc.actionStatus, 'inProgress')
})

eachDatabase('a permanent failure fails the task and a new request tries again', async (t, store) => {
  const engine = startEngine(t, store)
  engine.system.answers = [
    () => ({ outcome: 'failure', failureClass: 'permanent', code: 'ChannelLost', detail: 'The channel was cut.' }),
    succeed,
  ]
  const task = await engine.giveTask()
  await requestExecution(engine.deps, engine.customer, task.doc.id, null)
  const first = await engine.settled(task.doc.id)
  const failed = await engine.readTask(task.doc.id)
  assert.deepEqual([first.state, first.reasonCode], ['failed', 'ChannelLost'])
  assert.deepEqual([failed.doc.status, failed.doc.actionStatus], ['failed', 'failed'])

  await requestExecution(engine.deps, engine.customer, task.doc.id, null)
  await engine.settled(task.doc.id, (execution) => execution.state === 'succeeded')

  assert.equal((await engine.readTask(task.doc.id)).doc.status, 'completed')
})

eachDatabase('a transient failure is tried again with the same execution id', async (t, store) => {
  const engine = startEngine(t, store)
  engine.system.answers = [
    () => ({ outcome: 'failure', failureClass: 'transient', code: 'Busy', detail: 'busy', retryAfterSeconds: 0.1 }),
    succeed,
  ]
  const task = await engine.giveTask()

  await requestExecution(engine.deps, engine.customer, task.doc.id, null)
  const execution = await engine.settled(task.doc.id)

  assert.equal(execution.state, 'succeeded')
  assert.deepEqual(
    engine.system.orders.map((order) => [order.executionId, order.epoch]),
    [
      [execution.id, 1],
      [execution.id, 2],
    ],
  )
})

eachDatabase('an ambiguous failure is never sent again and never called done', async (t, store) => {
  const engine = startEngine(t, store)
  engine.system.answers = [
    () => ({ outcome: 'failure', failureClass: 'ambiguous', code: 'NoAnswer', detail: 'no answer' }),
  ]
  const task = await engine.giveTask()

  await requestExecution(engine.deps, engine.customer, task.doc.id, null)
  const execution = await engine.settled(task.doc.id, (found) => found.state === 'unknown')

  assert.equal(engine.system.orders.length, 1)
  assert.equal(execution.reasonCode, 'NoAnswer')
  assert.equal((await engine.readTask(task.doc.id)).doc.actionStatus, 'inProgress')
})

eachDatabase('a claimed success without proof does not complete the task', async (t, store) => {
  const engine = startEngine(t, store)
  engine.system.answers = [() => ({ outcome: 'done', changed: true, before: null, after: null, proof: null })]
  const task = await engine.giveTask()

  await requestExecution(engine.deps, engine.customer, task.doc.id, null)
  const execution = await engine.settled(task.doc.id, (found) => found.state === 'unknown')

  assert.equal(execution.reasonCode, 'Unverified')
  assert.equal((await engine.readTask(task.doc.id)).doc.status, 'inProgress')
})

eachDatabase('undo is a linked execution that leaves the task as it was', async (t, store) => {
  const engine = startEngine(t, store)
  const task = await engine.giveTask()
  await requestExecution(engine.deps, engine.customer, task.doc.id, null)
  const run = await engine.settled(task.doc.id)

  const undoId = await undoAction(engine.deps, engine.customer, task.doc.id)
  const undo = await engine.settled(task.doc.id, (found) => found.id === undoId && found.finishedAt !== null)

  assert.deepEqual([undo.kind, undo.undoes, undo.state], ['undo', run.id, 'succeeded'])
  assert.equal(engine.system.orders.at(-1)?.actionType, 'unIsolateDevice')
  const after = await engine.readTask(task.doc.id)
  assert.deepEqual([after.doc.status, after.doc.actionStatus], ['completed', 'completed'])
  await assert.rejects(undoAction(engine.deps, engine.customer, task.doc.id), refusedWith('Conflict'))
})

eachDatabase('executions on one device take turns in the order they were requested', async (t, store) => {
  const engine = startEngine(t, store)
  let isOver = false
  // It runs until the other has been requested, however long that takes.
  engine.system.answers = [
    (order) => {
      const runs = order.actionType === 'isolateDevice' && !isOver
      return runs ? { outcome: 'running', handle: 'h', checkAfterSeconds: 1 } : succeed(order)
    },
  ]
  const isolate = await engine.giveTask()
  const release = await engine.giveTask({
    actionType: 'unIsolateDevice',
    responseAction: {
      '@odata.type': '#microsoft.graph.security.unIsolateDeviceIncidentTaskResponseAction',
      identifierValue: 'web-07',
    },
  })

  await requestExecution(engine.deps, engine.customer, isolate.doc.id, null)
  await engine.settled(isolate.doc.id, (found) => found.state === 'running')
  await requestExecution(engine.deps, engine.customer, release.doc.id, null)
  isOver = true
  await engine.settled(release.doc.id)

  assert.deepEqual(
    engine.system.orders.map((order) => order.actionType),
    ['isolateDevice', 'unIsolateDevice'],
  )
  assert.equal((await engine.executionsOf(isolate.doc.id))[0]?.state, 'succeeded')
})

eachDatabase('a release does not wait for an isolation nobody has begun, and takes it back', async (t, store) => {
  const engine = startEngine(t, store)
  engine.system.answers = [
    () => ({ outcome: 'accepted', delivered: false, handle: 'first', checkAfterSeconds: 60 }),
    succeed,
  ]
  const release = await engine.giveTask({
    actionType: 'unIsolateDevice',
    responseAction: {
      '@odata.type': '#microsoft.graph.security.unIsolateDeviceIncidentTaskResponseAction',
      identifierValue: 'web-07',
    },
  })
  const [handedOver, waiting] = [await engine.giveTask(), await engine.giveTask()]
  await requestExecution(engine.deps, engine.customer, handedOver.doc.id, null)
  await engine.settled(handedOver.doc.id, (found) => found.handle === 'first')
  await requestExecution(engine.deps, engine.customer, waiting.doc.id, null)

  await requestExecution(engine.deps, engine.customer, release.doc.id, null)
  const released = await engine.settled(release.doc.id)

  assert.equal(released.state, 'succeeded')
  const superseded = await engine.settled(waiting.doc.id)
  assert.deepEqual([superseded.state, superseded.reasonCode], ['cancelled', 'Superseded'])
  const reopened = await engine.readTask(waiting.doc.id)
  assert.deepEqual([reopened.doc.status, reopened.doc.actionStatus], ['open', 'notStarted'])
  assert.equal(engine.system.effects.has(superseded.id), false)
})

eachDatabase('refusals name their reason and record nothing', async (t, store) => {
  const engine = startEngine(t, store)
  const cases: [string, string, Parameters<typeof engine.giveTask>[0]][] = [
    ['text', 'UnsupportedActionType', { actionType: 'text', responseAction: null }],
    [
      'user action without a connector',
      'UnsupportedActionType',
      {
        actionType: 'disableUser',
        responseAction: {
          '@odata.type': '#microsoft.graph.security.disableUserIncidentTaskResponseAction',
          identifierValue: 'bo@contoso.com',
        },
      },
    ],
    ['unknown device', 'TargetNotFound', { responseAction: isolate('elsewhere') }],
    ['two devices of one name', 'AmbiguousTarget', { responseAction: isolate('twins') }],
    [
      'a device that cannot do it',
      'NoExecutor',
      {
        actionType: 'restrictAppExecution',
        responseAction: {
          '@odata.type': '#microsoft.graph.security.restrictAppExecutionIncidentTaskResponseAction',
          identifierValue: 'web-07',
        },
      },
    ],
  ]
  for (const [name, kind, overrides] of cases) {
    const task = await engine.giveTask(overrides)
    await assert.rejects(requestExecution(engine.deps, engine.customer, task.doc.id, null), refusedWith(kind), name)
    assert.equal((await engine.executionsOf(task.doc.id)).length, 0, name)
  }
  const notAnId = requestExecution(engine.deps, engine.customer, 'x1', null)
  await assert.rejects(notAnId, (cause: Error) => cause.message === 'Invalid incidentTask id x1')
})

eachDatabase(
  'a device known from evidence only is accepted and its execution fails with that reason',
  async (t, store) => {
    const engine = startEngine(t, store)
    const now = engine.deps.clock.now()
    const seen = { alert_count: 1, first_seen_at: now, last_seen_at: now, partners: '[]' }
    await store.transaction(async (tx) => {
      await tx
        .insertInto('entities')
        .values({ tenant_id: tenantId, kind: 'device', value: 'ghost', ...seen })
        .execute()
    })
    const task = await engine.giveTask({ responseAction: isolate('ghost') })

    await requestExecution(engine.deps, engine.customer, task.doc.id, null)
    const execution = await engine.settled(task.doc.id)

    assert.deepEqual([execution.state, execution.reasonCode], ['failed', 'NoExecutor'])
  },
)

function isolate(identifierValue: string): {
  '@odata.type': '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction'
  identifierValue: string
  isolationType: 'full'
} {
  return {
    '@odata.type': '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction',
    identifierValue,
    isolationType: 'full',
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it did not come to hold within a minute')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
