import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formOf, writeCount } from '../../src/portal/shown/count-text.ts'
import { closeTurns, keepApart } from '../../src/portal/shown/name-text.ts'

test('a count takes the form of its word', () => {
  assert.deepEqual(
    [0, 1, 2, 1_200].map((count) => writeCount(count, 'alert', 'alerts')),
    ['0 alerts', '1 alert', '2 alerts', '1,200 alerts'],
  )
  assert.equal(formOf(1, 'waits', 'wait'), 'waits')
})

test('a name that turns nothing stays as it is', () => {
  for (const name of ['web-07', '', 'مثال', 'e\u0301']) {
    assert.equal(closeTurns(name), name)
    assert.equal(keepApart(name), name)
  }
})

test('an end of what the name has not begun is replaced, and what it begins is ended', () => {
  assert.equal(closeTurns('in\u202egpj.exe'), 'in\u202egpj.exe')
  assert.equal(closeTurns('a\u2069\u202eb'), 'a\ufffd\u202eb')
  assert.equal(closeTurns('\u2066\u202eb\u2069'), '\u2066\u202eb\u2069')
  assert.equal(closeTurns('\u202e\u2066b\u2067c'), '\u202e\u2066b\u2067c\u2069\u2069')
  assert.equal(closeTurns('\u2066a\u2069\u2069b\u2068'), '\u2066a\u2069\ufffdb\u2068\u2069')
})

test('in a title it stands between signs of its own', () => {
  assert.equal(keepApart('a\u2069\u202eb'), '\u2068a\ufffd\u202eb\u2069')
})
