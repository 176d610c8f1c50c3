import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { noPreferences, readPreferences, renderPreferenceApplied } from '../../src/api/odata/prefer.ts'

suite('the Prefer header', () => {
  test('may be absent or hold nothing we know', () => {
    assert.deepEqual(readPreferences(undefined), noPreferences)
    assert.deepEqual(
      readPreferences('respond-async, wait=100; foo, omit-values=nulls, odata.include-annotations="*"'),
      noPreferences,
    )
    assert.deepEqual(readPreferences(''), noPreferences)
  })

  test('holds several preferences, in any case, with parameters and quotes', () => {
    const text = 'Include-Unknown-Enum-Members, odata.maxpagesize="20"; x=1,RETURN=Minimal'

    assert.deepEqual(readPreferences(text), { includeUnknownEnumMembers: true, maxPageSize: 20, return: 'minimal' })
  })

  test('may be repeated', () => {
    assert.deepEqual(readPreferences(['include-unknown-enum-members', 'return=representation']), {
      includeUnknownEnumMembers: true,
      maxPageSize: null,
      return: 'representation',
    })
  })

  test('keeps the first of one preference sent twice', () => {
    assert.equal(readPreferences('maxpagesize=5, odata.maxpagesize=6').maxPageSize, 5)
  })

  test('does not find preferences inside quotes', () => {
    assert.equal(readPreferences('foo="a, include-unknown-enum-members"').includeUnknownEnumMembers, false)
  })

  for (const text of [
    'maxpagesize=0',
    'maxpagesize=-1',
    'maxpagesize=1.5',
    'maxpagesize=x',
    'maxpagesize',
    'maxpagesize=9999999999',
  ]) {
    test(`ignores ${text}`, () => {
      assert.equal(readPreferences(text).maxPageSize, null)
    })
  }

  test('is answered with what was honoured', () => {
    assert.equal(renderPreferenceApplied({}), null)
    assert.equal(renderPreferenceApplied(noPreferences), null)
    assert.equal(
      renderPreferenceApplied({ includeUnknownEnumMembers: true, maxPageSize: 5, return: 'minimal' }),
      'include-unknown-enum-members, odata.maxpagesize=5, return=minimal',
    )
  })
})
