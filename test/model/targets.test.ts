import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reduceTargets, type TargetOutcome, type TargetState } from '../../src/model/execution.ts'
import { expectDuration } from '../../src/model/safety/durations.ts'
import { fc } from '../support/fast-check.ts'

const states: readonly TargetState[] = [
  'succeeded',
  'already',
  'notFound',
  'unsupported',
  'refused',
  'failed',
  'timedOut',
  'unknown',
]

function outcomes(...list: TargetState[]): TargetOutcome[] {
  return list.map((state, index) => ({ ref: `t${index}`, displayName: `t${index}`, state, code: null, detail: null }))
}

test('one target is enough to make an outcome partial, and none done makes it failed', () => {
  assert.equal(reduceTargets(outcomes('succeeded', 'already'), false), 'succeeded')
  assert.equal(reduceTargets(outcomes('succeeded', 'failed'), false), 'partial')
  assert.equal(reduceTargets(outcomes('unsupported', 'refused'), false), 'failed')
  assert.equal(reduceTargets(outcomes('succeeded', 'unknown', 'failed'), false), 'unknown')
})

test('what is not there counts as done for a release only', () => {
  assert.equal(reduceTargets(outcomes('notFound', 'succeeded'), false), 'partial')
  assert.equal(reduceTargets(outcomes('notFound', 'succeeded'), true), 'succeeded')
  assert.equal(reduceTargets(outcomes('notFound'), false), 'failed')
})

test('the order of the targets never matters', () => {
  const list = fc.array(fc.constantFrom(...states), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(list, fc.boolean(), (some, releases) => {
      const forth = reduceTargets(outcomes(...some), releases)
      assert.equal(reduceTargets(outcomes(...some.toReversed()), releases), forth)
    }),
  )
})

test('a duration is expected from history alone, by nearest rank', () => {
  assert.equal(expectDuration([]), null)
  assert.deepEqual(expectDuration([8]), { samples: 1, p50Seconds: 8, p95Seconds: 8 })
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  assert.deepEqual(expectDuration(hundred), { samples: 100, p50Seconds: 50, p95Seconds: 95 })
})
