import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRouteLookup } from '../../src/api/path.ts'
import { assertError, guidPattern } from '../support/answers.ts'
import { type Client, type Reply, startCordon } from '../support/cordon.ts'
import { shareCordon, tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

interface Item {
  readonly id: string
  readonly status: number
  readonly headers: Record<string, string>
  readonly body?: Reply['body']
}

/** Sends a batch and returns its answers by id. */
async function sendBatch(client: Client, requests: unknown, version = 'v1.0'): Promise<Map<string, Item>> {
  const reply = await client.post(`/${version}/$batch`, { requests })
  assert.equal(reply.status, 200, reply.text)
  return new Map(reply.body.responses.map((item: Item) => [item.id, item]))
}

async function sendOne(client: Client, request: object, version = 'v1.0'): Promise<Item> {
  const answers = await sendBatch(client, [{ id: '1', method: 'GET', ...request }], version)
  const answer = answers.get('1')
  assert.ok(answer)
  return answer
}

function withoutIds(reply: Reply | Item): unknown {
  const text = JSON.stringify(reply.body)
  return JSON.parse(text.replaceAll(/"(request-id|client-request-id|date)":"[^"]*"/g, '"$1":"-"'))
}

tenantTestOnEach('an item answers what the same request answers on its own', async (tenant) => {
  const responder = await tenant.as('responder')
  const incident = await tenant.incident()
  const task = await tenant.task(incident)
  const urls = [
    '/security/incidents?$top=1&$count=true',
    `/security/incidents('${incident}')?%24select=id,status`,
    `/security/alerts_v2?$filter=incidentId eq '${incident}'`,
    '/security/incidents?$top=51',
    '/security/incidents/999999',
    '/security/nothing',
    '/me',
  ]

  const answers = await sendBatch(
    responder,
    urls.map((url, at) => ({ id: String(at), method: 'GET', url })),
  )

  for (const [at, url] of urls.entries()) {
    const alone = await responder.get(`/v1.0${url.replaceAll(' ', '%20')}`)
    const item = answers.get(String(at))
    assert.ok(item)
    assert.equal(item.status, alone.status, url)
    assert.deepEqual(withoutIds(item), withoutIds(alone), url)
    assert.equal(item.headers['Content-Type'], alone.headers['content-type'], url)
  }
  assert.equal((await sendOne(responder, { url: `/security/incidentTasks/${task}` })).status, 404)
  assert.equal((await sendOne(responder, { url: `/security/incidentTasks/${task}` }, 'beta')).status, 200)
})

tenantTestOnEach('twenty items change what they name, each with ids of its own', async (tenant, cordon) => {
  const responder = await tenant.as('responder')
  const incidents = await Promise.all(Array.from({ length: 20 }, () => tenant.incident()))
  const own = '6f9e2a9c-3f5d-4f0e-8c39-0b7d9f6a1c11'

  const answers = await sendBatch(
    responder,
    incidents.map((id, at) => ({
      id: `item ${at}`,
      method: 'patch',
      url: `security/incidents/${id}`,
      headers: { 'CONTENT-type': 'application/json', ...(at === 0 ? { 'Client-Request-Id': own } : {}) },
      body: { customTags: [`n${at}`] },
    })),
  )

  assert.equal(answers.size, 20)
  const requestIds = new Set<string>()
  for (const [at, id] of incidents.entries()) {
    const item = answers.get(`item ${at}`)
    assert.equal(item?.status, 200)
    assert.deepEqual(item.body.customTags, [`n${at}`])
    assert.equal(item.body.id, id)
    assert.equal(item.headers['OData-Version'], '4.0')
    assert.match(item.headers['request-id'] ?? '', guidPattern)
    requestIds.add(item.headers['request-id'] ?? '')
  }
  assert.equal(requestIds.size, 20)
  assert.equal(answers.get('item 0')?.headers['client-request-id'], own)
  const audit = await cordon.store.read
    .selectFrom('audit')
    .select(['request_id', 'object_id'])
    .where('tenant_id', '=', tenant.id)
    .where('object_type', '=', 'incident')
    .execute()
  assert.deepEqual(new Set(audit.map((entry) => entry.request_id)), requestIds)
})

tenantTest('an action answers 204 without a body, whether its own was {} or missing', async (tenant) => {
  const responder = await tenant.as('responder')
  for (const body of [{}, undefined]) {
    const task = await tenant.task(await tenant.incident())
    const url = `/security/incidentTasks/${task}/microsoft.graph.security.executeResponseAction`

    const answer = await sendOne(responder, { method: 'POST', url, body }, 'beta')

    assert.equal(answer.status, 204)
    assert.ok(!('body' in answer))
    assert.equal(answer.headers['Content-Type'], undefined)
  }
})

tenantTest('an item keeps the version it names, and a link in it can be followed alone', async (tenant, cordon) => {
  const reader = await tenant.as('reader')
  const incident = await tenant.incident()
  await tenant.incident()
  const task = await tenant.task(incident)

  const beta = await sendOne(reader, { url: `/beta/security/incidentTasks/${task}` }, 'v1.0')
  const older = await sendOne(reader, { url: `/v1.0/security/incidentTasks/${task}` }, 'beta')
  const list = await sendOne(reader, { url: '/v1.0/security/incidents?%24top=1' }, 'beta')

  assert.equal(beta.status, 200)
  assert.equal(older.status, 404)
  const link: string = list.body['@odata.nextLink']
  assert.ok(link.startsWith(`${cordon.url}/v1.0/security/incidents?`), link)
  const next = await reader.get(link.slice(cordon.url.length))
  assert.equal(next.status, 200)
  assert.notEqual(next.body.value[0].id, list.body.value[0].id)
})

tenantTest('a body may be a string of base64, as the SDK core sends it', async (tenant) => {
  const responder = await tenant.as('responder')
  const url = `/security/incidents/${await tenant.incident()}`
  const encode = (text: string): string => Buffer.from(text).toString('base64')

  const changed = await sendOne(responder, { method: 'PATCH', url, body: encode('{"customTags":["é"]}') })
  const twice = await sendOne(responder, {
    method: 'PATCH',
    url,
    body: encode('{"status":"active","status":"active"}'),
  })
  const broken = await sendOne(responder, { method: 'PATCH', url, body: '{"status":"active"}' })

  assert.equal(changed.status, 200)
  assert.deepEqual(changed.body.customTags, ['é'])
  assert.equal(twice.status, 400)
  assert.equal(broken.status, 400)
})

tenantTest('an item acts as the caller of the batch, whatever Authorization it carries', async (tenant, cordon) => {
  const reader = await tenant.as('reader')
  const id = await tenant.incident()
  const token = await cordon.token(await cordon.createClient('admin', tenant.id))

  const answer = await sendOne(reader, {
    method: 'PATCH',
    url: `/security/incidents/${id}`,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: { status: 'resolved' },
  })

  assert.equal(answer.status, 403)
  assert.equal((await reader.get(`/v1.0/security/incidents/${id}`)).body.status, 'active')
  const refused = await cordon.store.read
    .selectFrom('audit')
    .select(['action', 'code', 'actor_name', 'request_id'])
    .where('tenant_id', '=', tenant.id)
    .where('decision', '=', 'refused')
    .execute()
  assert.deepEqual(
    refused.map((entry) => ({ ...entry })),
    [
      {
        action: 'PATCH /v1.0/security/incidents/:id',
        code: 'Forbidden',
        actor_name: 'API-App:reader test',
        request_id: answer.headers['request-id'],
      },
    ],
  )
})

tenantTestOnEach('a later item waits for those it depends on, and fails with them', async (tenant) => {
  const responder = await tenant.as('responder')
  const id = await tenant.incident()
  const url = `/security/incidents/${id}`
  const patch = (item: string, tag: string, ...dependsOn: string[]): object => {
    const headers = { 'Content-Type': 'application/json' }
    return { id: item, method: 'PATCH', url, headers, body: { customTags: [tag] }, dependsOn }
  }

  const serial = await sendBatch(responder, [
    { id: 'read', method: 'GET', url, dependsOn: ['C'] },
    patch('c', 'third', 'B'),
    patch('b', 'second', 'a'),
    patch('a', 'first'),
  ])
  const failing = await sendBatch(responder, [
    { id: '1', method: 'GET', url: '/security/incidents/424242' },
    { ...patch('2', 'never', '1') },
    { id: '3', method: 'GET', url, dependsOn: ['2'] },
    { id: '4', method: 'GET', url },
  ])

  assert.deepEqual(serial.get('read')?.body.customTags, ['third'])
  assert.deepEqual(
    ['1', '2', '3', '4'].map((item) => failing.get(item)?.status),
    [404, 424, 424, 200],
  )
  assert.equal(failing.get('2')?.body.error.code, 'FailedDependency')
  assert.deepEqual(failing.get('4')?.body.customTags, ['third'])
})

tenantTest("what is wrong within an item is that item's answer alone", async (tenant) => {
  const responder = await tenant.as('responder')
  const cases: readonly (readonly [object, number])[] = [
    [{ url: '/$batch', method: 'POST', body: { requests: [] } }, 400],
    [{ url: '/v1.0/%24batch', method: 'POST', body: { requests: [] } }, 400],
    [{ url: 'https://localhost/v1.0/security/incidents' }, 400],
    [{ url: '//localhost/v1.0/security/incidents' }, 400],
    [{ url: '/security/../../api/v1/connectors' }, 404],
    [{ url: '/%2e%2e/api/v1/connectors' }, 404],
    [{ url: '/../healthz' }, 404],
    [{ url: '\\security\\incidents' }, 400],
    [{ url: '/security//incidents' }, 404],
    [{ url: '/security/incidents/%zz' }, 400],
    [{ url: '/security/incidents/%00' }, 400],
    [{ url: `/security/incidents?$filter=${'x'.repeat(17_000)}` }, 431],
    [{ url: '' }, 400],
    [{ url: 7 }, 400],
    [{ url: undefined }, 400],
    [{ method: 'TRACE', url: '/security/incidents' }, 400],
    [{ method: null, url: '/security/incidents' }, 400],
    [{ method: 'DELETE', url: '/security/incidents/1' }, 405],
    [{ url: '/security/incidents', headers: [] }, 400],
    [{ url: '/security/incidents', headers: { a: '1', A: '2' } }, 400],
    [{ url: '/security/incidents', headers: { accept: 'application/xml' } }, 406],
    [{ method: 'PATCH', url: '/security/incidents/1', headers: { 'Content-Type': 'text/plain' }, body: {} }, 415],
    [{ method: 'PATCH', url: '/security/incidents/1' }, 400],
    [{ method: 'PATCH', url: '/security/incidents/1', body: { displayName: 'x'.repeat(1024 * 1024) } }, 413],
  ]
  for (const [request, status] of cases) {
    const answer = await sendOne(responder, request)
    const label = JSON.stringify(request).slice(0, 200)
    assert.equal(answer.status, status, `${label}: ${JSON.stringify(answer).slice(0, 500)}`)
    const { innerError } = answer.body.error
    assert.equal(innerError['request-id'], answer.headers['request-id'], label)
  }
  const { headers } = await sendOne(responder, { method: 'DELETE', url: '/security/incidents/1' })
  assert.equal(headers.Allow, 'GET, HEAD, PATCH, OPTIONS')
})

tenantTest('a count comes as a string, documents that need no token as they are', async (tenant) => {
  const reader = await tenant.as('reader')
  await tenant.incident()

  const count = await sendOne(reader, { url: '/security/incidents/%24count' })
  const document = await sendOne(reader, { url: '/' })

  assert.deepEqual([count.status, count.body], [200, '1'])
  assert.equal(document.status, 200)
})

tenantTest('a batch that cannot be carried out is refused whole', async (tenant) => {
  const reader = await tenant.as('reader')
  const get = { id: '1', method: 'GET', url: '/security/incidents' }
  const bodies: readonly unknown[] = [
    {},
    [],
    null,
    'x',
    { requests: {} },
    { requests: [] },
    { requests: [null] },
    { requests: Array.from({ length: 21 }, (_, at) => ({ ...get, id: String(at) })) },
    { requests: [get, get] },
    {
      requests: [
        { ...get, id: 'a' },
        { ...get, id: 'A' },
      ],
    },
    { requests: [{ ...get, id: 1 }] },
    { requests: [{ ...get, id: '' }] },
    { requests: [{ method: 'GET', url: '/security/incidents' }] },
    { requests: [{ ...get, dependsOn: ['2'] }] },
    { requests: [{ ...get, dependsOn: ['1'] }] },
    { requests: [{ ...get, dependsOn: '1' }] },
    { requests: [{ ...get, dependsOn: [1] }] },
    {
      requests: [
        { ...get, dependsOn: ['2'] },
        { ...get, id: '2', dependsOn: ['1'] },
      ],
    },
    { requests: [{ ...get, atomicityGroup: 'g' }] },
    { requests: [get], more: 1 },
  ]
  for (const version of ['v1.0', 'beta']) {
    for (const body of bodies) assertError(await reader.post(`/${version}/$batch`, body), 400, { code: 'BadRequest' })
  }
  assertError(await reader.send('POST', '/beta/$batch', '{"requests":[', { 'Content-Type': 'application/json' }), 400)
  assertError(await reader.send('POST', '/beta/$batch', '{}', { 'Content-Type': 'text/plain' }), 415)
  assertError(await reader.get('/v1.0/$batch'), 405)
  const large = { requests: [{ ...get, body: 'x'.repeat(4 * 1024 * 1024) }] }
  assertError(await reader.post('/v1.0/$batch', large), 413)
})

test('nobody runs a batch without a token', async () => {
  const cordon = await shareCordon()
  const requests = [{ id: '1', method: 'GET', url: '/' }]

  assertError(await cordon.anonymous.post('/v1.0/$batch', { requests }), 401)
})

test('the look-up of routes finds every Graph operation at its own path', async () => {
  const { server } = await shareCordon()
  const lookup = createRouteLookup(server.routes)
  for (const route of server.routes) {
    const path = route.path.replaceAll(/:(\w+)/g, 'The%20$1').replace('/security/', '/SECURITY/')

    const found = lookup(path)

    assert.equal(found?.routes.get(route.method), route, route.path)
    for (const [name, value] of Object.entries(found.params)) assert.equal(value, `The ${name}`)
  }
  assert.equal(lookup('/v1.0/security/incidents/'), null)
})

test('each item counts against the limits of the caller', async (t) => {
  const cordon = await startCordon(t, { rateLimits: { perCallerPerMinute: 3 } })
  const reader = await cordon.as('reader')
  const requests = ['1', '2', '3', '4', '5'].map((id) => ({ id, method: 'GET', url: '/security/incidents' }))

  const answers = [...(await sendBatch(reader, requests)).values()]

  const statuses = answers.map((item) => item.status).sort()
  assert.deepEqual(statuses, [200, 200, 200, 429, 429])
  const refused = answers.filter((item) => item.status === 429)
  for (const item of refused) {
    assert.match(item.headers['Retry-After'] ?? '', /^[1-9]\d*$/)
    assert.equal(item.body.error.code, 'TooManyRequests')
  }
})
