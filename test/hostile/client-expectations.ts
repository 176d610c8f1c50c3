import assert from 'node:assert/strict'
import type { Client } from '../support/cordon.ts'
import type { ClientWorld } from './client-world.ts'
import type { WireAnswer } from './wire.ts'

/** What an expectation looks at. */
export interface ClientOutcome {
  readonly world: ClientWorld
  readonly answer: WireAnswer
  readonly body: unknown
  /** A client with the same rights, for comparisons. */
  readonly reader: Client
  /** Tasks and incidents as they were before. */
  // biome-ignore lint/suspicious/noExplicitAny: an entity of either kind
  readonly before: { readonly incident: any; readonly task: any }
}

type Expectation = (outcome: ClientOutcome) => void | Promise<void>

const list = '/v1.0/security/incidents'

const hasList: Expectation = ({ answer }) => assert.ok(Array.isArray(answer.json.value))
const hasToken: Expectation = ({ answer }) => assert.ok(answer.json.access_token.length > 0)
const hasRows: Expectation = ({ answer }) => assert.ok(answer.json.value.length > 0, answer.text)
const isGraphError: Expectation = ({ answer }) => assert.equal(typeof answer.json.error.message, 'string')

function timesIn(text: string): string[] {
  return [...text.matchAll(/"\w+DateTime":"([^"]+)"/g)].map((match) => String(match[1]))
}

const keepsOptions: Expectation = ({ world }) => {
  for (const name of ['$filter=', '$expand=', '$orderby=', '$select=']) assert.ok(world.nextLink.includes(name), name)
}

const walksOnce: Expectation = async ({ world, reader }) => {
  const ids: string[] = []
  for (let path: string | undefined = `${list}?$top=2`; path !== undefined; ) {
    const page = await reader.get(path)
    ids.push(...page.body.value.map(({ id }: { id: string }) => id))
    path = page.body['@odata.nextLink']?.slice(world.cordon.url.length)
  }
  assert.equal(new Set(ids).size, ids.length)
  assert.equal(ids.length, Number((await reader.get(`${list}/$count`)).text))
}

const continues: Expectation = async ({ answer, reader }) => {
  const all = (await reader.get(list)).body.value.map(({ id }: { id: string }) => id)
  assert.deepEqual(
    answer.json.value.map(({ id }: { id: string }) => id),
    all.slice(3),
  )
}

const onlyStatusChanged: Expectation = ({ answer, before }) => {
  const {
    status,
    lastModifiedDateTime: _at,
    lastModifiedByDisplayName: _by,
    '@odata.context': _context,
    ...rest
  } = answer.json
  assert.equal(status, 'completed')
  for (const [name, value] of Object.entries(rest)) assert.deepEqual(value, before.task[name], name)
}

