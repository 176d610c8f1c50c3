import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { readFormat } from '../../src/api/odata/format.ts'
import { readCountQuery, readEntityQuery } from '../../src/api/odata/read-query.ts'
import { CordonError } from '../../src/model/errors.ts'
import { fc } from '../support/fast-check.ts'
import { startStopwatch } from '../support/stopwatch.ts'
import { alerts, filter, incidents, plain, query, refusalOf, tasks } from './given.ts'

const active = filter("status eq 'active'")

const refusedQueries: readonly (readonly [raw: string, part: RegExp])[] = [
  ['$filter=', /'\$filter' is empty/],
  ['$top=', /'\$top' is empty/],
  ['$count', /'\$count' is empty/],
  ['top=', /'\$top' is empty/],
  ['$top=5&$top=50', /'\$top' stands twice/],
  ['$top=5&%24TOP=5', /'\$top' stands twice/],
  ["$filter=id eq '1'&filter=id eq '1'", /'\$filter' stands twice/],
  ['$foo=1', /'\$foo' is not supported/],
  ['$search="x"', /'\$search' is not supported/],
  ['search=x', /'search' is not supported/],
  ['$apply=aggregate($count as n)', /not supported/],
  ['$compute=1 as x', /not supported/],
  ['$index=1', /not supported/],
  ['$deltatoken=x', /does not apply/],
  ['$levels=1', /not supported/],
  ['$=1', /not supported/],
  ['$filter =1', /not supported/],
  ['$filter=%', /broken percent escape/],
  ['$filter=%4', /broken percent escape/],
  ['$filter=%zz', /broken percent escape/],
  ['$filter=%ff', /not UTF-8/],
  ['$filter=%c0%af', /not UTF-8/],
  ['$filter=%ed%a0%80', /not UTF-8/],
  ['a%=1', /broken percent escape/],
  ['$filter=a%00b', /NUL/],
  ['x=%00', /NUL/],
  ["$filter=displayName eq 'é'", /percent-encoded/],
]

const spellings = [
  "$filter=status eq 'active'",
  "$filter=status%20eq%20'active'",
  '$filter=status+eq+%27active%27',
  '%24filter=status+eq+%27active%27',
  "filter=status eq 'active'",
  "$FILTER=status eq 'active'",
  "Filter=status eq 'active'",
  "&$filter=status eq 'active'",
  "&&$filter=status eq 'active'&",
  "$filter=status eq 'active'&unknown=1&unknown=2&$top=5",
  "access_token=abc&$filter=status eq 'active'",
  "$filter=status eq 'active'&plain",
  "$filter= status eq 'active' ",
]

