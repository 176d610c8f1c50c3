import assert from 'node:assert/strict'
import { defaultPolicy, type SafetyPolicy } from '../../src/model/safety/policy.ts'
import { requestExecution } from '../../src/respond/execute.ts'
import { createTask } from '../../src/respond/plan.ts'
import { castVote } from '../../src/respond/safety/approvals.ts'
import { pauseDispatch, pauseManagedResponse, replacePolicy } from '../../src/respond/safety/policies.ts'
import { undoAction } from '../../src/respond/undo.ts'
import { eachDatabase } from '../support/databases.ts'
import { giveIncident } from '../support/engine.ts'
import { answerOf, type Bench, createBench } from './races/bench.ts'

const protectHost1: Partial<SafetyPolicy> = {
  protectedAssets: [
    { name: 'core', ids: ['host-1'], names: [], tags: [], actionTypes: null, reason: 'It carries the mail.' },
  ],
}

eachDatabase(
  'a protected target is refused with the rule and the way out, and nothing is recorded of it',
  async (t, store) => {
    const bench = await createBench(t, store)
    await bench.policy(protectHost1)
    const taskId = await bench.task()
    const key = '11111111-1111-4111-8111-111111111111'

    const answer = await answerOf(bench.execute(taskId, key))

    assert.match(
      answer,
      /^ProtectedTarget: protectedAssets: core: 'host-1' is protected .*It carries the mail.*PUT \/api\/v1\/policies/,
    )
    assert.deepEqual(await bench.executions(taskId), [])
    assert.equal((await bench.readTask(taskId)).doc.status, 'open')
    // A refusal by policy is not kept: the same request goes through when the policy lets it.
    await bench.policy({})
    assert.equal(await answerOf(bench.execute(taskId, key)), 'ok')
  },
)

eachDatabase('a target that became protected while its order waited is not acted on', async (t, store) => {
  const bench = await createBench(t, store)
  const taskId = await bench.task()
  await bench.execute(taskId)
  await bench.policy(protectHost1)

  await bench.stepper.run()

  const execution = await bench.newest(taskId)
  assert.deepEqual([execution.state, execution.reasonCode], ['cancelled', 'ProtectedTarget'])
  assert.equal(bench.target.starts.size, 0)
})

eachDatabase('a release goes through however protected its target is', async (t, store) => {
  const bench = await createBench(t, store)
  const isolate = await bench.task()
  await bench.execute(isolate)
  await bench.stepper.run()
  await bench.policy({
    protectedAssets: [
      { ...(protectHost1.protectedAssets?.[0] ?? assert.fail()), actionTypes: ['unIsolateDevice', 'isolateDevice'] },
    ],
  })

  await undoAction(bench, bench.customer, isolate)
  await bench.stepper.run()

  assert.equal(bench.target.isIsolated('host-1'), false)
})

const twoInTenMinutes: Partial<SafetyPolicy> = {
  budgets: [
    {
      name: 'few',
      actionTypes: ['isolateDevice'],
      per: 'tenant',
      windowMinutes: 10,
      maxActions: 2,
      maxShare: null,
      minAssets: 0,
    },
  ],
}

eachDatabase(
  'beyond the budget a second person is asked, never silently delayed; the window moves on',
  async (t, store) => {
    const bench = await createBench(t, store)
    await bench.policy(twoInTenMinutes)
    const states: string[] = []
    for (let count = 0; count < 4; count++) {
      const taskId = await bench.task()
      await bench.execute(taskId)
      states.push((await bench.newest(taskId)).state)
      bench.clock.tick(1_000)
    }
    assert.deepEqual(states, ['queued', 'queued', 'awaitingApproval', 'awaitingApproval'])
    const waiting = await bench.task()
    bench.clock.tick(11 * 60_000)
    await bench.execute(waiting)
    assert.equal((await bench.newest(waiting)).state, 'queued')
  },
)

