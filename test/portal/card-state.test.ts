import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CardRun, describeCard, offBecause } from '../../src/portal/shown/card-state.ts'

const by = { actionType: 'isolateDevice', lastModifiedByDisplayName: 'Ada' }
const run = (state: string, kind = 'run'): CardRun => ({ kind, state, reason: null })

const rows: readonly (readonly [
  status: string,
  actionStatus: string,
  runs: readonly CardRun[],
  offers: readonly string[],
])[] = [
  ['open', 'notStarted', [], ['run', 'byHand', 'notRelevant']],
  ['inProgress', 'notStarted', [], ['byHand', 'run', 'notRelevant']],
  ['inProgress', 'notStarted', [run('awaitingApproval')], ['approve', 'cancel']],
  ['inProgress', 'inProgress', [run('queued')], ['cancel']],
  ['inProgress', 'inProgress', [run('dispatching')], ['cancel']],
  ['inProgress', 'inProgress', [run('delivered')], []],
  ['inProgress', 'inProgress', [run('running')], []],
  ['inProgress', 'inProgress', [run('unknown')], ['decide']],
  ['inProgress', 'partiallyCompleted', [run('partial')], ['run', 'byHand', 'reopen']],
  ['completed', 'completed', [run('succeeded')], ['undo', 'reopen']],
  ['completed', 'completed', [run('queued', 'undo'), run('succeeded')], ['cancel']],
  ['completed', 'notStarted', [], ['reopen']],
  ['completed', 'failed', [run('failed')], ['reopen']],
  ['failed', 'completed', [run('succeeded')], ['reopen']],
  ['open', 'completed', [run('succeeded')], ['run', 'byHand', 'notRelevant']],
  ['open', 'failed', [run('failed')], ['run', 'byHand', 'notRelevant']],
  ['failed', 'failed', [run('failed')], ['run', 'byHand', 'reopen']],
  ['notRelevant', 'notStarted', [], ['reopen']],
  ['notRelevant', 'completed', [run('succeeded')], ['reopen']],
  ['open', 'somethingNew', [], []],
  ['somethingNew', 'notStarted', [], []],
]

for (const [status, actionStatus, runs, offers] of rows) {
  const newest = runs[0] === undefined ? 'no run' : `${runs[0].kind} ${runs[0].state}`
  test(`a card with ${status} / ${actionStatus} and ${newest} offers ${offers.join(', ') || 'nothing'}`, () => {
    const state = describeCard({ ...by, status, actionStatus }, runs, null)

    assert.deepEqual(state.offers, offers)
    assert.ok(state.says.length > 0)
  })
}

test('a card that waits for approval says how many of how many agreed', () => {
  const waiting = { ...by, status: 'inProgress', actionStatus: 'notStarted' }
  const approval = { required: 2, agreed: 1 }

  const says = ['run', 'undo'].map(
    (kind) => describeCard(waiting, [{ ...run('awaitingApproval', kind), approval }], null).says,
  )

  assert.deepEqual(says, ['Waiting for approval: 1 of 2.', 'The undo is waiting for approval: 1 of 2.'])
})

test('a card whose states differ says so, and names both', () => {
  const { says, differs } = describeCard(
    { ...by, status: 'failed', actionStatus: 'completed' },
    [run('succeeded')],
    null,
  )

  assert.equal(differs, true)
  assert.match(says, /failed.*completed.*Ada/)
})

test('what cannot run here is not offered, and neither is a run of a task for people', () => {
  const open = { ...by, status: 'open', actionStatus: 'notStarted' }

  const unsupported = describeCard(open, [], 'Currently disableUser is not supported.')
  const people = describeCard({ ...open, actionType: 'text' }, [], null)

  assert.match(unsupported.says, /Currently disableUser is not supported/)
  assert.deepEqual(
    [unsupported.offers, people.offers],
    [
      ['byHand', 'notRelevant'],
      ['byHand', 'notRelevant'],
    ],
  )
})

test('whoever may not do something reads which role may', () => {
  const nothing = { execute: false, write: false, expert: false, approve: false }
  const all = { execute: true, write: true, expert: true, approve: true }
  for (const action of ['run', 'byHand', 'notRelevant', 'reopen', 'cancel', 'undo', 'decide', 'approve'] as const) {
    assert.match(offBecause(action, nothing) ?? '', /admin/)
    assert.equal(offBecause(action, all), null)
  }
})