suite('the raw query string', () => {
  for (const spelling of spellings) {
    test(`understands ${spelling}`, () => {
      assert.deepEqual(query(spelling).filter, active)
    })
  }

  test('may be empty', () => {
    const { filter: none, top, skip, count, select, expand, orderBy } = query('')

    assert.deepEqual(
      { none, top, skip, count, select, expand },
      { none: null, top: 50, skip: 0, count: false, select: null, expand: [] },
    )
    assert.deepEqual(orderBy, [
      { property: 'createdDateTime', direction: 'desc' },
      { property: 'id', direction: 'desc' },
    ])
  })

  test('keeps what follows the first equals sign in one piece', () => {
    assert.deepEqual(query("$filter=displayName eq 'a=b'").filter, filter("displayName eq 'a=b'"))
  })

  test('decodes once: an escaped percent sign stays a percent sign', () => {
    assert.deepEqual(query("$filter=displayName eq '%2541'").filter, filter("displayName eq '%41'"))
  })

  test('is no reason for anything but an answer or a refusal, whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            '$',
            '%24',
            'filter',
            '=',
            '&',
            '%',
            '%00',
            '%ff',
            '+',
            "'",
            '(',
            'top',
            'é',
            '1',
            'eq',
            'id',
          ),
        ),
        (parts) => {
          try {
            query(parts.join(''))
          } catch (error) {
            assert.ok(error instanceof CordonError && error.status === 400)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

suite('raw query strings that are refused', () => {
  for (const [raw, part] of refusedQueries) {
    test(`is refused as ${raw}`, () => {
      const error = refusalOf(() => query(raw))

      assert.equal(error.status, 400)
      assert.match(error.message, part)
    })
  }

  test('admits 8192 characters per option and no more', () => {
    const term = `displayName eq '${'x'.repeat(178)}'`
    const terms = Array(41).fill(term).join(' or ')
    const padded = (length: number): string => `$filter=${terms.padEnd(length, ' ').replaceAll(' ', '+')}`

    assert.ok(terms.length > 8000)
    assert.equal(query(padded(8192)).filter?.kind, 'or')
    assert.equal(refusalOf(() => query(padded(8193))).kind, 'maxQueryLengthExceeded')
  })

  test('is refused when no link to a next page could hold it', () => {
    const long = `$filter=displayName in (${Array(5).fill(`'${'%C3%BC'.repeat(600)}'`)})`

    assert.equal(refusalOf(() => query(long)).kind, 'maxQueryLengthExceeded')
  })
})

suite('$top and $skip', () => {
  for (const text of ['-1', '+1', '1.5', '1e3', '0x10', '99999999999999999999', '2147483648', ' 5', '٣', 'null']) {
    for (const option of ['$top', '$skip']) {
      test(`${option}=${text} is refused`, () => {
        assert.equal(refusalOf(() => query(`${option}=${encodeURIComponent(text)}`)).status, 400)
      })
    }
  }

  test('$top above 50 is refused on incidents with the sentence of the live service', () => {
    const error = refusalOf(() => query('$top=100'))

    assert.equal(
      error.message,
      "The query specified in the URI is not valid. The limit of '50' for Top query has been exceeded. The value from the incoming request is '100'.",
    )
    assert.equal(query('$top=50').top, 50)
  })

  test('$top is clamped to 1000 on alerts and 500 on tasks', () => {
    assert.equal(query('$top=1000', alerts).top, 1000)
    assert.equal(query('$top=2000', alerts).top, 1000)
    assert.equal(query('', alerts).top, 100)
    assert.equal(query('$top=501', tasks).top, 500)
    assert.equal(query('', tasks).top, 500)
  })

  test('$skip stands alone and goes past the end', () => {
    assert.equal(query('$skip=0').skip, 0)
    assert.equal(query('$skip=999999999').skip, 999_999_999)
  })

  test('odata.maxpagesize below the page size counts, above it does not', () => {
    const sized = (raw: string, maxPageSize: number): unknown => {
      const { top, maxPageSizeApplied } = query(raw, alerts, { includeUnknownEnumMembers: false, maxPageSize })
      return { top, maxPageSizeApplied }
    }

    assert.deepEqual(sized('', 7), { top: 7, maxPageSizeApplied: true })
    assert.deepEqual(sized('$top=3', 7), { top: 3, maxPageSizeApplied: false })
    assert.deepEqual(sized('', 101), { top: 100, maxPageSizeApplied: false })
  })
})

suite('$count and $format', () => {
  test('$count is exactly true or false', () => {
    assert.equal(query('$count=true').count, true)
    assert.equal(query('$count=false').count, false)
    for (const text of ['1', 'True', 'TRUE', 'yes', '%20true']) {
      assert.match(refusalOf(() => query(`$count=${text}`)).message, /true or false/)
    }
  })

  test('$format offers JSON with the three levels of metadata', () => {
    assert.deepEqual(query('$format=json').format, { metadata: 'minimal', ieee754Compatible: false })
    assert.deepEqual(query('$format=application/json;odata.metadata=full').format?.metadata, 'full')
    assert.deepEqual(readFormat('Application/JSON; metadata=none; IEEE754Compatible=true'), {
      metadata: 'none',
      ieee754Compatible: true,
    })
    assert.equal(query('').format, null)
  })

  test('another $format is 406, another metadata level 400', () => {
    assert.equal(refusalOf(() => query('$format=xml')).status, 406)
    assert.equal(refusalOf(() => query('$format=application/xml')).status, 406)
    assert.equal(refusalOf(() => query('$format=application/json;odata.metadata=some')).status, 400)
  })
})

suite('$orderby', () => {
  test('defaults to asc, takes both directions in any case, and ends with the id', () => {
    assert.deepEqual(query('$orderBy=severity,lastUpdateDateTime DESC').orderBy, [
      { property: 'severity', direction: 'asc' },
      { property: 'lastUpdateDateTime', direction: 'desc' },
      { property: 'id', direction: 'desc' },
    ])
  })

  test('drops repeats and what follows the id', () => {
    assert.deepEqual(query('$orderby=severity,severity desc,id,status').orderBy, [
      { property: 'severity', direction: 'asc' },
      { property: 'id', direction: 'asc' },
    ])
  })

  const refused: readonly (readonly [text: string, part: RegExp])[] = [
    [
      'tenantSecret',
      /^Invalid orderby clause: Could not find a property named 'tenantSecret' on type 'microsoft.graph.security.incident'\.$/,
    ],
    ['`id`', /'`'.*position 0/],
    ['length(displayName)', /Only properties.*position 6/],
    ['severity up', /asc, desc or a comma.*position 9/],
    ['severity,', /property name.*position 9/],
    ['severity desc desc', /Only properties/],
    ['customTags', /not a single value/],
    ['alerts', /not a single value/],
    ["'x'", /property name/],
    ['$it/severity', /not supported/],
  ]
  for (const [text, part] of refused) {
    test(`refuses ${text}`, () => {
      assert.match(refusalOf(() => query(`$orderby=${encodeURIComponent(text)}`)).message, part)
    })
  }
})

suite('$select', () => {
  test('keeps names in their sequence, each once', () => {
    assert.deepEqual(query('$select=status, id,status').select, ['status', 'id'])
    assert.deepEqual(query('$select=*,status').select, null)
    assert.deepEqual(query('$select=alerts').select, ['alerts'])
    assert.deepEqual(query('$select=incident,id', tasks).select, ['incident', 'id'])
  })

  for (const text of ['foo', '__proto__', 'Status', 'id,', ',id', 'id status', 'alerts($select=id)', 'incidentId']) {
    test(`refuses ${text}`, () => {
      assert.match(refusalOf(() => query(`$select=${text}`)).message, /^Invalid select clause: /)
    })
  }

  test('admits 200 names and no more', () => {
    const names = (count: number): string => `$select=${Array(count).fill('id').join(',')}`

    assert.deepEqual(query(names(200)).select, ['id'])
    assert.equal(refusalOf(() => query(names(201))).kind, 'tooManyTermsInQuery')
  })
})

const refusedExpands: readonly (readonly [text: string, part: RegExp])[] = [
  ['foo', /Could not find a property named 'foo' on type 'microsoft.graph.security.incident'/],
  ['__proto__', /Could not find a property named '__proto__'/],
  ['*', /'\*' cannot be expanded/],
  ['comments', /'comments' cannot be expanded/],
  ['alerts/$ref', /cannot be expanded/],
  ['alerts/$count', /cannot be expanded/],
  ['alerts/evidence', /cannot be expanded/],
  ['alerts,alerts', /expanded twice/],
  ['alerts($levels=max)', /'levels' is not supported/],
  ['alerts($expand=evidence)', /'expand' is not supported/],
  ['alerts($search=x)', /'search' is not supported/],
  ['alerts($top=5;$top=6)', /'top' stands twice/],
  ['alerts($top=)', /'\$?top' is empty/],
  ['alerts($top=-1)', /\$top/],
  ['alerts($select=foo)', /Could not find a property named 'foo' on type 'microsoft.graph.security.alert'/],
  ['alerts(', /not closed/],
  ['alerts()', /An option/],
  ["alerts($filter=title eq 'a)", /not closed/],
  ['alerts($top=1)x', /comma or the end/],
  ['alerts,', /name of a navigation property/],
  [',alerts', /name of a navigation property/],
]

suite('$expand', () => {
  test('takes nested options, quotes and parentheses inside them included', () => {
    const [expand] = query(
      "$expand=alerts($select=id,title;$filter=(severity eq 'high' or title eq 'a;b)c') and status ne null;$orderby=title;$top=5;$skip=1;$count=true)",
    ).expand

    assert.deepEqual(expand, {
      name: 'alerts',
      many: true,
      select: ['id', 'title'],
      filter: filter("(severity eq 'high' or title eq 'a;b)c') and status ne null", alerts),
      orderBy: [
        { property: 'title', direction: 'asc' },
        { property: 'id', direction: 'asc' },
      ],
      top: 5,
      skip: 1,
      count: true,
      options: [
        ['filter', "(severity eq 'high' or title eq 'a;b)c') and status ne null"],
        ['orderby', 'title'],
        ['select', 'id,title'],
        ['count', 'true'],
      ],
    })
  })

  test('stands without options and sorts the newest first', () => {
    const [expand] = query('expand=alerts').expand

    assert.equal(expand?.top, 1000)
    assert.deepEqual(expand?.orderBy[0], { property: 'createdDateTime', direction: 'desc' })
  })

  test('clamps a nested $top to 1000', () => {
    assert.equal(query('$expand=alerts($top=1000000)').expand[0]?.top, 1000)
  })

  test('takes the incident of a task with $select alone', () => {
    assert.deepEqual(query('$expand=incident($select=id)', tasks).expand[0]?.select, ['id'])
    assert.match(
      refusalOf(() => query("$expand=incident($filter=id eq '1')", tasks)).message,
      /'filter' is not supported/,
    )
  })

  test('counts positions of nested errors from the start of the option', () => {
    const error = refusalOf(() => query("$expand=alerts($filter=severity eq 'huge')"))

    assert.match(error.message, /^Invalid filter clause: 'huge' is not a member .*, at position 27\.$/)
  })

  for (const [text, part] of refusedExpands) {
    test(`refuses ${text}`, () => {
      const error = refusalOf(() => query(`$expand=${encodeURIComponent(text)}`))

      assert.equal(error.status, 400)
      assert.match(error.message, part)
    })
  }
})

suite('the time a query takes', () => {
  test("is far below a millisecond for a poller's", () => {
    const raw =
      '%24filter=lastUpdateDateTime+ge+2026-01-01T00%3A00%3A00.000000Z+and+%28status+eq+%27active%27+or+status+eq+%27inProgress%27%29&%24top=50'
    const watch = startStopwatch()

    for (let count = 0; count < 2000; count++) query(raw)

    assert.ok(watch.ms() < 2000 * 0.3)
  })
})

suite('options of other requests', () => {
  test('one entity takes $select, $expand and $format and refuses the rest', () => {
    const { select, expand } = readEntityQuery('$select=id&$expand=alerts', incidents, plain)

    assert.deepEqual([select, expand[0]?.name], [['id'], 'alerts'])
    for (const raw of ['$filter=status eq 1', '$top=1', '$skip=1', '$count=true', '$orderby=id', '$skiptoken=x']) {
      assert.match(refusalOf(() => readEntityQuery(raw, incidents, plain)).message, /does not apply to this request/)
    }
  })

  test('/$count takes $filter and refuses the rest', () => {
    assert.deepEqual(readCountQuery("$filter=status eq 'active'", incidents, plain), active)
    assert.equal(readCountQuery('', incidents, plain), null)
    assert.match(refusalOf(() => readCountQuery('$top=1', incidents, plain)).message, /does not apply/)
  })
})
