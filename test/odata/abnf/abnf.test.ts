import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { readPreferences } from '../../../src/api/odata/prefer.ts'
import { query, refusalOf } from '../given.ts'
import { type AbnfCase, type Group, listCases } from './cases.ts'
import { filterGroups } from './filter-cases.ts'
import { literalGroups } from './literal-cases.ts'
import { optionGroups } from './option-cases.ts'

/** Reads a query, and holds what comes of it against what should. */
function assertOutcome({ input, outcome, resource }: AbnfCase, rawQuery: string): void {
  if (outcome === 'read') {
    query(rawQuery, resource)
    return
  }
  const { status, message } = refusalOf(() => query(rawQuery, resource))
  assert.ok(status === 400 || (status === 406 && rawQuery.includes('format')), `${input}: ${status} ${message}`)
  if (outcome instanceof RegExp) assert.match(message, outcome)
  else assert.match(message, new RegExp(`, at position ${outcome}\\.$`), input)
}

function testGroups(title: string, groups: readonly Group[], toQuery: (input: string) => string): void {
  suite(title, () => {
    for (const group of groups) {
      test(`${group[0]}: ${group[2].length} inputs`, () => {
        for (const item of listCases([group])) assertOutcome(item, toQuery(item.input))
      })
    }
  })
}

testGroups('ABNF: literals', literalGroups, (input) => `$filter=${encodeURIComponent(input)}`)
testGroups('ABNF: expressions', filterGroups, (input) => `$filter=${encodeURIComponent(input)}`)
testGroups('ABNF: query options', optionGroups, (input) => input.replaceAll(' ', '%20'))

suite('ABNF: preferences', () => {
  const page = (header: string): number | null => readPreferences(header).maxPageSize
  test('maxpagesizePreference: with and without prefix, never zero, negative or no number', () => {
    const read = ['odata.maxpagesize=50', 'maxpagesize=50', 'MaxPageSize=50', 'maxpagesize="50"', 'maxpagesize = 50']
    const ignored = [
      'maxpagesize=0',
      'odata.maxpagesize=-1',
      'maxpagesize',
      'maxpagesize=',
      'maxpagesize=5x',
      'maxpagesize=5.0',
    ]

    assert.deepEqual(read.map(page), Array(read.length).fill(50))
    assert.deepEqual(ignored.map(page), Array(ignored.length).fill(null))
  })

  test('prefer: several in one header, those that are not offered beside those that are', () => {
    const header =
      'odata.allow-entityreferences,odata.continue-on-error=true, return=minimal; x="a,b", odata.include-annotations="*,-a.*",maxpagesize=20;y=1, respond-async, wait=0, omit-values=nulls, odata.track-changes, callback;url="http://a/b,c"'

    const read = readPreferences(header)

    assert.deepEqual([read.return, read.maxPageSize, read.includeUnknownEnumMembers], ['minimal', 20, false])
  })

  test('returnPreference: representation or minimal', () => {
    const values = ['return=minimal', 'return=representation', 'return=MINIMAL', 'return', 'return=maximal', '']

    assert.deepEqual(
      values.map((value) => readPreferences(value).return),
      ['minimal', 'representation', 'minimal', null, null, null],
    )
  })
})

test('there are more than 300 inputs, of which about half are refused', () => {
  const all = listCases([...literalGroups, ...filterGroups, ...optionGroups])
  const refused = all.filter(({ outcome }) => outcome !== 'read')

  assert.ok(all.length > 300, String(all.length))
  assert.ok(refused.length > all.length / 3 && refused.length < (all.length * 3) / 4, String(refused.length))
})
