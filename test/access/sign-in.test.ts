import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { revokeApplication } from '../../src/access/applications.ts'
import { createTenant } from '../../src/access/tenants.ts'
import type { Answer } from '../../src/api/route.ts'
import { signInRoutes } from '../../src/api/sign-in/routes.ts'
import { rolePermissions } from '../../src/model/permissions.ts'
import { type Access, makeAuthorized, makeCall, openAccess, origin, send } from './support.ts'

interface Asked {
  readonly path?: string
  readonly rawQuery?: string
  readonly body?: string
  readonly headers?: Record<string, string>
}

async function ask(access: Access, asked: Asked): Promise<Answer> {
  const path = asked.path ?? `/${access.tenant.id}/oauth2/v2.0/token`
  const body = new URLSearchParams(asked.body ?? '')
  const { rawQuery = '', headers = {} } = asked
  return send(signInRoutes(access), makeCall({ method: 'POST', path, rawQuery, headers, body }))
}

function read(answer: Answer): Record<string, unknown> {
  assert.equal(typeof answer.body, 'string')
  return JSON.parse(String(answer.body))
}

async function formOf(access: Access, more: Record<string, string | undefined> = {}): Promise<Record<string, string>> {
  const made = await access.createClient('responder')
  const fields = {
    client_id: made.clientId,
    client_secret: made.clientSecret,
    grant_type: 'client_credentials',
    scope: 'https://graph.microsoft.com/.default',
    ...more,
  }
  return Object.fromEntries(Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined))
}

const encode = (fields: Record<string, string>) => new URLSearchParams(fields).toString()

test('the token endpoint answers in the documented form and no cache may keep it', async (t) => {
  const access = await openAccess(t)

  const answer = await ask(access, { body: encode(await formOf(access)) })

  const { access_token, ...rest } = read(answer)
  assert.equal(answer.status, 200)
  assert.match(answer.contentType ?? '', /^application\/json/)
  assert.equal(answer.headers?.['Cache-Control'], 'no-store')
  assert.deepEqual(rest, { token_type: 'Bearer', expires_in: 3_599, ext_expires_in: 3_599 })
  const caller = await access.authenticate(makeAuthorized(`Bearer ${access_token}`))
  assert.deepEqual(caller.permissions, new Set(rolePermissions.responder))
})

interface ClientCase {
  readonly id: string
  readonly client: string
  readonly path: string
  readonly query: string
  readonly headers: Record<string, string>
  readonly body: string
  readonly expectStatus: number
}

const allCases: ClientCase[] = JSON.parse(
  readFileSync(new URL('../fixtures/cases/client-cases.json', import.meta.url), 'utf8'),
)
const tokenCases = allCases.filter((one) => one.id.startsWith('tok-'))

test('the list of real clients holds token requests', () => {
  assert.ok(tokenCases.length >= 5)
})

for (const one of tokenCases) {
  test(`${one.id}: the token request of ${one.client} is answered`, async (t) => {
    const access = await openAccess(t)
    const made = await access.createClient('reader')
    const values: Record<string, string> = {
      '{tenant}': access.tenant.id,
      '{clientId}': made.clientId,
      '{clientSecret}': made.clientSecret,
      '{uuid}': '6f0c0f0e-0000-4000-8000-0000000000aa',
      '{host}': 'localhost:8443',
      '{base64(clientId:clientSecret)}': btoa(`${made.clientId}:${made.clientSecret}`),
    }
    const fill = (text: string) =>
      text.replace(/\{base64\([^}]*\}|\{\w+\}/g, (placeholder) => {
        const value = values[placeholder]
        assert.ok(value !== undefined, placeholder)
        return value
      })
    const headers = Object.fromEntries(
      Object.entries(one.headers).map(([name, value]) => [name.toLowerCase(), fill(value)]),
    )

    const answer = await ask(access, { path: fill(one.path), rawQuery: fill(one.query), headers, body: fill(one.body) })

    const body = read(answer)
    assert.equal(answer.status, one.expectStatus)
    assert.equal(body.token_type, 'Bearer')
    assert.ok(typeof body.expires_in === 'number' && body.expires_in > 0)
    await access.authenticate(makeAuthorized(`Bearer ${body.access_token}`))
  })
}

test('a scope that is not percent-encoded, as Wazuh sends it, is taken', async (t) => {
  const access = await openAccess(t)
  const made = await access.createClient('reader')
  const body = `scope=https://graph.microsoft.com/.default&grant_type=client_credentials&client_id=${made.clientId}&client_secret=${made.clientSecret}`

  assert.equal((await ask(access, { body })).status, 200)
})

