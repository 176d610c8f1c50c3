import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { assertError, guidPattern } from '../support/answers.ts'
import { tenantTest } from '../support/shared-cordon.ts'

const list = '/v1.0/security/incidents'
const json = { 'Content-Type': 'application/json' }

tenantTest('answers 405 with Allow to every other method on a known path', async (tenant) => {
  const expert = await tenant.as('expert')
  const incident = `${list}/${await tenant.incident()}`
  const task = `/beta/security/incidentTasks/${await tenant.task(await tenant.incident())}`
  const refused: [string, string, string][] = [
    ['POST', list, 'GET, HEAD, OPTIONS'],
    ['PATCH', list, 'GET, HEAD, OPTIONS'],
    ['PUT', list, 'GET, HEAD, OPTIONS'],
    ['DELETE', list, 'GET, HEAD, OPTIONS'],
    ['POST', incident, 'GET, HEAD, PATCH, OPTIONS'],
    ['PUT', incident, 'GET, HEAD, PATCH, OPTIONS'],
    ['DELETE', incident, 'GET, HEAD, PATCH, OPTIONS'],
    ['TRACE', incident, 'GET, HEAD, PATCH, OPTIONS'],
    ['DELETE', task, 'GET, HEAD, PATCH, OPTIONS'],
    ['GET', `${task}/executeResponseAction`, 'POST, OPTIONS'],
    ['HEAD', `${task}/executeResponseAction`, 'POST, OPTIONS'],
    ['POST', '/v1.0/$metadata', 'GET, HEAD, OPTIONS'],
  ]
  for (const [method, path, allow] of refused) {
    const answer = await expert.send(method, path)

    assert.equal(answer.status, 405, `${method} ${path}: ${answer.text}`)
    assert.equal(answer.headers.allow, allow, `${method} ${path}`)
    if (method !== 'HEAD') assertError(answer, 405, { code: 'Request_BadRequest', inner: null })
  }
})

tenantTest('answers unknown paths with ResourceNotFound and unknown ids with NotFound', async (tenant) => {
  const reader = await tenant.as('reader')
  const paths: [string, string][] = [
    ['/v1.0/security/incidentTasks', 'incidentTasks'],
    ['/v1.0/security/alerts', 'alerts'],
    ['/v1.0/me', 'me'],
    ['/security/incidents', 'incidents'],
    ['/v2.0/security/incidents', 'incidents'],
    ['/beta//security//incidents', 'incidents'],
    [`${list}/1/alerts;x=1`, 'alerts;x=1'],
    ['/.env', '.env'],
  ]
  for (const [path, segment] of paths) {
    const message = `Resource not found for the segment '${segment}'.`
    assertError(await reader.get(path), 404, { code: 'ResourceNotFound', inner: null, message })
  }
  assertError(await reader.get(`${list}/999999999`), 404, { code: 'NotFound', inner: null })
  assertError(await reader.get('/v1.0/security/alerts_v2/none'), 404, { code: 'NotFound' })
  assertError(await reader.get('/beta/security/incidentTasks/none'), 404, { message: 'taskId none not found' })
})

tenantTest('takes literal segments in any case and both key forms, ids exactly', async (tenant) => {
  const reader = await tenant.as('reader')
  const id = await tenant.incident()
  const alert = await tenant.alert(id, { id: 'daMixedCase_-1' })
  for (const path of [`/V1.0/Security/Incidents/${id}`, `${list}('${id}')`, `${list}(%27${id}%27)`]) {
    assert.equal((await reader.get(path)).body.id, id, path)
  }
  assert.equal((await reader.get(`/beta/SECURITY/alerts_V2('${alert}')`)).body.id, alert)
  assert.equal((await reader.get(`/beta/security/alerts_v2/${alert.toLowerCase()}`)).status, 404)
  const strange = [`0${id}`, `+${id}`, `%20${id}`, `${id}.0`, `${id}e0`, '0x10', '%EF%BC%91', `${id};a=b`]
  for (const text of strange) assertError(await reader.get(`${list}/${text}`), 404, { code: 'NotFound' })
  for (const text of ['%zz', '%', '%00', `${id}%00`, '%ff']) {
    assertError(await reader.get(`${list}/${text}`), 400, { code: 'BadRequest' })
  }
  assertError(await reader.get(`${list}/microsoft.graph.security.unknownAction`), 404, { code: 'ResourceNotFound' })
})

tenantTest('answers types it cannot produce with 406, and takes what clients really send', async (tenant) => {
  const reader = await tenant.as('reader')
  const taken = [
    '*/*',
    'application/json',
    'application/json;odata.metadata=minimal;q=0.9, text/plain',
    'application/*',
    'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    '',
  ]
  for (const Accept of taken) assert.equal((await reader.get(list, { Accept })).status, 200, Accept)
  for (const Accept of ['application/xml', 'text/html', 'image/png', 'application/atom+xml']) {
    assertError(await reader.get(list, { Accept }), 406, { code: 'NotAcceptable' })
  }
  assertError(await reader.get(`${list}?$format=xml`), 406, { code: 'NotAcceptable' })
  assert.equal((await reader.get(`${list}?$format=json`)).status, 200)
})

tenantTest('takes JSON bodies only where JSON must be, in any spelling of the type', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = `${list}/${await tenant.incident()}`
  const body = '{"severity":"high"}'
  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;IEEE754Compatible=true',
  ]) {
    assert.equal((await responder.send('PATCH', path, body, { 'Content-Type': type })).status, 200, type)
  }
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'application/jsonx']) {
    const answer = await responder.send('PATCH', path, body, { 'Content-Type': type })
    assertError(answer, 415, { code: 'UnsupportedMediaType' })
  }
  assertError(await responder.send('PATCH', path, body), 415, { code: 'UnsupportedMediaType' })
  assert.equal((await responder.get(path, { 'Content-Type': 'text/plain' })).status, 200)
})

