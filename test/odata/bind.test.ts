import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { ResourceDescription } from '../../src/api/odata/resource.ts'
import type { BoundFilter } from '../../src/model/query.ts'
import { alerts, betaIncidents, filter, incidents, query, refusalOf, revealing, tasks } from './given.ts'

function compare(
  property: string,
  operator: 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le',
  value: string | number,
): BoundFilter {
  return { kind: 'compare', operator, scalar: { kind: 'property', property }, value }
}

function isNull(property: string): BoundFilter {
  return { kind: 'isNull', scalar: { kind: 'property', property } }
}

const always: BoundFilter = { kind: 'constant', value: true }
const never: BoundFilter = { kind: 'constant', value: false }
const newYear = '2026-01-01T00:00:00.0000000Z'

type Case = readonly [text: string, resource: ResourceDescription, meaning: BoundFilter]

function acceptAll(cases: readonly Case[], prefer?: typeof revealing): void {
  for (const [text, resource, meaning] of cases) {
    test(`reads ${text} on ${resource.entityType}`, () => {
      assert.deepEqual(filter(text, resource, prefer), meaning)
    })
  }
}

suite('literals of $filter', () => {
  acceptAll([
    ["status eq 'active'", incidents, compare('status', 'eq', 1)],
    ["status eq 'ACTIVE'", incidents, compare('status', 'eq', 1)],
    ['status eq active', incidents, compare('status', 'eq', 1)],
    ["status eq '4'", incidents, compare('status', 'eq', 4)],
    ["severity gt 'low'", incidents, compare('severity', 'gt', 64)],
    ["severity eq microsoft.graph.security.alertSeverity'high'", incidents, compare('severity', 'eq', 256)],
    ["severity eq microsoft.graph.alertSeverity'high'", incidents, compare('severity', 'eq', 256)],
    ["severity eq graph.alertSeverity'high'", incidents, compare('severity', 'eq', 256)],
    ["severity eq microsoft.graph.security.alertSeverity'256'", incidents, compare('severity', 'eq', 256)],
    ["determination eq 'compromisedUser'", incidents, compare('determination', 'eq', 80)],
    ["determination eq 'clean'", alerts, compare('determination', 'eq', 110)],
    ["determination eq 'InsufficientData'", alerts, compare('determination', 'eq', 120)],
    ["determination eq 'confirmedUserActivity'", alerts, compare('determination', 'eq', 130)],
    ["id eq '29'", incidents, compare('id', 'eq', '29')],
    ["assignedTo eq 'o''brien@contoso.com'", incidents, compare('assignedTo', 'eq', "o'brien@contoso.com")],
    ['priorityScore gt 85', incidents, compare('priorityScore', 'gt', 85)],
    ['priorityScore ge 15.5', incidents, compare('priorityScore', 'gt', 15)],
    ['priorityScore lt 15.5', incidents, compare('priorityScore', 'le', 15)],
    ['priorityScore eq 15.5', incidents, never],
    ['priorityScore ne 1e3', incidents, compare('priorityScore', 'ne', 1000)],
    ['priorityScore lt 99999999999', incidents, { kind: 'not', term: isNull('priorityScore') }],
    ['priorityScore gt 99999999999', incidents, never],
    ['priorityScore ge -99999999999', incidents, { kind: 'not', term: isNull('priorityScore') }],
    ['createdDateTime ge 2026-01-01T00:00:00Z', incidents, compare('createdDateTime', 'ge', newYear)],
    ['createdDateTime ge 2026-01-01t00:00:00z', incidents, compare('createdDateTime', 'ge', newYear)],
    ['createdDateTime ge 2026-01-01T00:00Z', incidents, compare('createdDateTime', 'ge', newYear)],
    ['createdDateTime ge 2026-01-01', incidents, compare('createdDateTime', 'ge', newYear)],
    ["createdDateTime ge '2026-01-01T00:00:00Z'", incidents, compare('createdDateTime', 'ge', newYear)],
    ['createdDateTime ge 2026-01-01T02:00:00+02:00', incidents, compare('createdDateTime', 'ge', newYear)],
    ['createdDateTime ge 2025-12-31T19:00:00-05:00', incidents, compare('createdDateTime', 'ge', newYear)],
    ['createdDateTime ge 2026-01-01T00:00:00.000000 00:00', incidents, compare('createdDateTime', 'ge', newYear)],
    ["createdDateTime ge '2026-01-01T02:00:00 02:00'", incidents, compare('createdDateTime', 'ge', newYear)],
    [
      'createdDateTime eq 2026-01-01T00:00:00.1133333Z',
      incidents,
      compare('createdDateTime', 'eq', '2026-01-01T00:00:00.1133333Z'),
    ],
    [
      'createdDateTime eq 2026-01-01T00:00:00.123456789012Z',
      incidents,
      compare('createdDateTime', 'eq', '2026-01-01T00:00:00.1234567Z'),
    ],
  ])
})

