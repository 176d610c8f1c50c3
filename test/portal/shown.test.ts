import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formOf, writeCount } from '../../src/portal/shown/count-text.ts'

test('a count takes the form of its word', () => {
  assert.deepEqual(
    [0, 1, 2, 1_200].map((count) => writeCount(count, 'alert', 'alerts')),
    ['0 alerts', '1 alert', '2 alerts', '1,200 alerts'],
  )
  assert.equal(formOf(1, 'waits', 'wait'), 'waits')
})
