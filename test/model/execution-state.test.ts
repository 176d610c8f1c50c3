import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ExecutionState,
  executionStates,
  holdsTurn,
  isLive,
  mayMove,
  reduceToTask,
  walkTo,
} from '../../src/model/execution-state.ts'
import { fc } from '../support/fast-check.ts'

/** Design reliability 2.3, written out again: everything that is not here must be impossible. */
const table: Readonly<Record<string, readonly ExecutionState[]>> = {
  awaitingApproval: ['queued', 'cancelled', 'expired'],
  queued: ['dispatching', 'cancelled', 'expired'],
  dispatching: ['queued', 'delivered', 'failed', 'refused', 'cancelled', 'expired'],
  delivered: ['running', 'refused', 'expired', 'cancelled', 'unknown'],
  running: ['verifying', 'unknown'],
  verifying: ['succeeded', 'partial', 'failed', 'unknown'],
  unknown: ['verifying'],
}
const byPerson: readonly ExecutionState[] = ['succeeded', 'partial', 'failed']
const ends: readonly ExecutionState[] = ['succeeded', 'partial', 'failed', 'refused', 'expired', 'cancelled']
const state = fc.constantFrom(...executionStates)

test('of all pairs of states exactly those of the design may follow each other', () => {
  for (const from of executionStates) {
    for (const to of executionStates) {
      assert.equal(mayMove(from, to), table[from]?.includes(to) ?? false, `${from} to ${to}`)
      assert.equal(mayMove(from, to, 'person'), from === 'unknown' && byPerson.includes(to), `${from} to ${to} by hand`)
    }
  }
})

test('an ended execution never changes, and everything else is live', () => {
  for (const from of executionStates) {
    assert.equal(isLive(from), !ends.includes(from), from)
    if (ends.includes(from)) for (const to of executionStates) assert.equal(walkTo(from, to), null)
  }
})

test('every walk takes legal steps only, ends where it should and passes no end before', () => {
  fc.assert(
    fc.property(state, state, (from, to) => {
      const steps = walkTo(from, to)
      if (steps === null) return
      assert.equal(steps.at(-1), to)
      for (const [index, step] of steps.entries()) {
        assert.ok(mayMove(steps[index - 1] ?? from, step), `${from} to ${to}: ${steps.join(', ')}`)
        if (index < steps.length - 1) assert.ok(isLive(step))
      }
    }),
    { numRuns: 5_000 },
  )
})

test('what is learnt at once passes through everything that lies between', () => {
  assert.deepEqual(walkTo('dispatching', 'succeeded'), ['delivered', 'running', 'verifying', 'succeeded'])
  assert.deepEqual(walkTo('dispatching', 'unknown'), ['delivered', 'unknown'])
  assert.deepEqual(walkTo('dispatching', 'failed'), ['failed'])
  assert.deepEqual(walkTo('delivered', 'failed'), ['running', 'verifying', 'failed'])
  assert.deepEqual(walkTo('unknown', 'succeeded'), ['verifying', 'succeeded'])
  assert.equal(walkTo('running', 'cancelled'), null)
  assert.equal(walkTo('unknown', 'queued'), null)
  assert.equal(walkTo('running', 'dispatching'), null)
})

test('no walk that reaches delivered comes back to where an order may be handed over again', () => {
  for (const from of ['delivered', 'running', 'verifying', 'unknown'] as const) {
    for (const to of ['awaitingApproval', 'queued', 'dispatching'] as const) assert.equal(walkTo(from, to), null)
  }
})

test('the turn on a target is held from the hand-over to the check', () => {
  assert.deepEqual(executionStates.filter(holdsTurn), ['dispatching', 'delivered', 'running', 'verifying'])
})

test('the two visible fields follow from the state alone', () => {
  const visible = executionStates.map((from) => [from, Object.values(reduceToTask(from)).join(' / ')])

  assert.deepEqual(Object.fromEntries(visible), {
    awaitingApproval: 'notStarted / inProgress',
    queued: 'inProgress / inProgress',
    dispatching: 'inProgress / inProgress',
    delivered: 'inProgress / inProgress',
    running: 'inProgress / inProgress',
    verifying: 'inProgress / inProgress',
    unknown: 'inProgress / inProgress',
    succeeded: 'completed / completed',
    partial: 'partiallyCompleted / inProgress',
    failed: 'failed / failed',
    refused: 'failed / failed',
    expired: 'failed / failed',
    cancelled: 'notStarted / open',
  })
  assert.deepEqual(reduceToTask('expired', 'approvalTimeout'), { actionStatus: 'notStarted', status: 'open' })
})