/** The expectations of client-cases.json, word by word. */
export const expectations: Readonly<Record<string, Expectation>> = {
  "body.token_type == 'Bearer'": ({ answer }) => assert.equal(answer.json.token_type, 'Bearer'),
  'body.expires_in is a JSON number > 0': ({ answer }) =>
    assert.ok(answer.json.expires_in > 0 && Number.isInteger(answer.json.expires_in)),
  'body.access_token is a non-empty string': hasToken,
  'unknown form fields are ignored': hasToken,
  'charset parameter on the content type is accepted': hasToken,
  "the 'claims' form field (client capability cp1) is accepted and ignored": hasToken,
  'scope is <request_url>/.default, i.e. OUR host, not graph.microsoft.com: must be accepted': hasToken,
  'http (not https) URLs in scope are accepted': hasToken,
  'client credentials in HTTP Basic are accepted; or else 401 invalid_client so that the client falls back to form fields (then this case is expectStatus 401)':
    hasToken,
  'a configured tenant domain works in place of the tenant GUID': hasToken,
  "any '<resource>/.default' scope is accepted": hasToken,
  "body['@odata.context'] is present": ({ answer }) => assert.equal(typeof answer.json['@odata.context'], 'string'),
  'body.value is an array': hasList,
  'value array': hasList,
  "no incident has an 'alerts' property without $expand": ({ answer }) => {
    for (const incident of answer.json.value) assert.ok(!('alerts' in incident))
  },
  "response header client-request-id echoes the request's": ({ world, answer }) =>
    assert.equal(answer.headers.get('client-request-id'), world.clientRequestId),
  'response header request-id is a GUID': ({ answer }) =>
    assert.match(answer.headers.get('request-id') ?? '', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  "'+' in the query string is a space": hasRows,
  'half-open window [ge, lt)': ({ answer }) => {
    const times = answer.json.value.map((row: { createdDateTime: string }) => row.createdDateTime).sort()
    assert.deepEqual(times, ['2023-02-08T12:24:56.0000000Z', '2023-02-08T12:25:30.5000000Z'])
  },
  'body.value array; @odata.nextLink only when there is more': ({ answer }) =>
    assert.ok(Array.isArray(answer.json.value) && !('@odata.nextLink' in answer.json)),
  'nextLink shorter than 8192 bytes (fixed buffer)': ({ world }) => assert.ok(world.nextLink.length < 8192),
  'no element of page 1 repeats': async ({ answer, reader }) => {
    const query = '$filter=lastUpdateDateTime ge 2024-01-15T10:00:00Z&$orderby=lastUpdateDateTime asc&$skip=0&$top=2'
    const first = (await reader.get(`${list}?${query.replaceAll(' ', '+')}`)).body.value.map(
      ({ id }: { id: string }) => id,
    )
    assert.equal(first.length, 2)
    for (const { id } of answer.json.value) assert.ok(!first.includes(id))
  },
  'body.value shorter than $top means last page (client ignores @odata.nextLink)': ({ answer }) =>
    assert.equal(answer.json.value.length, 2),
  'empty page is {"value": []} with 200, never 404': async ({ reader }) => {
    const answer = await reader.get(`${list}?$skip=1000&$top=2`)
    assert.deepEqual([answer.status, answer.body.value], [200, []])
  },
  '7-digit fraction parses exactly': hasRows,
  'the incident whose lastUpdateDateTime equals the literal IS returned (ge, no precision loss)': ({ answer }) =>
    assert.equal(answer.json.value[0].lastUpdateDateTime, '2021-09-30T09:35:45.1133333Z'),
  'client appends &$top=N to whatever the nextLink holds; a duplicate $top (one from the link, one appended) must not fail: last one wins':
    async ({ world, reader }) => {
      const answer = await reader.get(`${world.nextLink.slice(world.cordon.url.length)}&$top=1`)
      assert.deepEqual([answer.status, answer.body.value.length], [200, 1])
    },
  'continues after the previous page': continues,
  'parenthesised or-group': hasRows,
  '6-digit fraction': hasRows,
  "with Prefer include-unknown-enum-members, status may be 'awaitingAction'": async ({ world, reader }) => {
    const prefer = { Prefer: 'include-unknown-enum-members' }
    const answer = await reader.get(`${list}?$filter=status%20eq%20'awaitingAction'`, prefer)
    assert.equal(answer.body.value[0].status, 'awaitingAction')
    assert.ok(world)
  },
  'page shorter than 50 ends paging': ({ answer }) => assert.ok(!('@odata.nextLink' in answer.json)),
  'follows @odata.nextLink until absent': walksOnce,
  'id is filterable with eq': ({ world, answer }) => assert.equal(answer.json.value[0].id, world.incidentId),
  'value has exactly one element with alerts': ({ answer }) => {
    assert.equal(answer.json.value.length, 1)
    assert.equal(answer.json.value[0].alerts.length, 1)
  },
  'alerts[].evidence[] deviceEvidence has hostName and deviceDnsName': ({ answer }) => {
    const { hostName, deviceDnsName } = answer.json.value[0].alerts[0].evidence[0]
    assert.deepEqual([hostName, deviceDnsName], ['web-07', 'web-07.contoso.example'])
  },
  'nextLink stays on the host the request was sent to (client refuses off-host links)': ({ world }) =>
    assert.equal(new URL(world.nextLink).host, new URL(world.cordon.url).host),
  'alerts carry firstActivityDateTime and lastActivityDateTime': ({ answer }) => {
    const { firstActivityDateTime, lastActivityDateTime } = answer.json.value.at(-1).alerts[0]
    assert.ok(firstActivityDateTime && lastActivityDateTime)
  },
  "raw '+' in the offset is decoded as a space: '2026-01-01T00:00:00.000000 00:00' must still parse as a datetime with offset":
    hasRows,
  "body['@odata.count'] is a number": ({ answer }) =>
    assert.equal(answer.json['@odata.count'], answer.json.value.length),
  'qualified enum literal accepted': ({ answer }) => {
    assert.ok(answer.json.value.length > 0)
    for (const { severity } of answer.json.value) assert.equal(severity, 'high')
  },
  'token without SecurityIncident.Read.All or SecurityIncident.ReadWrite.All -> 403': isGraphError,
  "body.error.code == 'Forbidden'": ({ answer }) => assert.equal(answer.json.error.code, 'Forbidden'),
  'same as inc-list-35': ({ answer }) => assert.match(answer.text, /^\d+$/),
  'precedence of or inside parentheses respected': ({ answer }) => {
    assert.ok(answer.json.value.length > 0)
    for (const { severity, createdDateTime } of answer.json.value) {
      assert.ok(['high', 'medium'].includes(severity) && createdDateTime >= '2026-01-01')
    }
  },
  'nextLink is absolute and begins with https:// (microsoft-graph-client 3.0.7 treats an http:// URL as a relative path and requests /v1.0/http://...)':
    ({ world }) => assert.ok(world.nextLink.startsWith('https://')),
  'links keep $filter/$expand/$orderby/$select of the first request': keepsOptions,
  'walking all pages yields each incident once': walksOnce,
  'incident id is a decimal integer in a string (client calls int() on it, another client requires isdigit())': ({
    answer,
  }) => assert.equal(answer.json.id, '12345'),
  'customTags and systemTags are arrays, never null (client joins them)': ({ answer }) =>
    assert.deepEqual([answer.json.customTags, answer.json.systemTags], [['a'], []]),
  'explicit null clears assignedTo': ({ answer }) => assert.equal(answer.json.assignedTo, null),
  'body is the full updated incident with @odata.context': ({ answer, before }) =>
    assert.deepEqual(Object.keys(answer.json).sort(), Object.keys(before.incident).sort()),
  'full incident returned': ({ answer, before }) => {
    for (const name of Object.keys(answer.json)) assert.ok(name in before.incident, name)
  },
  'lastUpdateDateTime advanced, lastModifiedBy set': ({ answer, before }) => {
    assert.ok(answer.json.lastUpdateDateTime > before.incident.lastUpdateDateTime)
    assert.match(answer.json.lastModifiedBy, /^API-App:/)
  },
  "@odata.type annotation accepted with and without '#'": async ({ world, answer }) => {
    assert.equal(answer.json.status, 'inProgress')
    const body = { '@odata.type': 'microsoft.graph.security.incident', status: 'active' }
    const responder = await world.tenant.as('responder')
    assert.equal((await responder.patch(`${list}/${world.incidentId}`, body)).body.status, 'active')
  },
  'enum member names are case-insensitive on input': ({ answer }) =>
    assert.equal(answer.json.classification, 'truePositive'),
  'response uses canonical camelCase': ({ answer }) => assert.equal(answer.json.determination, 'multiStagedAttack'),
  'client offers it; without a redirect target it must be refused cleanly with a Graph error, not stored half-way':
    async (outcome) => {
      await isGraphError(outcome)
      const { world, reader, before } = outcome
      assert.equal((await reader.get(`${list}/${world.incidentId}`)).body.status, before.incident.status)
    },
  '@odata.type is optional': ({ answer }) => assert.equal(answer.json.value.at(-1).comment, 'x'),
  'missing comment -> 400, not 500': isGraphError,
  "'@odata.type' == '#microsoft.graph.security.incidentTask'": ({ answer }) =>
    assert.equal(answer.json['@odata.type'], '#microsoft.graph.security.incidentTask'),
  "responseAction['@odata.type'] is '#microsoft.graph.security.<name>IncidentTaskResponseAction' with the leading '#': only that spelling is typed by Kiota":
    ({ answer }) =>
      assert.equal(
        answer.json.responseAction['@odata.type'],
        '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction',
      ),
  'isolateDevice: responseAction.isolationType in full|selective and identifierValue': ({ answer }) => {
    assert.match(answer.json.responseAction.isolationType, /^(full|selective)$/)
    assert.equal(answer.json.responseAction.identifierValue, 'web-07')
  },
  'source in defenderExpertsGuidedResponse|defenderExpertsManagedResponse (any other string is dropped by Kiota)': ({
    answer,
  }) => assert.match(answer.json.source, /^defenderExperts(Guided|Managed)Response$/),
  'Graph error object': isGraphError,
  '200 with the updated task (204 makes Kiota return undefined)': ({ answer }) =>
    assert.equal(answer.json.status, 'completed'),
  'lastModifiedDateTime and lastModifiedByDisplayName updated': ({ answer, before }) => {
    assert.ok(answer.json.lastModifiedDateTime > before.task.lastModifiedDateTime)
    assert.notEqual(answer.json.lastModifiedByDisplayName, before.task.lastModifiedByDisplayName)
  },
  'unchanged read-only properties are tolerated': onlyStatusChanged,
  'only status changes': onlyStatusChanged,
  'whole response below 1 MiB by default (curl_max_size 1048576): page of 50 alerts must stay below it or be split': ({
    answer,
  }) => assert.ok(answer.text.length < 1_048_576),
  '$skip/$top paging, stable order': ({ answer }) => {
    const times = answer.json.value.map((row: { lastUpdateDateTime: string }) => row.lastUpdateDateTime)
    assert.deepEqual(times, [...times].sort())
    assert.equal(times.length, 2)
  },
  'each alert has lastUpdateDateTime': ({ answer }) => {
    for (const alert of answer.json.value) assert.equal(typeof alert.lastUpdateDateTime, 'string')
  },
  "'and' binds tighter than 'or'": ({ answer }) => {
    const sources = answer.json.value.map((row: { serviceSource: string }) => row.serviceSource)
    assert.ok(sources.filter((source: string) => source === 'azureAdIdentityProtection').length > 1)
    assert.ok(sources.includes('microsoftDefenderForEndpoint'))
  },
  'timestamps all have the same textual form (client compares them as strings)': ({ answer }) => {
    const times = timesIn(answer.text)
    assert.ok(times.length > 0)
    for (const time of times) assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/)
  },
  'title and id are strings (concatenated)': ({ answer }) => {
    for (const { id, title } of answer.json.value) assert.deepEqual([typeof id, typeof title], ['string', 'string'])
  },
  'bare integer': ({ answer }) => assert.match(answer.text, /^\d+$/),
  'body.value is the list of comments': ({ answer }) => assert.equal(answer.json.value.at(-1).comment, 'x'),
  'body is a JSON ARRAY of alertComment: must be accepted as well as a single object': ({ answer }) =>
    assert.equal(answer.json.value.at(-1).comment, 'hi'),
  '%24top inside a sub-request url': ({ answer }) => {
    const [first] = answer.json.responses.filter((item: { id: string }) => item.id.startsWith('cccccd36'))
    assert.deepEqual([first.status, first.body.value.length], [200, 1])
  },
  'PATCH body arrives as a base64 string with no headers: decode it and parse as JSON': async ({ world, reader }) =>
    assert.equal((await reader.get(`/beta/security/incidentTasks/${world.taskId}`)).body.status, 'completed'),
  'order of responses is free; match by id': ({ answer }) => assert.equal(answer.json.responses.length, 2),
  'optional: an EDMX document with the security types; clients only put the URL in @odata.context': ({ answer }) =>
    assert.match(answer.text, /<edmx:Edmx/),
  'not implemented is fine, but as a JSON Graph error (not 404 HTML)': isGraphError,
  "only if CORS is enabled: the SDK's own headers must be allowed": ({ answer }) =>
    assert.equal(answer.headers.get('access-control-allow-origin'), undefined),
}
