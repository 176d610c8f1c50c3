import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { bindHas, type Comparand } from '../../src/api/odata/bind/compare.ts'
import { wholeClause } from '../../src/api/odata/parse/clause.ts'
import { parseFilter } from '../../src/api/odata/parse/filter.ts'
import type { ResourceDescription } from '../../src/api/odata/resource.ts'
import type { BoundFilter, BoundScalar } from '../../src/model/query.ts'
import { alerts, filter, incidents, query, refusalOf, revealing, tasks } from './given.ts'

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

suite('functions of $filter', () => {
  const title: BoundScalar = { kind: 'property', property: 'title' }
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
  ])
})

suite('lambdas of $filter', () => {
  const item: BoundScalar = { kind: 'item', property: null }
  acceptAll([
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
      "alerts/any(a:a/serviceSource eq 'dataLossPrevention')",
      incidents,
      {
        kind: 'lambda',
        quantifier: 'any',
        collection: 'alerts',
        body: { kind: 'compare', operator: 'eq', scalar: { kind: 'item', property: 'serviceSource' }, value: 128 },
      },
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

suite('has on a flags enumeration', () => {
  const scalar: BoundScalar = { kind: 'property', property: 'reasons' }
  const left: Comparand = {
    scalar,
    type: 'enum',
    enumName: 'correlationReason',
    nullable: true,
    name: 'reasons',
    wildcard: null,
  }
  const bind = (literal: string, revealHidden = false): BoundFilter => {
    const clause = wholeClause('filter', `reasons has ${literal}`)
    const syntax = parseFilter(clause)
    assert.ok(syntax.kind === 'compare')
    return bindHas(clause, left, syntax.right, revealHidden)
  }

  test('joins a comma list of members and numbers', () => {
    const bits = 512 + 1024

    assert.deepEqual(bind("'sameActor,sameCampaign'"), { kind: 'flags', scalar, bits })
    assert.deepEqual(bind("'sameActor, 1024'"), { kind: 'flags', scalar, bits })
    assert.deepEqual(bind("microsoft.graph.security.correlationReason'1536'"), { kind: 'flags', scalar, bits })
    assert.deepEqual(bind('null'), never)
  })

  test('refuses what is no member', () => {
    for (const literal of ["'sameActor,foo'", "'sameActor,'", "''", "'99999999'", '512']) {
      assert.equal(refusalOf(() => bind(literal)).status, 400, literal)
    }
  })
})
