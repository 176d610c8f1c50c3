import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { wholeClause } from '../../src/api/odata/parse/clause.ts'
import { parseFilter } from '../../src/api/odata/parse/filter.ts'
import type { FilterSyntax } from '../../src/api/odata/parse/syntax.ts'
import { CordonError } from '../../src/model/errors.ts'
import { fc } from '../support/fast-check.ts'
import { startStopwatch } from '../support/stopwatch.ts'
import { anySyntax } from './arbitraries.ts'
import { printFilter } from './print.ts'

function parse(text: string): FilterSyntax {
  return parseFilter(wholeClause('filter', text))
}

function refusal(text: string): CordonError {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof CordonError) return error
    throw error
  }
  throw new assert.AssertionError({ message: `accepted: ${text.slice(0, 80)}` })
}

/** The tree without positions. */
function bare(syntax: unknown): unknown {
  return JSON.parse(JSON.stringify(syntax, (key, value: unknown) => (key === 'at' ? undefined : value)))
}

suite('the syntax of $filter', () => {
  test('binds and tighter than or, comparisons tighter than both', () => {
    const grouped = parse("((a eq 'x') and (b eq 'y')) or (c gt 1)")

    const plain = parse("a eq 'x' and b eq 'y' or c gt 1")

    assert.deepEqual(bare(plain), bare(grouped))
  })

  test('binds not to the next operand only', () => {
    assert.deepEqual(bare(parse("not a eq 'x'")), bare(parse("(not a) eq 'x'")))
    assert.notDeepEqual(bare(parse("not a eq 'x'")), bare(parse("not (a eq 'x')")))
  })

  test('binds gt, ge, lt and le tighter than eq, ne, in and has', () => {
    assert.deepEqual(bare(parse('a eq b gt c')), bare(parse('a eq (b gt c)')))
    assert.deepEqual(bare(parse('a gt b eq c')), bare(parse('(a gt b) eq c')))
  })

  test('keeps one chain in one node and a parenthesised chain as a node of its own', () => {
    const flat = parse('a and b and c')
    const nested = parse('a and (b and c)')

    assert.equal(flat.kind === 'and' && flat.terms.length, 3)
    assert.equal(nested.kind === 'and' && nested.terms.length, 2)
  })

  test('reads keywords and function names in any case', () => {
    const upper = "NOT Contains(a,'x') AND b EQ Null OR c IN (TRUE) AND d/ANY(e:e Ne 'x')"
    const lower = "not contains(a,'x') and b eq null or c in (true) and d/any(e:e ne 'x')"

    assert.deepEqual(JSON.stringify(bare(parse(upper))).toLowerCase(), JSON.stringify(bare(parse(lower))).toLowerCase())
  })

  test('reads doubled quotes as one', () => {
    const literal = parse("'o''brien@contoso.com'")

    assert.deepEqual(bare(literal), { kind: 'literal', type: 'string', text: "o'brien@contoso.com", prefix: '' })
  })

  test('takes a blank before hh:mm at the end of a date and time for the plus sign it was', () => {
    const end = parse('a ge 2026-01-01T00:00:00.000000 00:00')
    const middle = parse('a ge 2026-01-01T00:00:00 02:00 and b eq 1')

    assert.equal(
      end.kind === 'compare' && end.right.kind === 'literal' && end.right.text,
      '2026-01-01T00:00:00.000000+00:00',
    )
    assert.equal(middle.kind, 'and')
  })

  test('prints and parses back to the same tree', () => {
    fc.assert(
      fc.property(anySyntax, (syntax) => {
        assert.deepEqual(bare(parse(printFilter(syntax))), bare(syntax))
      }),
      { numRuns: 2000 },
    )
  })
})

