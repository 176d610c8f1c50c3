import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../../src/model/errors.ts'
import { readActionBody } from '../../src/model/graph-validate.ts'
import { alertWith, assertRefused, closed, createAlert, read } from './reading.ts'

test('a create needs its required properties, null counts as missing', () => {
  assertRefused(read('alert', 'create', '{"severity":"low"}'), 'title', /^Property 'title' is required\.$/)
  assertRefused(read('alert', 'create', '{"title":"t"}'), 'severity', /is required/)
  assertRefused(read('alert', 'create', '{"title":null,"severity":"low"}'), 'title', /is required/)
  assertRefused(read('alert', 'create', '{"title":"","severity":"low"}'), 'title', /must not be empty/)
})

test('a create ignores what the server owns, whatever it holds', () => {
  const spoofed =
    '"id":1,"tenantId":"t","incidentId":"9","incidentWebUrl":"javascript:1","comments":[7],"resolvedDateTime":0,"lastUpdateDateTime":"x"'

  assert.deepEqual(alertWith(spoofed), {})
})

test('instants are read to 7 digits in UTC', () => {
  assert.deepEqual(alertWith('"createdDateTime":"2026-01-02T03:04:05.123+01:00"'), {
    createdDateTime: '2026-01-02T02:04:05.1230000Z',
  })
  for (const value of ['-1', '"yesterday"', '"2026-02-30T00:00:00Z"', '{}']) {
    assertRefused(createAlert(`"createdDateTime":${value}`), 'createdDateTime', /date and time/)
  }
})

test('a link is http or https', () => {
  assert.deepEqual(alertWith('"alertWebUrl":"HTTPS://siem.contoso.com/a?b=c#d"'), {
    alertWebUrl: 'HTTPS://siem.contoso.com/a?b=c#d',
  })
  for (const url of ['javascript:alert(1)', 'ftp://h/x', '//h/x', 'https://', 'https://h/a b', ' https://h']) {
    assertRefused(createAlert(`"alertWebUrl":${JSON.stringify(url)}`), 'alertWebUrl', /http or https/)
  }
})

test('evidence is read as the type it names and gets its # back', () => {
  const evidence = `"evidence":[{"@odata.type":"microsoft.graph.security.deviceEvidence","hostName":"web01","osBuild":19045,
    "rbacGroupId":7,"loggedOnUsers":[{"accountName":"kai"}],"roles":["Attacked"],"vmMetadata":{"cloudProvider":"Azure"}}]`

  assert.deepEqual(alertWith(evidence), {
    evidence: [
      {
        '@odata.type': '#microsoft.graph.security.deviceEvidence',
        hostName: 'web01',
        osBuild: 19045,
        rbacGroupId: 7,
        loggedOnUsers: [{ accountName: 'kai' }],
        roles: ['attacked'],
        vmMetadata: { cloudProvider: 'azure' },
      },
    ],
  })
})

test('evidence must name a concrete type of evidence', () => {
  const bad = [
    '',
    '"@odata.type":"#microsoft.graph.security.alertEvidence"',
    '"@odata.type":"#microsoft.graph.security.userAccount"',
    '"@odata.type":5',
  ]
  for (const type of bad) {
    assertRefused(
      createAlert(`"evidence":[{${type}}]`),
      'evidence[0]/@odata.type',
      /must name a concrete type of '#microsoft\.graph\.security\.alertEvidence'/,
    )
  }
})

test('evidence inside evidence carries its type, named or not', () => {
  const session = `"evidence":[{"@odata.type":"#microsoft.graph.security.hostLogonSessionEvidence",
    "account":{"userAccount":{"accountName":"kai"}},"host":{"@odata.type":"#microsoft.graph.security.deviceEvidence"}}]`

  assert.deepEqual(alertWith(session).evidence, [
    {
      '@odata.type': '#microsoft.graph.security.hostLogonSessionEvidence',
      account: { '@odata.type': '#microsoft.graph.security.userEvidence', userAccount: { accountName: 'kai' } },
      host: { '@odata.type': '#microsoft.graph.security.deviceEvidence' },
    },
  ])
  const wrong = session.replace('deviceEvidence', 'ipEvidence')
  assertRefused(createAlert(wrong), 'evidence[0]/host/@odata.type', /deviceEvidence/)
})