eachDatabase('requests that arrive together do not fit into the budget of one', async (t, store) => {
  const bench = await createBench(t, store)
  await bench.policy(twoInTenMinutes)
  const tasks = await Promise.all(Array.from({ length: 8 }, () => bench.task()))

  await Promise.all(tasks.map((taskId) => bench.execute(taskId)))

  const states = await Promise.all(tasks.map(async (taskId) => (await bench.newest(taskId)).state))
  assert.equal(states.filter((state) => state === 'queued').length, 2)
  assert.equal(states.filter((state) => state === 'awaitingApproval').length, 6)
})

eachDatabase('the share of known hosts counts what is isolated now, until it is released', async (t, store) => {
  const bench = await createBench(t, store)
  const [rule] = twoInTenMinutes.budgets ?? []
  assert.ok(rule)
  await bench.policy({ budgets: [{ ...rule, maxActions: null, maxShare: 0.5, minAssets: 1 }] })
  await knowHosts(bench, 2)
  const first = await bench.task({ host: 'host-1' })
  await bench.execute(first)
  await bench.stepper.run()
  // The same host again affects nobody else; another one would be the second of two.
  const same = await bench.task({ host: 'host-1' })
  const other = await bench.task({ host: 'host-2' })
  await bench.execute(same)
  await bench.execute(other)

  assert.deepEqual(
    [(await bench.newest(same)).state, (await bench.newest(other)).state],
    ['queued', 'awaitingApproval'],
  )
  const { reasons } = (await bench.approval(other)).seen
  assert.match(reasons[0]?.reason ?? '', /1 of 2 known are affected now; beyond 1 \(50 %\)/)

  await bench.stepper.run()
  for (const taskId of [first, same]) await undoAction(bench, bench.customer, taskId)
  await bench.stepper.run()
  const later = await bench.task({ host: 'host-2' })
  await bench.execute(later)
  assert.equal((await bench.newest(later)).state, 'queued')
})

async function knowHosts({ store, clock, customer }: Bench, count: number): Promise<void> {
  const at = clock.now()
  await store.transaction(async (tx) => {
    for (let number = 1; number <= count; number++) {
      const row = {
        tenant_id: customer.tenantId,
        kind: 'device',
        value: `known-${number}`,
        alert_count: 1,
        partners: '[]',
      }
      await tx
        .insertInto('entities')
        .values({ ...row, first_seen_at: at, last_seen_at: at })
        .execute()
    }
  })
}

eachDatabase('the kill switch holds everything back, and what waited goes on when it is off', async (t, store) => {
  const bench = await createBench(t, store)
  const [before, during] = [await bench.task({ host: 'host-1' }), await bench.task({ host: 'host-2' })]
  await bench.execute(before)
  await pauseDispatch(bench, bench.admin, true, 'Something isolates everything.')
  await bench.execute(during)

  await bench.stepper.run()
  bench.clock.tick(3_600_000)
  await bench.stepper.run()

  assert.deepEqual([(await bench.newest(before)).state, (await bench.newest(during)).state], ['queued', 'queued'])
  assert.equal(bench.target.starts.size, 0)

  await pauseDispatch(bench, bench.admin, false, null)
  await bench.stepper.run()

  assert.deepEqual([(await bench.newest(before)).state, (await bench.newest(during)).state], ['succeeded', 'succeeded'])
})

eachDatabase('what the kill switch holds back past its deadline never runs', async (t, store) => {
  const bench = await createBench(t, store)
  const taskId = await bench.task()
  await bench.execute(taskId)
  await pauseDispatch(bench, bench.admin, true, 'a drill')
  await bench.stepper.run()
  bench.clock.tick(73 * 3_600_000)
  await bench.stepper.run()

  assert.equal((await bench.newest(taskId)).state, 'expired')
  await pauseDispatch(bench, bench.admin, false, null)
  await bench.stepper.run()
  assert.equal(bench.target.starts.size, 0)
})