test('the v1 endpoint takes a resource instead of a scope and answers expires_in as a number', async (t) => {
  const access = await openAccess(t)
  const fields = await formOf(access, { scope: undefined, resource: 'https://graph.microsoft.com' })

  const answer = await ask(access, { path: `/${access.tenant.id}/oauth2/token`, body: encode(fields) })

  assert.equal(answer.status, 200)
  assert.equal(read(answer).expires_in, 3_599)
})

test('credentials in HTTP Basic may be percent-encoded, and the form wins over them', async (t) => {
  const access = await openAccess(t)
  const made = await access.createClient('reader')
  const basic = (id: string, secret: string) => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` })
  const body = 'grant_type=client_credentials&scope=x'
  const percent = (text: string) => [...text].map((one) => `%${one.charCodeAt(0).toString(16)}`).join('')

  const encoded = await ask(access, { headers: basic(percent(made.clientId), percent(made.clientSecret)), body })
  const wrongForm = { ...Object.fromEntries(new URLSearchParams(body)), client_secret: 'wrong' }
  const beaten = await ask(access, { headers: basic(made.clientId, made.clientSecret), body: encode(wrongForm) })

  assert.equal(encoded.status, 200)
  assert.equal(beaten.status, 401)
  assert.equal(beaten.headers?.['WWW-Authenticate'], 'Basic realm="cordon"')
})

const unknownGuid = '6f0c0f0e-0000-4000-8000-000000000000'
const refusals: readonly [
  name: string,
  fields: Record<string, string | undefined>,
  path: string | undefined,
  status: number,
  error: string,
  code: number,
][] = [
  ['a wrong secret', { client_secret: 'wrong' }, undefined, 401, 'invalid_client', 7000215],
  ['an unknown application', { client_id: unknownGuid }, undefined, 400, 'unauthorized_client', 700016],
  ['an application id that is no GUID', { client_id: '<b>x</b>' }, undefined, 400, 'unauthorized_client', 700016],
  ['an unknown tenant id', {}, `/${unknownGuid}/oauth2/v2.0/token`, 400, 'invalid_request', 90002],
  ['an unknown tenant domain', {}, '/fabrikam.example/oauth2/v2.0/token', 400, 'invalid_request', 90002],
  ['a tenant that is neither', {}, '/common/oauth2/v2.0/token', 400, 'invalid_request', 900023],
  ['a tenant with markup', {}, '/%3Cscript%3E/oauth2/token', 400, 'invalid_request', 900023],
  ['another grant type', { grant_type: 'password' }, undefined, 400, 'unsupported_grant_type', 70003],
  [
    'the device code grant of msal-node',
    { grant_type: 'device_code' },
    undefined,
    400,
    'unsupported_grant_type',
    70003,
  ],
  ['no grant type', { grant_type: undefined }, undefined, 400, 'invalid_request', 900144],
  ['no client id', { client_id: undefined }, undefined, 400, 'invalid_request', 900144],
  ['no client secret', { client_secret: undefined }, undefined, 400, 'invalid_request', 900144],
  ['an empty client secret', { client_secret: '' }, undefined, 400, 'invalid_request', 900144],
  ['no scope', { scope: undefined }, undefined, 400, 'invalid_request', 900144],
]
for (const [name, fields, path, status, error, code] of refusals) {
  test(`${name} is refused with AADSTS${code} and every member that MSAL prints`, async (t) => {
    const access = await openAccess(t)
    const correlationId = '6f0c0f0e-0000-4000-8000-0000000000bb'
    const body = encode(await formOf(access, fields))

    const answer = await ask(access, {
      ...(path ? { path } : {}),
      rawQuery: `client-request-id=${correlationId}`,
      body,
    })

    const { error_description, ...rest } = read(answer)
    assert.equal(answer.status, status)
    assert.match(answer.contentType ?? '', /^application\/json/)
    assert.equal(answer.headers?.['Cache-Control'], 'no-store')
    assert.ok(String(error_description).startsWith(`AADSTS${code}: `))
    assert.ok(!String(error_description).includes('<'))
    assert.deepEqual(rest, {
      error,
      error_codes: [code],
      timestamp: '2026-03-01 10:00:00Z',
      trace_id: makeCall().requestId,
      correlation_id: correlationId,
      error_uri: `${origin}/error?code=${code}`,
    })
  })
}

test('the error_uri of a refusal leads to its words', async (t) => {
  const access = await openAccess(t)
  const routes = signInRoutes(access)

  const known = await send(routes, makeCall({ path: '/error', rawQuery: 'code=7000215' }))
  const unknown = await send(routes, makeCall({ path: '/error', rawQuery: 'code=<script>' }))

  assert.match(String(known.body), /^AADSTS7000215: Invalid client secret/)
  assert.equal(known.contentType, 'text/plain; charset=utf-8')
  assert.equal(unknown.status, 404)
  assert.ok(!String(unknown.body).includes('script'))
})

test('an application of another tenant and a revoked one are as unknown as one that never was', async (t) => {
  const access = await openAccess(t)
  const other = await createTenant(access, access.operator, { name: 'Fabrikam', domain: 'fabrikam.example' })
  const fields = await formOf(access)
  const foreign = await ask(access, { path: `/${other.id}/oauth2/v2.0/token`, body: encode(fields) })

  await revokeApplication(access, access.operator, fields.client_id ?? '')
  const revoked = await ask(access, { body: encode(fields) })

  assert.deepEqual(read(foreign).error_codes, [700016])
  assert.deepEqual(read(revoked).error_codes, [700016])
})

test('a refused sign-in is in the log of its tenant, without the secret', async (t) => {
  const access = await openAccess(t)
  const fields = await formOf(access, { client_secret: 'my-wrong-secret' })

  await ask(access, { body: encode(fields) })

  const last = (await access.readAudit()).at(-1)
  assert.deepEqual(
    [last?.tenant_id, last?.actor_id, last?.actor_name, last?.action, last?.decision, last?.code],
    [access.tenant.id, fields.client_id, 'unauthenticated', 'issueToken', 'refused', 'AADSTS7000215'],
  )
  assert.ok(!JSON.stringify(last).includes('my-wrong-secret'))
})

test('too many failures from one address end in 429 with Retry-After, even for the right secret', async (t) => {
  const access = await openAccess(t, { perMinute: 3, recordedPerSecond: 1 })
  const good = encode(await formOf(access))
  const bad = encode(await formOf(access, { client_secret: 'wrong' }))
  const statuses: number[] = []

  for (const body of [good, bad, bad, bad, bad, good]) statuses.push((await ask(access, { body })).status)

  const last = await ask(access, { body: good })
  assert.deepEqual(statuses, [200, 401, 401, 401, 429, 429])
  assert.equal(last.headers?.['Retry-After'], '60')
  assert.deepEqual([read(last).error, read(last).error_codes], ['temporarily_unavailable', [50196]])
  access.clock.advance(60)
  assert.equal((await ask(access, { body: good })).status, 200)
})

test('the OpenID configuration stands on the origin the client used, with its port, and always under the tenant id', async (t) => {
  const access = await openAccess(t)
  const other = 'https://cordon.example:9443'
  const path = '/Contoso.OnMicrosoft.com/v2.0/.well-known/openid-configuration'

  const answer = await send(signInRoutes(access), makeCall({ path, origin: other }))

  const body = read(answer)
  const base = `${other}/${access.tenant.id}`
  assert.equal(answer.status, 200)
  assert.deepEqual(
    [body.issuer, body.token_endpoint, body.jwks_uri, body.authorization_endpoint, body.device_authorization_endpoint],
    [
      `${base}/v2.0`,
      `${base}/oauth2/v2.0/token`,
      `${base}/discovery/v2.0/keys`,
      `${base}/oauth2/v2.0/authorize`,
      `${base}/oauth2/v2.0/devicecode`,
    ],
  )
})

test('the key set holds the public halves of the signing keys and nothing private', async (t) => {
  const access = await openAccess(t)

  const answer = await send(signInRoutes(access), makeCall({ path: `/${access.tenant.id}/discovery/v2.0/keys` }))

  const [key] = access.tokenKeys
  assert.deepEqual(read(answer), {
    keys: [{ ...key.publicJwk, use: 'sig', kid: key.kid, alg: 'ES256', issuer: `${origin}/${access.tenant.id}/v2.0` }],
  })
  assert.ok(!String(answer.body).includes('"d"'))
})

test('documents of an unknown tenant are refused like its tokens', async (t) => {
  const access = await openAccess(t)

  for (const path of [
    '/fabrikam.example/v2.0/.well-known/openid-configuration',
    '/fabrikam.example/discovery/v2.0/keys',
  ]) {
    const answer = await send(signInRoutes(access), makeCall({ path }))
    assert.equal(answer.status, 400)
    assert.deepEqual(read(answer).error_codes, [90002])
  }
})

test('the device code flow is not offered, and says so in the form of a token error', async (t) => {
  const access = await openAccess(t)
  const base = `/${access.tenant.id}/oauth2/v2.0`
  const routes = signInRoutes(access)

  const deviceCode = await send(routes, makeCall({ method: 'POST', path: `${base}/devicecode` }))

  assert.equal(deviceCode.status, 400)
  assert.deepEqual([read(deviceCode).error, read(deviceCode).error_codes], ['unsupported_grant_type', [70003]])
})