test('a problem deep in evidence is named by its whole path', () => {
  const evidence = `"evidence":[{"@odata.type":"#microsoft.graph.security.userEvidence"},
    {"@odata.type":"#microsoft.graph.security.userEvidence","userAccount":{"resourceAccessEvents":[{"accessDateTime":"x"}]}}]`

  assertRefused(
    createAlert(evidence),
    'evidence[1]/userAccount/resourceAccessEvents[0]/accessDateTime',
    /^Property 'evidence\[1\]\/userAccount/,
  )
  assertRefused(
    createAlert('"evidence":[{"@odata.type":"#microsoft.graph.security.urlEvidence","link":"x"}]'),
    'evidence[0]/link',
    /does not exist on type 'microsoft\.graph\.security\.urlEvidence'/,
  )
})

test('a type whose properties are not all published keeps the others', () => {
  const evidence = `"evidence":[{"@odata.type":"#microsoft.graph.security.activeDirectoryDomainEvidence",
    "activeDirectoryDomainName":"contoso.local","trustedDomains":[{"x":1}]}]`

  assert.deepEqual(Object(alertWith(evidence).evidence)[0].trustedDomains, [{ x: 1 }])
})

const scalars: readonly [
  property: string,
  accepted: readonly [json: string, value: unknown][],
  refused: readonly string[],
][] = [
  [
    'rbacGroupId',
    [
      ['2147483647', 2147483647],
      ['-2147483648', -2147483648],
    ],
    ['2147483648', '-2147483649', '1.5', '"7"', 'true'],
  ],
  [
    'osBuild',
    [
      ['9007199254740991', 9007199254740991],
      ['"19045"', 19045],
    ],
    ['9007199254740992', '1.5', '"x"', '""', '"0x10"', 'false'],
  ],
]

for (const [property, accepted, refused] of scalars) {
  const device = (json: string) =>
    `"evidence":[{"@odata.type":"#microsoft.graph.security.deviceEvidence","${property}":${json}}]`

  test(`${property} takes integers of its range only`, () => {
    for (const [json, value] of accepted)
      assert.equal(Object(alertWith(device(json)).evidence)[0][property], value, json)
    for (const json of refused)
      assertRefused(createAlert(device(json)), `evidence[0]/${property}`, /must be an integer/)
  })
}

test('doubles, booleans and GUIDs are checked', () => {
  const ip = (json: string) =>
    createAlert(`"evidence":[{"@odata.type":"#microsoft.graph.security.ipEvidence","location":{"latitude":${json}}}]`)
  const container = (json: string) =>
    createAlert(`"evidence":[{"@odata.type":"#microsoft.graph.security.containerEvidence","isPrivileged":${json}}]`)
  const group = (json: string) =>
    createAlert(
      `"evidence":[{"@odata.type":"#microsoft.graph.security.securityGroupEvidence","activeDirectoryObjectGuid":${json}}]`,
    )

  assert.equal(Object(ip('-33.5')).evidence[0].location.latitude, -33.5)
  assertRefused(ip('"1"'), 'evidence[0]/location/latitude', /must be a number/)
  assertRefused(ip('1e999'), 'evidence[0]/location/latitude', /must be a number/)
  assert.equal(Object(container('true')).evidence[0].isPrivileged, true)
  assertRefused(container('"true"'), 'evidence[0]/isPrivileged', /true or false/)
  assertRefused(container('null'), 'evidence[0]/isPrivileged', /is not nullable/)
  const guid = '6F9619FF-8B86-D011-B42D-00C04FC964FF'
  assert.equal(Object(group(`"${guid}"`)).evidence[0].activeDirectoryObjectGuid, guid.toLowerCase())
  assertRefused(group('"{6F9619FF-8B86-D011-B42D-00C04FC964FF}"'), 'evidence[0]/activeDirectoryObjectGuid', /GUID/)
})

const task = (properties: string) =>
  read('incidentTask', 'create', `{"displayName":"d","incident":{"id":"29"},${properties}}`)
const isolate = '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction'

test('a task is created from its name, action, incident and typed response action', () => {
  const body = `"actionType":"isolateDevice","status":"completed","actionStatus":"completed",
    "responseAction":{"@odata.type":"${isolate.slice(1)}","identifierValue":"web01","isolationType":"Full"}`

  assert.deepEqual(task(body), {
    displayName: 'd',
    actionType: 'isolateDevice',
    incident: { id: '29' },
    responseAction: { '@odata.type': isolate, identifierValue: 'web01', isolationType: 'full' },
  })
})