suite('null in $filter', () => {
  acceptAll([
    ['assignedTo eq null', incidents, isNull('assignedTo')],
    ['assignedTo ne null', incidents, { kind: 'not', term: isNull('assignedTo') }],
    ['assignedTo gt null', incidents, never],
    ['severity eq null', incidents, never],
    ['severity ne null', incidents, always],
    ['severity le null', incidents, never],
    [
      "assignedTo in ('a',null)",
      incidents,
      {
        kind: 'or',
        terms: [
          { kind: 'in', scalar: { kind: 'property', property: 'assignedTo' }, values: ['a'] },
          isNull('assignedTo'),
        ],
      },
    ],
  ])
})

suite('members above the sentinel in $filter', () => {
  const compareTo127 = (operator: 'ge' | 'gt' | 'lt'): BoundFilter => compare('status', operator, 127)
  acceptAll([
    ['status eq unknownFutureValue', incidents, compareTo127('ge')],
    ["status eq 'UnknownFutureValue'", incidents, compareTo127('ge')],
    ["status eq '127'", incidents, compareTo127('ge')],
    ['status ne unknownFutureValue', incidents, { kind: 'not', term: compareTo127('ge') }],
    ['status gt unknownFutureValue', incidents, compareTo127('gt')],
    ['status ge unknownFutureValue', incidents, compareTo127('ge')],
    ['status lt unknownFutureValue', incidents, compareTo127('lt')],
    ['status le unknownFutureValue', incidents, always],
    [
      "status in ('active','unknownFutureValue')",
      incidents,
      {
        kind: 'or',
        terms: [{ kind: 'in', scalar: { kind: 'property', property: 'status' }, values: [1] }, compareTo127('ge')],
      },
    ],
  ])
  acceptAll(
    [
      ["status eq 'awaitingAction'", incidents, compare('status', 'eq', 128)],
      ["status eq '128'", incidents, compare('status', 'eq', 128)],
      ['status eq unknownFutureValue', incidents, compare('status', 'eq', 127)],
      [
        "serviceSource in ('microsoftSentinel')",
        alerts,
        { kind: 'in', scalar: { kind: 'property', property: 'serviceSource' }, values: [512] },
      ],
    ],
    revealing,
  )

  for (const text of ["status eq 'awaitingAction'", "status in ('active',awaitingAction)", "status eq '128'"]) {
    test(`refuses ${text} without the opt-in`, () => {
      const error = refusalOf(() => filter(text))

      assert.match(error.message, /can be named only with the header 'Prefer: include-unknown-enum-members'/)
    })
  }
})

suite('aliases of incidentTasks', () => {
  acceptAll([
    ["incidentId eq '29'", tasks, compare('incident/id', 'eq', '29')],
    ["incident/id eq '29'", tasks, compare('incident/id', 'eq', '29')],
    ["type eq 'isolateDevice'", tasks, compare('actionType', 'eq', 1)],
    ['lastUpdateDateTime ge 2026-01-01', tasks, compare('lastModifiedDateTime', 'ge', newYear)],
    ["source eq 'defenderExpertsXDR'", tasks, always],
    ["source ne 'DefenderExpertsXdr'", tasks, never],
    ["source in ('defenderExpertsXDR')", tasks, always],
  ])

  test('the public poller is understood', () => {
    const text = "(status eq 'open' or status eq 'inProgress') and lastModifiedDateTime ge 2026-01-01T00:00:00.0000000Z"

    assert.deepEqual(filter(text, tasks), {
      kind: 'and',
      terms: [
        { kind: 'or', terms: [compare('status', 'eq', 0), compare('status', 'eq', 1)] },
        compare('lastModifiedDateTime', 'ge', newYear),
      ],
    })
  })

  test('sort by an alias and by its real name alike', () => {
    const alias = query('$orderby=incidentId,lastUpdateDateTime desc', tasks)

    assert.deepEqual(alias.orderBy, query('$orderby=incident/id,lastModifiedDateTime desc', tasks).orderBy)
  })
})

