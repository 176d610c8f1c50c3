import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createThrottle } from '../../src/access/limits/throttle.ts'
import { CordonError } from '../../src/model/errors.ts'

const application = { tenantId: 't', id: 'a' }

function given(
  perCallerPerMinute: number,
  perTenantPerMinute = 1_000_000,
): {
  clock: { ms: number }
  refusedFor: (actor?: { tenantId: string; id: string }) => number | null
} {
  const clock = { ms: 1_000_000 }
  const admit = createThrottle({ nowMs: () => clock.ms, now: () => '' }, { perCallerPerMinute, perTenantPerMinute })
  return {
    clock,
    refusedFor: (actor = application) => {
      try {
        admit(actor)
        return null
      } catch (cause) {
        assert.ok(cause instanceof CordonError)
        assert.equal(cause.status, 429)
        return cause.extras.retryAfterSeconds ?? Number.NaN
      }
    },
  }
}

test('lets a whole minute in at once and then at the pace of the limit', () => {
  const { clock, refusedFor } = given(6)
  for (let count = 0; count < 6; count++) assert.equal(refusedFor(), null)

  assert.equal(refusedFor(), 10)
  clock.ms += 9_000
  assert.equal(refusedFor(), 1)
  clock.ms += 1_000
  assert.equal(refusedFor(), null)
  assert.equal(refusedFor(), 10)
  clock.ms += 3_600_000
  for (let count = 0; count < 6; count++) assert.equal(refusedFor(), null)
  assert.equal(refusedFor(), 10)
})

test('names whole seconds, at least one, after which the request really passes', () => {
  for (const limit of [1, 7, 59, 61, 1000]) {
    const { clock, refusedFor } = given(limit)
    while (refusedFor() === null);
    const seconds = refusedFor()
    assert.ok(seconds !== null && Number.isInteger(seconds) && seconds >= 1)
    clock.ms += seconds * 1000
    assert.equal(refusedFor(), null, `limit ${limit}`)
  }
})

test('counts each caller on its own, and all of a tenant together', () => {
  const { refusedFor } = given(2, 3)
  const other = { tenantId: 't', id: 'b' }
  assert.deepEqual([refusedFor(), refusedFor(), refusedFor()], [null, null, 30])

  assert.equal(refusedFor(other), null)
  assert.equal(refusedFor(other), 20)
  assert.equal(refusedFor({ tenantId: 'u', id: 'a' }), null)
})

test('takes nothing from a request it refuses, and nothing from a clock that goes back', () => {
  const { clock, refusedFor } = given(1)
  refusedFor()
  for (let count = 0; count < 100; count++) assert.equal(refusedFor(), 60)
  clock.ms -= 500_000

  assert.equal(refusedFor(), 60)
  clock.ms += 60_000
  assert.equal(refusedFor(), null)
})
