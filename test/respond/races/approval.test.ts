import assert from 'node:assert/strict'
import { castVote } from '../../../src/respond/safety/approvals.ts'
import type { Actor } from '../../../src/store/record.ts'
import { readVotes } from '../../../src/store/safety/approvals.ts'
import { eachDatabase } from '../../support/databases.ts'
import { tenantId } from '../../support/engine.ts'
import { answerOf, askFor, type Bench, createBench, logOf } from './bench.ts'

/** A task whose isolation waits for so many people. */
async function giveWaiting(bench: Bench, approvals: number): Promise<string> {
  await bench.policy(askFor(approvals))
  const taskId = await bench.task()
  await bench.execute(taskId)
  return taskId
}

async function vote(bench: Bench, taskId: string, who: Actor, decision: 'approve' | 'reject' = 'approve') {
  const { id, digest } = await bench.approval(taskId)
  return answerOf(castVote(bench, who, id, { decision, digest, comment: null }))
}

eachDatabase('two approvers at once: one step into the queue, both recorded, no third needed', async (t, store) => {
  const bench = await createBench(t, store)
  const taskId = await giveWaiting(bench, 2)
  const [first, second] = bench.approvers

  const answers = await Promise.all([vote(bench, taskId, first), vote(bench, taskId, second)])

  assert.deepEqual(answers, ['ok', 'ok'])
  const { id, state } = await bench.approval(taskId)
  assert.equal(state, 'approved')
  const votes = (await readVotes(store.read, tenantId, [id])).get(id)
  assert.deepEqual(votes?.map(({ personId }) => personId).sort(), ['approver', 'approver2'])
  const execution = await bench.newest(taskId)
  assert.equal(execution.state, 'queued')
  assert.deepEqual(await logOf(store, execution.id), ['queued'])
  await bench.stepper.run()
  assert.equal((await bench.newest(taskId)).state, 'succeeded')
})

eachDatabase(
  'the same person twice, the requester or the proposer as approver: counts once, never',
  async (t, store) => {
    const bench = await createBench(t, store)
    const taskId = await giveWaiting(bench, 2)
    const [approver] = bench.approvers

    const twice = await Promise.all([vote(bench, taskId, approver), vote(bench, taskId, approver)])
    const own = [await vote(bench, taskId, bench.customer), await vote(bench, taskId, bench.expert)]

    assert.deepEqual(twice, ['ok', 'ok'])
    assert.match(own[0] ?? '', /^Forbidden: Whoever requested/)
    assert.match(own[1] ?? '', /^Forbidden: Whoever proposed/)
    await bench.stepper.run()
    assert.equal((await bench.newest(taskId)).state, 'awaitingApproval')
    assert.equal(bench.target.effects.size, 0)
  },
)

eachDatabase('approve against reject: the first committed wins, the loser hears who won', async (t, store) => {
  for (const order of [
    ['approve', 'reject'],
    ['reject', 'approve'],
  ] as const) {
    const bench = await createBench(t, store)
    const taskId = await giveWaiting(bench, 1)
    const [first, second] = bench.approvers

    const answers = await Promise.all([vote(bench, taskId, first, order[0]), vote(bench, taskId, second, order[1])])

    const losers = answers.filter((answer) => answer !== 'ok')
    assert.equal(losers.length, 1, answers.join(' / '))
    const winner = answers.indexOf('ok')
    const name = (winner === 0 ? first : second).name
    assert.match(losers[0] ?? '', new RegExp(`^Conflict: It was (approved|rejected) already, by ${name}\\.$`))
    const { state } = await bench.newest(taskId)
    assert.equal(state, order[winner] === 'approve' ? 'queued' : 'cancelled')
    await bench.stepper.run()
  }
})

eachDatabase(
  'approve against a change of target or arguments: the approval is void, nothing runs',
  async (t, store) => {
    const bench = await createBench(t, store)
    const changes = [
      { target: JSON.stringify({ kind: 'device', key: 'host-2', displayName: 'host-2', identifier: 'host-1' }) },
      { parameters: JSON.stringify({ isolationType: 'selective' }) },
      { action_type: 'unIsolateDevice' },
    ]
    for (const change of changes) {
      const taskId = await giveWaiting(bench, 1)
      const { digest, id } = await bench.approval(taskId)
      const execution = await bench.newest(taskId)
      // Somebody edits the row that waits.
      await store.transaction((tx) => tx.updateTable('executions').set(change).where('id', '=', execution.id).execute())

      const answer = await answerOf(
        castVote(bench, bench.approvers[0], id, { decision: 'approve', digest, comment: null }),
      )

      assert.match(answer, /^Conflict: The approval is void\./)
      assert.deepEqual(
        [(await bench.approval(taskId)).state, (await bench.newest(taskId)).state],
        ['void', 'cancelled'],
      )
      const { doc } = await bench.readTask(taskId)
      assert.deepEqual([doc.status, doc.actionStatus], ['open', 'notStarted'])
    }
    await bench.stepper.run()
    assert.equal(bench.target.effects.size, 0)
  },
)

eachDatabase('a change after the approval is found when the order is handed over', async (t, store) => {
  const bench = await createBench(t, store)
  const taskId = await giveWaiting(bench, 1)
  assert.equal(await vote(bench, taskId, bench.approvers[0]), 'ok')
  const { id } = await bench.newest(taskId)
  const target = JSON.stringify({ kind: 'device', key: 'host-1', displayName: 'host-2', identifier: 'host-2' })
  await store.transaction((tx) => tx.updateTable('executions').set({ target }).where('id', '=', id).execute())

  await bench.stepper.run()

  const execution = await bench.newest(taskId)
  assert.deepEqual([execution.state, execution.reasonCode], ['cancelled', 'ApprovalVoid'])
  assert.equal(bench.target.effects.size, 0)
})

eachDatabase('approval given, approver or requester disabled before the hand-over: not started', async (t, store) => {
  for (const gone of ['approver', 'customer']) {
    const bench = await createBench(t, store)
    const taskId = await giveWaiting(bench, 1)
    assert.equal(await vote(bench, taskId, bench.approvers[0]), 'ok')
    const disable = (at: string | null) =>
      store.transaction((tx) => tx.updateTable('users').set({ disabled_at: at }).where('id', '=', gone).execute())
    await disable(bench.clock.now())

    await bench.stepper.run()

    const execution = await bench.newest(taskId)
    const code = gone === 'approver' ? 'ApproverNotEntitled' : 'RequesterNotEntitled'
    assert.deepEqual([execution.state, execution.reasonCode], ['cancelled', code])
    assert.equal(bench.target.starts.size, 0)
    await disable(null)
  }
})

eachDatabase('an approval nobody gives in time ends, and its task is open again', async (t, store) => {
  const bench = await createBench(t, store)
  const taskId = await giveWaiting(bench, 1)
  bench.clock.tick(24 * 3_600_000 + 1_000)

  await bench.stepper.run()
  const late = await vote(bench, taskId, bench.approvers[0])

  const execution = await bench.newest(taskId)
  assert.deepEqual([execution.state, execution.reasonCode], ['expired', 'approvalTimeout'])
  assert.match(late, /^Conflict: .*expired/)
  const { doc } = await bench.readTask(taskId)
  assert.deepEqual([doc.status, doc.actionStatus], ['open', 'notStarted'])
})