suite('functions and lambdas of $filter', () => {
  const title: { readonly kind: 'property'; readonly property: string } = { kind: 'property', property: 'title' }
  const item: { readonly kind: 'item'; readonly property: null } = { kind: 'item', property: null }
  acceptAll([
    ["contains(title,'50%')", alerts, { kind: 'match', test: 'contains', scalar: title, value: '50%' }],
    ["ENDSWITH(title,'x')", alerts, { kind: 'match', test: 'endswith', scalar: title, value: 'x' }],
    ["contains(title,'x') eq true", alerts, { kind: 'match', test: 'contains', scalar: title, value: 'x' }],
    [
      "contains(title,'x') ne true",
      alerts,
      { kind: 'not', term: { kind: 'match', test: 'contains', scalar: title, value: 'x' } },
    ],
    [
      "startswith(tolower(trim(title)),'x')",
      alerts,
      {
        kind: 'match',
        test: 'startswith',
        scalar: { kind: 'call', name: 'tolower', of: { kind: 'call', name: 'trim', of: title } },
        value: 'x',
      },
    ],
    [
      'length(title) gt 3',
      alerts,
      { kind: 'compare', operator: 'gt', scalar: { kind: 'call', name: 'length', of: title }, value: 3 },
    ],
    ['customTags/any()', incidents, { kind: 'lambda', quantifier: 'any', collection: 'customTags', body: null }],
    [
      "customTags/any(t:t eq 'x')",
      incidents,
      {
        kind: 'lambda',
        quantifier: 'any',
        collection: 'customTags',
        body: { kind: 'compare', operator: 'eq', scalar: item, value: 'x' },
      },
    ],
    [
      "systemTags/all(tag:startswith(tag,'D'))",
      incidents,
      {
        kind: 'lambda',
        quantifier: 'all',
        collection: 'systemTags',
        body: { kind: 'match', test: 'startswith', scalar: item, value: 'D' },
      },
    ],
    [
      "comments/any(c:c/comment eq 'x')",
      incidents,
      {
        kind: 'lambda',
        quantifier: 'any',
        collection: 'comments',
        body: { kind: 'compare', operator: 'eq', scalar: { kind: 'item', property: 'comment' }, value: 'x' },
      },
    ],
    [
      'customTags/$count ne 0',
      incidents,
      { kind: 'compare', operator: 'ne', scalar: { kind: 'count', collection: 'customTags' }, value: 0 },
    ],
    [
      "evidence/any(e:e/microsoft.graph.security.deviceEvidence/mdeDeviceId eq 'd1')",
      alerts,
      { kind: 'evidence', evidenceType: 'deviceEvidence', property: 'mdeDeviceId', value: 'd1' },
    ],
    [
      "not evidence/any(e:e/microsoft.graph.security.userEvidence/userAccount/userPrincipalName eq 'a@b')",
      alerts,
      {
        kind: 'not',
        term: {
          kind: 'evidence',
          evidenceType: 'userEvidence',
          property: 'userAccount/userPrincipalName',
          value: 'a@b',
        },
      },
    ],
  ])
})

