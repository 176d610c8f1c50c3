import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../../src/model/errors.ts'
import { alertWith, assertRefused, createAlert, open, patch } from './reading.ts'

test('a patch gives back what it sets, in the contract’s spelling', () => {
  const body = `{"@odata.type":"#microsoft.graph.security.incident","status":"InProgress","classification":"TruePositive",
    "determination":"MultiStagedAttack","customTags":["Demo"],"assignedTo":"kai@contoso.com"}`

  assert.deepEqual(patch('incident', body), {
    status: 'inProgress',
    classification: 'truePositive',
    determination: 'multiStagedAttack',
    customTags: ['Demo'],
    assignedTo: 'kai@contoso.com',
  })
})

test('an empty object patches nothing', () => {
  assert.deepEqual(patch('incident', '{}'), {})
})

for (const body of ['null', '[]', '"completed"', '1', 'true', '[{"status":"active"}]']) {
  test(`the body ${body} is no JSON object`, () => {
    assertRefused(patch('incidentTask', body), '', /^The request body must be a JSON object\.$/)
  })
}

for (const name of ['foo', '__proto__', 'constructor', 'hasOwnProperty', 'Status', 'status ', 'tenantId', '']) {
  test(`a body with the undeclared property ${JSON.stringify(name)} is refused by that name`, () => {
    const outcome = patch('incidentTask', `{"status":"inProgress",${JSON.stringify(name)}:1}`)

    assertRefused(outcome, name, /does not exist on type 'microsoft\.graph\.security\.incidentTask'/)
  })
}

test('a very long undeclared name is cut in the answer', () => {
  const outcome = patch('incident', JSON.stringify({ ['x'.repeat(100_000)]: 1 }))

  assert.ok(isRefusal(outcome) && outcome.reason.length < 400)
})

test('comment in a patch of an incident is ignored, and only there', () => {
  assert.deepEqual(patch('incident', '{"comment":5,"status":"active"}'), { status: 'active' })
  assertRefused(patch('alert', '{"comment":"x"}'), 'comment', /does not exist/)
  assertRefused(patch('incidentTask', '{"comment":"x"}'), 'comment', /does not exist/)
})

test('read-only properties in a patch are ignored whatever they hold', () => {
  const body = `{"id":7,"createdDateTime":"yesterday","comments":[{"foo":1}],"alerts":"none","redirectIncidentId":{},"tenantId":null,
    "recommendedHuntingQueries":5,"status":"resolved"}`

  assert.deepEqual(patch('incident', body), { status: 'resolved' })
  assert.deepEqual(patch('incident', '{"id":"9"}'), {})
})

test('a whole task sent back by a client changes only its status', () => {
  const body = `{"@odata.context":"https://h/beta/$metadata#security/incidentTasks/$entity","@odata.type":"#microsoft.graph.security.incidentTask",
    "id":"213213","actionStatus":"completed","actionType":"isolateDevice","lastModifiedDateTime":"2026-01-02T03:04:05.123Z",
    "responseAction":{"@odata.type":"#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction"},"incident":{"id":"1"},
    "status":"completed"}`

  assert.deepEqual(patch('incidentTask', body), { status: 'completed' })
})

test('@odata annotations are ignored', () => {
  const body = `{"@odata.context":1,"@odata.etag":"W/x","alerts@odata.nextLink":"https://h/next","alerts@odata.context":"c","status":"active"}`

  assert.deepEqual(patch('incident', body), { status: 'active' })
})

test('@odata.type must name the resource, with or without #', () => {
  assert.deepEqual(patch('incident', '{"@odata.type":"microsoft.graph.security.incident"}'), {})
  for (const type of ['"#microsoft.graph.security.alert"', '"#microsoft.graph.incident"', '""', '7', 'null']) {
    assertRefused(
      patch('incident', `{"@odata.type":${type}}`),
      '@odata.type',
      /must name '#microsoft\.graph\.security\.incident'/,
    )
  }
})

test('name@odata.type must name the declared type', () => {
  const accepted = `{"customTags@odata.type":"#Collection(String)","status@odata.type":"#microsoft.graph.security.incidentStatus",
    "createdDateTime@odata.type":"DateTimeOffset","comments@odata.type":"#Collection(microsoft.graph.security.alertComment)"}`

  assert.deepEqual(patch('incident', accepted), {})
  assertRefused(
    patch('incident', '{"customTags@odata.type":"#String"}'),
    'customTags@odata.type',
    /Collection\(String\)/,
  )
})

test('an annotation of an undeclared property is an undeclared property', () => {
  assertRefused(patch('incident', '{"foo@odata.type":"#String"}'), 'foo@odata.type', /does not exist/)
  assertRefused(patch('incident', '{"status@other.term":1}'), 'status@other.term', /does not exist/)
  assertRefused(patch('incident', '{"@other.term":1}'), '@other.term', /does not exist/)
})

test('null for a property that is not nullable is refused by name', () => {
  const outcome = patch('incident', '{"severity":null}')

  assertRefused(outcome, 'severity', /^Property 'severity' is not nullable\.$/)
})