test('a text task has no response action', () => {
  assert.deepEqual(Object(task('"actionType":"text","responseAction":null')).responseAction, null)
})

test('a response action must name its type and give what the type needs', () => {
  const action = (json: string) => task(`"actionType":"isolateDevice","responseAction":${json}`)
  const at = (name: string) => `responseAction/${name}`

  assertRefused(action('{"identifierValue":"x"}'), at('@odata.type'), /must name a concrete type/)
  assertRefused(
    action('{"@odata.type":"#microsoft.graph.security.responseAction"}'),
    at('@odata.type'),
    /must name a concrete type/,
  )
  assertRefused(action(`{"@odata.type":"${isolate}","isolationType":"full"}`), at('identifierValue'), /is required/)
  assertRefused(
    action(`{"@odata.type":"${isolate}","identifierValue":"","isolationType":"full"}`),
    at('identifierValue'),
    /empty/,
  )
  assertRefused(action(`{"@odata.type":"${isolate}","identifierValue":"x"}`), at('isolationType'), /is required/)
  assertRefused(
    action(`{"@odata.type":"${isolate}","identifierValue":"x","isolationType":"unknownFutureValue"}`),
    at('isolationType'),
    /cannot be set/,
  )
})

test('the base response action is concrete: submitIocRule uses it', () => {
  const type = '#microsoft.graph.security.incidentTaskResponseAction'
  const body = `"actionType":"submitIocRule","responseAction":{"@odata.type":"${type}","identifierValue":"198.51.100.7"}`

  assert.deepEqual(Object(task(body)).responseAction, { '@odata.type': type, identifierValue: '198.51.100.7' })
})

test('a task names its incident by an id that is a string', () => {
  const on = (incident: string) =>
    read('incidentTask', 'create', `{"displayName":"d","actionType":"text","incident":${incident}}`)

  assert.deepEqual(
    Object(on('{"@odata.type":"#microsoft.graph.security.incident","id":"1","displayName":"x"}')).incident,
    { id: '1' },
  )
  assertRefused(on('{"id":1}'), 'incident/id', /must be a string/)
  assertRefused(on('{}'), 'incident/id', /must be a string/)
  assertRefused(on('"1"'), 'incident', /must be a JSON object/)
  assertRefused(on('null'), 'incident', /is not nullable/)
  assertRefused(on('{"id":"1","foo":2}'), 'incident/foo', /does not exist/)
  assertRefused(read('incidentTask', 'create', '{"displayName":"d","actionType":"text"}'), 'incident', /is required/)
})

test('the body of an action is read by its parameters', () => {
  const merge = (body: string) => {
    const outcome = readActionBody('mergeIncidents', JSON.parse(body), closed)
    return isRefusal(outcome) ? outcome : outcome.value
  }

  assert.deepEqual(merge('{"incidentIds":["1","2"],"incidentComment":null,"mergeReasons":"sameCampaign, SameActor"}'), {
    incidentIds: ['1', '2'],
    incidentComment: null,
    mergeReasons: 'sameActor,sameCampaign',
  })
  assertRefused(merge('{}'), 'incidentIds', /is required/)
  assertRefused(merge('{"incidentIds":"1"}'), 'incidentIds', /must be an array/)
  assertRefused(merge('{"incidentIds":[1,2]}'), 'incidentIds[0]', /must be a string/)
  assertRefused(merge(JSON.stringify({ incidentIds: Array(101).fill('1') })), 'incidentIds', /at most 100 items/)
  assertRefused(merge('{"incidentIds":["1","2"],"mergeReasons":"sameActor, nonsense"}'), 'mergeReasons', /one of/)
  assertRefused(merge('{"incidentIds":["1","2"],"mergeReasons":1536}'), 'mergeReasons', /must be a string/)
  assertRefused(merge('{"incidentIds":["1","2"],"mergeReasons":"unknownFutureValue"}'), 'mergeReasons', /cannot be set/)
  assertRefused(merge('{"incidentIds":["1","2"],"ids":[]}'), 'ids', /is no parameter of 'mergeIncidents'/)
  assertRefused(merge('[]'), '', /must be a JSON object/)
})