eachDatabase(
  'a server killed while it handed over begins nothing under the kill switch, and finds what it had begun',
  async (t, store) => {
    const bench = await createBench(t, store)
    const [unbegun, begun] = [await bench.task({ host: 'host-1' }), await bench.task({ host: 'host-2' })]
    for (const [taskId, weather] of [
      [unbegun, 'crashBefore'],
      [begun, 'crashAfter'],
    ] as const) {
      bench.target.weather = weather
      await bench.execute(taskId)
      await bench.stepper.run()
    }
    await pauseDispatch(bench, bench.admin, true, 'a drill')
    await bench.stepper.restart()
    await bench.stepper.run()

    assert.deepEqual(
      [(await bench.newest(unbegun)).state, (await bench.newest(begun)).state],
      ['dispatching', 'succeeded'],
    )
    assert.equal(bench.target.effects.size, 1)
    await pauseDispatch(bench, bench.admin, false, null)
    await bench.stepper.run()
    assert.equal((await bench.newest(unbegun)).state, 'succeeded')
  },
)

eachDatabase(
  'the lease and the time of a containment come from the policy, and its end is an undo like any other',
  async (t, store) => {
    const bench = await createBench(t, store)
    const isolation = { leaseSeconds: 7_200, releaseAfterHours: 8 }
    await bench.policy({ expiry: { ...defaultPolicy.expiry, isolation } })
    const taskId = await bench.task()
    await bench.execute(taskId)
    await bench.stepper.run()
    assert.deepEqual((await bench.newest(taskId)).parameters, { isolationType: 'full', ...isolation })

    bench.clock.tick(7 * 3_600_000)
    await bench.stepper.run()
    assert.equal(bench.target.isIsolated('host-1'), true)
    bench.clock.tick(3_600_000)
    await bench.stepper.run()

    const undo = await bench.newest(taskId)
    assert.deepEqual([undo.kind, undo.state, undo.requestedBy.kind], ['undo', 'succeeded', 'system'])
    assert.equal(bench.target.isIsolated('host-1'), false)
    assert.equal((await bench.readTask(taskId)).doc.status, 'completed')
  },
)

eachDatabase('a containment somebody released before its time is not released again', async (t, store) => {
  const bench = await createBench(t, store)
  await bench.policy({ expiry: { ...defaultPolicy.expiry, isolation: { leaseSeconds: 600, releaseAfterHours: 1 } } })
  const [first, second] = [await bench.task(), await bench.task()]
  await bench.execute(first)
  await bench.stepper.run()
  await undoAction(bench, bench.customer, first)
  await bench.stepper.run()
  await bench.policy({})
  await bench.execute(second)
  await bench.stepper.run()

  bench.clock.tick(2 * 3_600_000)
  await bench.stepper.run()

  assert.equal((await bench.executions(first)).length, 2)
  assert.equal(bench.target.isIsolated('host-1'), true)
})

const never: Partial<SafetyPolicy> = { managedResponse: { paused: false, excluded: [], consent: [] } }

/** A managed task of the expert. */
async function giveManaged(bench: Bench): Promise<string> {
  const task = await createTask(bench, bench.expert, {
    incidentId: await giveIncident(bench.store),
    displayName: 'Isolate host-1',
    description: 'It talks to a known bad host.',
    actionType: 'isolateDevice',
    source: 'defenderExpertsManagedResponse',
    responseAction: {
      '@odata.type': '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction',
      identifierValue: 'host-1',
      isolationType: 'full',
    },
  })
  return task.doc.id
}

eachDatabase('without consent a managed task becomes guided and says whose consent is missing', async (t, store) => {
  const bench = await createBench(t, store)
  await bench.policy(never)
  const taskId = await giveManaged(bench)

  await bench.stepper.run()

  const { doc } = await bench.readTask(taskId)
  assert.equal(doc.source, 'defenderExpertsGuidedResponse')
  assert.match(doc.description, /Not run as managed response: No consent covers isolateDevice on 'host-1'/)
  assert.deepEqual([doc.status, doc.actionStatus, bench.target.starts.size], ['open', 'notStarted', 0])
})