tenantTest('inflates gzip and nothing else, and keeps one limit before and after', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = `${list}/${await tenant.incident()}`
  const patch = (body: Buffer | string, encoding: string) =>
    responder.send('PATCH', path, body, { ...json, ...(encoding === '' ? {} : { 'Content-Encoding': encoding }) })
  const long = JSON.stringify({ summary: 'a'.repeat(1_100_000) })

  assert.equal((await patch(gzipSync('{"severity":"high"}'), 'gzip')).status, 200)
  assertError(await patch('{"severity":"high"}', 'br'), 415, { code: 'UnsupportedMediaType' })
  assertError(await patch('{"severity":"high"}', 'gzip'), 400, { code: 'BadRequest' })
  assertError(await patch(gzipSync(long), 'gzip'), 413, { code: 'RequestEntityTooLarge' })
  assertError(await patch(long, ''), 413, { code: 'RequestEntityTooLarge' })
})

tenantTest('refuses an expectation it does not know with 417', async (tenant) => {
  const reader = await tenant.as('reader')

  assertError(await reader.get(list, { Expect: '200-ok' }), 417, { code: 'ExpectationFailed' })
})

tenantTest('answers HEAD like GET without a body, and OPTIONS with 204 and Allow', async (tenant) => {
  const reader = await tenant.as('reader')
  await tenant.incident()
  const get = await reader.get(list)

  const head = await reader.send('HEAD', list)
  const options = await reader.send('OPTIONS', list, undefined, {
    Origin: 'https://portal.example',
    'Access-Control-Request-Method': 'GET',
    'Access-Control-Request-Headers': 'authorization',
  })

  assert.equal(head.status, 200)
  assert.equal(head.text, '')
  for (const name of ['content-type', 'content-length', 'odata-version'])
    assert.equal(head.headers[name], get.headers[name])
  assert.equal(options.status, 204)
  assert.equal(options.headers.allow, 'GET, HEAD, OPTIONS')
  assert.equal(options.headers['access-control-allow-origin'], undefined)
})

tenantTest(
  'puts ids, date and version on every answer, and echoes a client-request-id only when it is a GUID',
  async (tenant) => {
    const reader = await tenant.as('reader')
    const key = randomUUID()
    const answers = [
      await reader.get(list, { 'client-request-id': key }),
      await reader.get(`${list}/9999999`, { 'client-request-id': key.toUpperCase() }),
      await reader.send('OPTIONS', list, undefined, { 'client-request-id': key }),
      await reader.get('/nowhere', { 'client-request-id': key }),
      await reader.send('DELETE', list, undefined, { 'client-request-id': key }),
      await reader.get(`${list}/%zz`, { 'client-request-id': key }),
    ]
    for (const answer of answers) {
      assert.equal(answer.headers['client-request-id'], key, `${answer.status}`)
      assert.match(String(answer.headers['request-id']), guidPattern)
      assert.notEqual(answer.headers['request-id'], key)
      assert.ok(!Number.isNaN(Date.parse(String(answer.headers.date))))
    }
    assert.equal(new Set(answers.map((answer) => answer.headers['request-id'])).size, answers.length)
    for (const word of ['hello', `${key}x`, '', `${key}, ${key}`]) {
      const answer = await reader.get(list, { 'client-request-id': word })
      assert.equal(answer.headers['client-request-id'], answer.headers['request-id'])
    }
    const first = answers[0]
    assert.equal(first?.headers['odata-version'], '4.0')
    const type = 'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8'
    assert.equal(first?.headers['content-type'], type)
  },
)

tenantTest('answers 401 with a challenge and without claims to whatever is no good token', async (tenant, cordon) => {
  const reader = await tenant.as('reader')
  const token = await cordon.token(await cordon.createClient('reader', tenant.id))
  const bad = ['', 'Bearer ', 'Basic YWRtaW46YWRtaW4=', 'Bearer x', `Bearer ${token}x`, `Negotiate ${token}`]
  for (const Authorization of bad) {
    const answer = await cordon.anonymous.get(list, { Authorization })

    assertError(answer, 401, { code: 'InvalidAuthenticationToken', inner: null })
    const challenge = String(answer.headers['www-authenticate'])
    assert.match(challenge, /^Bearer realm="", authorization_uri="https:\/\/[^"]+\/oauth2\/v2\.0\/authorize"$/)
  }
  for (const path of [`${list}?access_token=${token}`, `${list}?token=${token}`]) {
    assertError(await cordon.anonymous.get(path), 401)
  }
  assertError(await cordon.anonymous.get(list, { Cookie: `__Host-session=${token}` }), 401)
  for (const Authorization of [`bearer ${token}`, `BEARER  ${token}`, token]) {
    assert.equal((await cordon.anonymous.get(list, { Authorization })).status, 200)
  }
  assert.equal((await reader.get(list)).status, 200)
})

tenantTest('builds no link for a host that is not its own', async (tenant) => {
  const reader = await tenant.as('reader')

  assertError(await reader.get(list, { Host: 'evil.example' }), 400, { code: 'BadRequest' })
  const forwarded = await reader.get(list, { 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'http' })

  assert.doesNotMatch(forwarded.text, /evil\.example/)
})

tenantTest('says it runs no hunting queries as a Graph error, in both spellings', async (tenant) => {
  const reader = await tenant.as('reader')
  for (const name of ['runHuntingQuery', 'microsoft.graph.security.runHuntingQuery']) {
    const answer = await reader.post(`/v1.0/security/${name}`, { Query: 'DeviceInfo' })

    assertError(answer, 501, { code: 'NotImplemented', inner: null })
  }
})
