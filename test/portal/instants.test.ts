import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeInstant } from '../../src/portal/shown/time-text.ts'

const springForward = ['2026-03-08T05:29:59.9999999Z', '2026-03-08T05:30:00.0000000Z'] as const
const fallBack = ['2026-11-01T04:29:59.0000000Z', '2026-11-01T04:30:00.0000000Z'] as const

test('an instant is right in every zone on both sides of a change of the clocks, and names its zone', () => {
  const inZone = (zone: string) => [...springForward, ...fallBack].map((instant) => writeInstant(instant, zone))

  assert.deepEqual(inZone('UTC'), [
    '2026-03-08 05:29:59 UTC',
    '2026-03-08 05:30:00 UTC',
    '2026-11-01 04:29:59 UTC',
    '2026-11-01 04:30:00 UTC',
  ])
  assert.deepEqual(inZone('Asia/Kolkata'), [
    '2026-03-08 10:59:59 GMT+5:30',
    '2026-03-08 11:00:00 GMT+5:30',
    '2026-11-01 09:59:59 GMT+5:30',
    '2026-11-01 10:00:00 GMT+5:30',
  ])
  // An hour is left out, and one comes twice: only the zone tells them apart.
  assert.deepEqual(inZone('America/St_Johns'), [
    '2026-03-08 01:59:59 GMT-3:30',
    '2026-03-08 03:00:00 GMT-2:30',
    '2026-11-01 01:59:59 GMT-2:30',
    '2026-11-01 01:00:00 GMT-3:30',
  ])
})