eachDatabase(
  'managed response that is paused while its order waits ends before any effect and asks the customer',
  async (t, store) => {
    const bench = await createBench(t, store)
    await pauseDispatch(bench, bench.admin, true, 'so that it waits')
    const taskId = await giveManaged(bench)
    await bench.stepper.run()
    assert.equal((await bench.newest(taskId)).state, 'queued')
    await pauseManagedResponse(bench, bench.customer, true)

    await bench.stepper.run()

    const execution = await bench.newest(taskId)
    assert.deepEqual([execution.state, execution.reasonCode], ['cancelled', 'ManagedResponsePaused'])
    const { doc } = await bench.readTask(taskId)
    assert.equal(doc.source, 'defenderExpertsGuidedResponse')
    assert.match(doc.description, /Managed response is paused/)
    // The customer runs it by hand all the same.
    await pauseDispatch(bench, bench.admin, false, null)
    await requestExecution(bench, bench.customer, taskId, null)
    await bench.stepper.run()
    assert.equal((await bench.newest(taskId)).state, 'succeeded')
  },
)

eachDatabase('a policy replaces exactly the one that was read, and equal content changes nothing', async (t, store) => {
  const bench = await createBench(t, store)
  const first = await replacePolicy(bench, bench.admin, { ...defaultPolicy, ...never }, [1])
  assert.equal(first.version, 2)

  const stale = await answerOf(replacePolicy(bench, bench.admin, defaultPolicy, [1]))
  const both = await Promise.all(
    [protectHost1, twoInTenMinutes].map((sections) =>
      answerOf(replacePolicy(bench, bench.admin, { ...defaultPolicy, ...sections }, [2])),
    ),
  )
  const same = await replacePolicy(bench, bench.admin, { ...defaultPolicy, ...never }, null)
  const again = await replacePolicy(bench, bench.admin, { ...defaultPolicy, ...never }, null)

  assert.match(stale, /^PreconditionFailed/)
  assert.deepEqual(both.map((answer) => answer.split(':')[0]).sort(), ['PreconditionFailed', 'ok'])
  assert.equal(again.version, same.version)
})

eachDatabase('a stored policy nobody can read lets nothing happen', async (t, store) => {
  const bench = await createBench(t, store)
  await bench.policy(never)
  const taskId = await bench.task()
  await store.transaction((tx) => tx.updateTable('policies').set({ doc: '{"protectedAssets":' }).execute())

  assert.match(await answerOf(bench.execute(taskId)), /^ServiceUnavailable: The safety policy cannot be read/)
  assert.match(await answerOf(pauseDispatch(bench, bench.admin, true, 'x')), /^Conflict: .*PUT \/api\/v1\/policies/)
  assert.deepEqual(await bench.executions(taskId), [])

  await bench.policy({})
  assert.equal(await answerOf(bench.execute(taskId)), 'ok')
})

eachDatabase('a policy that asks for more people than agreed is met at the hand-over', async (t, store) => {
  const bench = await createBench(t, store)
  const rule = { name: 'all', actionTypes: null, assetGroup: null, minTier: null }
  await bench.policy({ fourEyes: { approvalHours: 1, rules: [{ ...rule, approvals: 1 }] } })
  const taskId = await bench.task()
  await bench.execute(taskId)
  const { id, digest } = await bench.approval(taskId)
  await castVote(bench, bench.approvers[0], id, { decision: 'approve', digest, comment: 'fine' })
  await bench.policy({ fourEyes: { approvalHours: 1, rules: [{ ...rule, approvals: 2 }] } })

  await bench.stepper.run()

  assert.equal((await bench.newest(taskId)).reasonCode, 'ApprovalNeeded')
  assert.equal(bench.target.starts.size, 0)
})