const refused: readonly (readonly [text: string, position: number, part: RegExp])[] = [
  ['', 0, /expression is expected/],
  ['   ', 3, /expression is expected/],
  ['status eq', 9, /value.*ends/],
  ["(status eq 'active'", 19, /'\)'/],
  ["status eq 'active')", 18, /operator or the end/],
  ["status eq active'", 16, /not closed/],
  ["status eq 'active", 10, /not closed/],
  ["status == 'active'", 7, /'='/],
  ["status eq 'a' 'b'", 14, /operator/],
  ["status eq 'a' foo 'b'", 14, /operator.*'foo'/],
  ["and status eq 'a'", 0, /property or value/],
  ["status eq 'a' and", 17, /ends/],
  ['status eq eq', 10, /property or value/],
  ['a in ()', 6, /property or value/],
  ["a in ('x'", 9, /'\)'/],
  ["a in 'x'", 5, /'\('/],
  ["a in ('x',)", 10, /property or value/],
  ['contains(a', 10, /'\)'/],
  ["contains(a;'x')", 10, /';'/],
  ['t/any(x)', 7, /':'/],
  ['t/any(x:)', 8, /property or value/],
  ['t/all()', 6, /variable/],
  ["t/any(x/y:x eq 'a')", 6, /variable/],
  ["t/some(x:x eq 'a')", 0, /'t\/some'/],
  ["t/any(x:u/any(y:y eq 'a'))", 8, /nested/],
  ['a eq 12abc', 5, /number/],
  ['a eq 1.', 5, /number/],
  ['a eq 1e', 5, /number/],
  ['a eq -b', 5, /'-'/],
  ['a add 1 eq 2', 2, /'add'/],
  ['a eq "x"', 5, /'"'/],
  ['`id` eq 1', 0, /'`'/],
  ['a eq 😀', 5, /'😀'/],
]

suite('$filter texts that break the grammar', () => {
  for (const [text, position, part] of refused) {
    test(`refuses ${JSON.stringify(text)} at position ${position}`, () => {
      const error = refusal(text)

      assert.equal(error.status, 400)
      assert.match(error.message, /^Invalid filter clause: /)
      assert.match(error.message, part)
      assert.match(error.message, new RegExp(`, at position ${position}\\.$`))
    })
  }
})

suite('limits of $filter', () => {
  const term = "a eq 'x'"
  const cases: readonly (readonly [name: string, kind: string, admitted: string, refused: string])[] = [
    ['100 comparisons', 'tooManyTermsInQuery', Array(100).fill(term).join(' or '), Array(101).fill(term).join(' or ')],
    ['100 values of in', 'tooManyTermsInQuery', `a in (${Array(100).fill("'x'")})`, `a in (${Array(101).fill("'x'")})`],
    [
      '20 parentheses',
      'tooManyTermsInQuery',
      `${'('.repeat(20)}${term}${')'.repeat(20)}`,
      `${'('.repeat(21)}${term}${')'.repeat(21)}`,
    ],
    ['20 times not', 'tooManyTermsInQuery', `${'not '.repeat(20)}a`, `${'not '.repeat(21)}a`],
    ['2048 characters', 'maxQueryLengthExceeded', `a eq '${'x'.repeat(2048)}'`, `a eq '${'x'.repeat(2049)}'`],
  ]
  for (const [name, kind, admitted, beyond] of cases) {
    test(`admits ${name} and no more`, () => {
      parse(admitted)

      const error = refusal(beyond)

      assert.equal(error.kind, kind)
      assert.equal(error.status, 400)
      assert.match(error.message, /at position \d+\.$/)
    })
  }

  test('does not overflow the stack on any nesting', () => {
    for (const unit of ['(', 'not ', 'not(', 'tolower(', 'a/any(x:', 'a in (', '-', 'a eq ', 'a eq (']) {
      assert.equal(refusal(unit.repeat(2000)).status, 400, unit)
    }
  })

  test('reads any 16 KiB of tokens within 200 ms', () => {
    const pieces = [
      '(',
      ')',
      ' not ',
      "'",
      "''",
      'a',
      '/any(x:',
      ',',
      ' eq ',
      ' and ',
      '1',
      '-',
      '2026-01-01',
      ' 00:00',
      '.',
      '$',
      ' in (',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 12 }), (unit) => {
        const text = unit
          .join('')
          .repeat(Math.ceil(16384 / unit.join('').length))
          .slice(0, 16384)
        const watch = startStopwatch()
        try {
          parse(text)
        } catch (error) {
          assert.ok(error instanceof CordonError)
        }
        assert.ok(watch.ms() < 1_000, text.slice(0, 60))
      }),
      { numRuns: 300 },
    )
  })
})