const refused: readonly (readonly [text: string, resource: ResourceDescription, part: RegExp])[] = [
  [
    "tenantSecret eq 'a'",
    incidents,
    /^Invalid filter clause: Could not find a property named 'tenantSecret' on type 'microsoft\.graph\.security\.incident'\.$/,
  ],
  [
    "constructor eq 'a'",
    incidents,
    /^Invalid filter clause: Could not find a property named 'constructor' on type 'microsoft\.graph\.security\.incident'\.$/,
  ],
  ["__proto__/x eq 'a'", incidents, /Could not find a property named '__proto__' on type/],
  ["Status eq 'active'", incidents, /Could not find a property named 'Status'/],
  ["status/x eq 'active'", incidents, /Could not find a property named 'x' on type/],
  ["recommendedActions eq 'a'", incidents, /Could not find a property named 'recommendedActions'/],
  ["incidentId eq '1'", incidents, /Could not find a property named 'incidentId'/],
  ['status eq 1', incidents, /A member of .*incidentStatus.* in single quotes is expected, at position 10/],
  [
    "status eq 'acive'",
    incidents,
    /'acive' is not a member of 'microsoft.graph.security.incidentStatus', at position 10/,
  ],
  ["status eq ' active'", incidents, /not a member/],
  ["status eq 'active,resolved'", incidents, /not a member/],
  ["status eq '3'", incidents, /not a member/],
  ["status eq '1e2'", incidents, /not a member/],
  ["status eq 'toString'", incidents, /not a member/],
  ["status eq microsoft.graph.security.alertSeverity'high'", incidents, /is not the type/],
  ["status eq datetime'2026-01-01'", incidents, /is not the type/],
  ["status has 'active'", incidents, /'has' needs a flags enumeration/],
  ['id eq 29', incidents, /a string in single quotes.*position 6/],
  ['id eq 00000000-0000-0000-0000-000000000000', tasks, /a string in single quotes/],
  ["priorityScore eq '5'", incidents, /a number/],
  ['createdDateTime eq 99999-01-01T00:00:00Z', incidents, /not a date and time/],
  ['createdDateTime eq 0000-01-01', incidents, /not a date and time/],
  ['createdDateTime eq 2026-02-30', incidents, /not a date and time/],
  ['createdDateTime eq 2026-01-01T25:00:00Z', incidents, /not a date and time/],
  ['createdDateTime eq 2026-01-01T00:00:00.1234567890123Z', incidents, /not a date and time/],
  ["createdDateTime eq 'yesterday'", incidents, /not a date and time/],
  ['createdDateTime eq 5', incidents, /a date and time/],
  ["createdDateTime ge datetime'2026-01-01T00:00:00'", incidents, /a date and time/],
  ["not status eq 'active'", incidents, /'status' is not a condition/],
  ['status', incidents, /not a condition/],
  ['true', incidents, /A value alone/],
  ["'a' eq 'a'", incidents, /left side/],
  ["'active' eq status", incidents, /left side/],
  ['createdDateTime lt lastUpdateDateTime', incidents, /must be written out/],
  ["displayName eq tolower('x')", incidents, /must be written out/],
  ["(status eq 'active') gt true", incidents, /only with eq or ne/],
  ["(status eq 'active') eq 'x'", incidents, /only with eq or ne/],
  ["displayName eq (status eq 'active')", incidents, /must be written out/],
  ["matchesPattern(assignedTo,'(a+)+$')", incidents, /'matchespattern' is not supported/],
  ["substringof('a',assignedTo)", incidents, /'substringof' is not supported/],
  ["cast(id,'Edm.Int64') gt 0", incidents, /'cast' is not supported/],
  ["isof('Edm.String')", incidents, /'isof' is not supported/],
  ['createdDateTime gt now()', incidents, /must be written out/],
  ['year(createdDateTime) eq 2026', incidents, /'year' is not supported/],
  ["$it/status eq 'active'", incidents, /'\$it\/status' is not supported/],
  ['status eq @p1', incidents, /not a member/],
  ["@p1 eq 'x'", incidents, /'@p1' is not supported/],
  ["contains(status,'a')", incidents, /'status' is not a string/],
  ['contains(displayName,5)', incidents, /a string in single quotes/],
  ["contains('a',displayName)", incidents, /left side/],
  ['contains(displayName)', incidents, /takes a property and a string/],
  ["contains(displayName,'a','b')", incidents, /takes a property and a string/],
  ['tolower(displayName)', incidents, /not a condition/],
  ["tolower(displayName,'x') eq 'x'", incidents, /takes one property/],
  ['length(createdDateTime) eq 3', incidents, /not a string/],
  ["alerts/any(a:a/severity eq 'high')", incidents, /not supported on 'alerts'/],
  ["alerts/any(a:a/evidence/any(e:e/tags/any(t:t eq 'x')))", incidents, /nested/],
  ["customTags eq 'x'", incidents, /any, all and \$count look into it/],
  ["comments eq 'x'", incidents, /not a single value/],
  ['alerts eq null', incidents, /not a single value/],
  ["customTags/any(t:u eq 'x')", incidents, /only the variable 't'/],
  ["customTags/any(t:status eq 'active')", incidents, /only the variable 't'/],
  ["customTags/any(t:t/x eq 'a')", incidents, /has no properties/],
  ["comments/any(c:c eq 'a')", incidents, /followed by a property/],
  [
    "comments/any(c:c/secret eq 'a')",
    incidents,
    /Could not find a property named 'secret' on type 'microsoft\.graph\.security\.alertComment'/,
  ],
  ["foo/any(t:t eq 'a')", incidents, /Could not find a property named 'foo'/],
  ['alerts/$count gt 1', incidents, /not supported on 'alerts'/],
  ["recommendedHuntingQueries/any(q:q/kqlText eq 'a')", betaIncidents, /not supported on/],
  ["incident/displayName eq 'x'", tasks, /The path 'incident\/displayName' is not supported/],
  ["responseAction/identifierValue eq 'x'", tasks, /is not supported/],
  ["incidentWebUrl eq 'x'", incidents, /neither filtered nor sorted/],
  ['evidence/any()', alerts, /only with any and one condition/],
  ["evidence/all(e:e/microsoft.graph.security.ipEvidence/ipAddress eq '1')", alerts, /only with any/],
  ["evidence/any(e:e/microsoft.graph.security.ipEvidence/ipAddress ne '1')", alerts, /only by one eq/],
  ["evidence/any(e:e/microsoft.graph.security.ipEvidence/ipAddress eq '1' and e/x eq '2')", alerts, /only by one eq/],
  ["evidence/any(e:e/ipAddress eq '1')", alerts, /A path like/],
  [
    "evidence/any(e:e/microsoft.graph.security.ipEvidence/countryLetterCode eq 'DE')",
    alerts,
    /'countryLetterCode' of 'ipEvidence'/,
  ],
  [
    "evidence/any(e:e/microsoft.graph.security.ipEvidence/mdeDeviceId eq 'DE')",
    alerts,
    /'mdeDeviceId' of 'ipEvidence'/,
  ],
  ["evidence/any(e:e/microsoft.graph.security.fooEvidence/url eq 'x')", alerts, /not a type of evidence/],
  ["evidence/any(e:e/microsoft.graph.security.incident/id eq 'x')", alerts, /not a type of evidence/],
  ['evidence/any(e:e/microsoft.graph.security.ipEvidence/ipAddress eq 1)', alerts, /string in single quotes/],
  ['evidence/$count gt 1', alerts, /not supported on 'evidence'/],
  ["tags/any(t:t eq 'x')", alerts, /Could not find a property named 'tags'/],
]

suite('$filter texts that break the model', () => {
  for (const [text, resource, part] of refused) {
    test(`refuses ${text} on ${resource.entityType}`, () => {
      const error = refusalOf(() => filter(text, resource))

      assert.equal(error.status, 400)
      assert.equal(error.code, 'BadRequest')
      assert.match(error.message, /^Invalid filter clause: /)
      assert.match(error.message, part)
    })
  }

  test('names a hidden column exactly like an unknown name', () => {
    const hidden = refusalOf(() => filter("secret_hash eq 'a'")).message
    const unknown = refusalOf(() => filter("secret_hush eq 'a'")).message

    assert.equal(hidden, unknown.replace('secret_hush', 'secret_hash'))
  })

  test('shortens a very long name in its message', () => {
    const error = refusalOf(() => filter(`${'x'.repeat(5000)} eq 'a'`))

    assert.ok(error.message.length < 300)
  })
})