test('null clears a nullable property; a list becomes empty, a dictionary too', () => {
  assert.deepEqual(patch('incident', '{"assignedTo":null,"classification":null,"customTags":null}'), {
    assignedTo: null,
    classification: null,
    customTags: [],
  })
  assert.deepEqual(patch('alert', '{"customDetails":null}'), { customDetails: {} })
})

test('the empty string unassigns, but is no display name', () => {
  assert.deepEqual(patch('incident', '{"assignedTo":""}'), { assignedTo: null })
  assertRefused(patch('incident', '{"displayName":""}'), 'displayName', /must not be empty/)
  assert.deepEqual(patch('incident', '{"summary":""}'), { summary: '' })
})

for (const value of [
  '1',
  'true',
  '{"$ne":"x"}',
  '["active"]',
  '"done"',
  '"active "',
  '""',
  '"1"',
  '"active,resolved"',
]) {
  test(`the status ${value} is refused and the members are named`, () => {
    assertRefused(
      patch('incident', `{"status":${value}}`),
      'status',
      /one of active, resolved, inProgress, redirected\.$/,
    )
  })
}

test('an enum value of another enum is refused', () => {
  assertRefused(patch('incident', '{"severity":"critical"}'), 'severity', /unknown, informational, low, medium, high/)
})

test('other documented names of a determination are taken as the member', () => {
  assert.deepEqual(patch('incident', '{"determination":"compromisedUser"}'), { determination: 'compromisedAccount' })
})

test('unknownFutureValue in a patch counts as absent', () => {
  assert.deepEqual(patch('incidentTask', '{"status":"unknownFutureValue"}'), {})
  assert.deepEqual(patch('incident', '{"severity":"UnknownFutureValue","status":"active"}'), { status: 'active' })
})

test('unknownFutureValue in a create is refused, at every depth', () => {
  assertRefused(createAlert('"status":"unknownFutureValue"'), 'status', /cannot be set to 'unknownFutureValue'/)
  const evidence = '"evidence":[{"@odata.type":"#microsoft.graph.security.ipEvidence","roles":["unknownFutureValue"]}]'
  assertRefused(createAlert(evidence), 'evidence[0]/roles[0]', /cannot be set/)
})

test('a hidden member needs the opt-in', () => {
  assertRefused(patch('incident', '{"status":"awaitingAction"}'), 'status', /include-unknown-enum-members/)
  assert.deepEqual(patch('incident', '{"status":"AwaitingAction"}', open), { status: 'awaitingAction' })
  assertRefused(createAlert('"serviceSource":"microsoftSentinel"'), 'serviceSource', /Prefer/)
  assert.deepEqual(Object(createAlert('"serviceSource":"microsoftSentinel"', open)).serviceSource, 'microsoftSentinel')
})

test('text is limited in characters, not in UTF-16 units', () => {
  const smile = '\u{1f600}'

  assert.deepEqual(patch('incident', JSON.stringify({ assignedTo: smile.repeat(256) })), {
    assignedTo: smile.repeat(256),
  })
  assertRefused(
    patch('incident', JSON.stringify({ assignedTo: smile.repeat(257) })),
    'assignedTo',
    /at most 256 characters/,
  )
  assertRefused(patch('incident', JSON.stringify({ displayName: 'x'.repeat(513) })), 'displayName', /at most 512/)
  assertRefused(patch('incident', JSON.stringify({ summary: 'x'.repeat(30_001) })), 'summary', /at most 30000/)
})

test('tags are limited in number and length and are strings', () => {
  const tags = (customTags: unknown) => patch('incident', JSON.stringify({ customTags }))

  assert.deepEqual(tags(Array(100).fill('x')), { customTags: Array(100).fill('x') })
  assertRefused(tags(Array(101).fill('x')), 'customTags', /at most 100 items/)
  assertRefused(tags(['a', 'x'.repeat(257)]), 'customTags[1]', /at most 256 characters/)
  assertRefused(tags([1]), 'customTags[0]', /must be a string/)
  assertRefused(tags(['a', null]), 'customTags[1]', /is not nullable/)
  assertRefused(tags('a'), 'customTags', /must be an array/)
  assertRefused(tags({ 0: 'a' }), 'customTags', /must be an array/)
})

test('text is taken verbatim', () => {
  for (const text of ['<script>1</script>', "=cmd|'/C calc'!A0", ' padded ', '\u202e']) {
    assert.deepEqual(patch('incident', JSON.stringify({ resolvingComment: text })), { resolvingComment: text })
  }
})

test('customDetails takes any JSON object as it is', () => {
  const details = '{"a":[1,{"b":null}],"@timestamp":1,"x@y.z":2,"constructor":"c"}'

  assert.deepEqual(patch('alert', `{"customDetails":${details}}`), { customDetails: JSON.parse(details) })
  assertRefused(patch('alert', '{"customDetails":"x"}'), 'customDetails', /must be a JSON object/)
  assertRefused(patch('alert', '{"customDetails":[1]}'), 'customDetails', /must be a JSON object/)
})

test('__proto__ in a dictionary stays an ordinary key', () => {
  const { additionalData } = alertWith('"additionalData":{"__proto__":{"polluted":true}}')

  assert.ok(Object.hasOwn(Object(additionalData), '__proto__'))
  assert.equal(Object(additionalData).polluted, undefined)
  assert.equal(Object.getPrototypeOf(additionalData), Object.prototype)
})
