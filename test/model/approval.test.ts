import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../../src/model/errors.ts'
import { type ApprovalFacts, judgeVote, type Seen, type Vote, writeSeen } from '../../src/model/safety/approval.ts'
import { fc } from '../support/fast-check.ts'

const digest = `sha256:${'a'.repeat(64)}`
const approval: ApprovalFacts = {
  state: 'pending',
  required: 2,
  digest,
  expiresAt: '2026-01-02T00:00:00.0000000Z',
  requestedBy: 'bo',
  proposedBy: 'ada',
}
const now = '2026-01-01T00:00:00.0000000Z'

function vote(personId: string, decision: Vote['decision'] = 'approve'): Vote {
  return { personId, personName: personId, decision }
}

function judge(votes: readonly Vote[], mine: Vote, facts: Partial<ApprovalFacts> = {}, seen: string | null = digest) {
  return judgeVote({ ...approval, ...facts }, votes, mine, seen, now)
}

test('the last of the distinct people needed approves, and no earlier one', () => {
  assert.equal(judge([], vote('cy')), 'counted')
  assert.equal(judge([vote('cy')], vote('di')), 'approved')
  assert.equal(judge([], vote('cy'), { required: 1 }), 'approved')
})

test('the same person counts once, the requester and the proposer never', () => {
  assert.equal(judge([vote('cy')], vote('cy')), 'repeated')
  for (const person of ['bo', 'ada']) {
    const refusal = judge([], vote(person))
    assert.ok(isRefusal(refusal))
    assert.equal(refusal.refused, 'Forbidden')
  }
})

test('one rejection is enough, and whoever comes after it is told who won', () => {
  assert.equal(judge([vote('cy')], vote('di', 'reject')), 'rejected')
  const late = judge([vote('di', 'reject')], vote('cy'), { state: 'rejected' })
  assert.ok(isRefusal(late))
  assert.deepEqual([late.refused, /by di/.test(late.reason)], ['Conflict', true])
  const lost = judge([vote('cy'), vote('di')], vote('eve', 'reject'), { state: 'approved' })
  assert.ok(isRefusal(lost))
  assert.match(lost.reason, /approved already, by cy, di/)
})

test('a vote without the digest, or with another one, is no vote', () => {
  const none = judge([], vote('cy'), {}, null)
  const other = judge([], vote('cy'), {}, `sha256:${'b'.repeat(64)}`)
  assert.ok(isRefusal(none) && isRefusal(other))
  assert.deepEqual([none.refused, other.refused], ['BadRequest', 'Conflict'])
})

test('an approval past its time takes no vote', () => {
  const late = judge([], vote('cy'), { expiresAt: '2025-12-31T00:00:00.0000000Z' })
  assert.ok(isRefusal(late))
  assert.match(late.reason, /expired/)
})

test('an approval is reached by as many distinct others as it needs, whoever votes in whatever order', () => {
  const person = fc.constantFrom('bo', 'ada', 'cy', 'di', 'eve', 'flo')
  fc.assert(
    fc.property(fc.array(person, { maxLength: 20 }), fc.integer({ min: 1, max: 4 }), (people, required) => {
      const cast: Vote[] = []
      let state: ApprovalFacts['state'] = 'pending'
      for (const name of people) {
        const effect = judge(cast, vote(name), { required, state })
        if (effect === 'counted' || effect === 'approved') cast.push(vote(name))
        if (effect === 'approved') state = 'approved'
      }
      const distinct = new Set(people.filter((name) => name !== 'bo' && name !== 'ada'))
      assert.equal(state === 'approved', distinct.size >= required)
      assert.equal(cast.length, Math.min(required, distinct.size))
    }),
    { numRuns: 2_000 },
  )
})

const seen: Seen = {
  taskId: 't',
  displayName: 'Isolate',
  kind: 'run',
  actionType: 'isolateDevice',
  target: { kind: 'device', key: 'd-1', displayName: 'web', identifier: 'web' },
  connector: 'cordon-agent',
  parameters: { isolationType: 'full', leaseSeconds: 86_400 },
  required: 1,
  reasons: [{ policy: 'p', reason: 'r', fix: 'f' }],
}

test('equal content is spelt alike whatever the order of its properties, and any change shows', () => {
  const turned = Object.fromEntries(Object.entries(seen).toReversed())
  assert.equal(writeSeen(turned as unknown as Seen), writeSeen(seen))
  const changes: Partial<Seen>[] = [
    { taskId: 'u' },
    { actionType: 'unIsolateDevice' },
    { target: { ...seen.target, key: 'd-2' } },
    { parameters: { isolationType: 'selective', leaseSeconds: 86_400 } },
    { parameters: { isolationType: 'full' } },
    { required: 2 },
    { connector: null },
    { reasons: [] },
  ]
  for (const change of changes)
    assert.notEqual(writeSeen({ ...seen, ...change }), writeSeen(seen), JSON.stringify(change))
})
