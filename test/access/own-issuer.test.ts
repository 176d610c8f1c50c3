import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { createApplication, createPublicApplication } from '../../src/access/applications.ts'
import { createTenant } from '../../src/access/tenants.ts'
import { createSignInLink, createUser } from '../../src/access/users.ts'
import { portalRoutes } from '../../src/api/portal/routes.ts'
import type { Answer, Route } from '../../src/api/route.ts'
import { signInRoutes } from '../../src/api/sign-in/routes.ts'
import type { Store } from '../../src/store/db.ts'
import { databaseKinds, makeStore } from '../support/databases.ts'
import { type Access, makeAuthorized, makeCall, openAccess, origin, send } from './support.ts'

const redirectUri = 'https://app.example/callback'
const verifier = 'a-verifier-of-more-than-forty-three-characters-0123456789'
const challenge = createHash('sha256').update(verifier).digest('base64url')

interface Site extends Access {
  readonly routes: Route[]
  readonly clientId: string
}

async function openSite(t: TestContext, store?: Store): Promise<Site> {
  const access = await openAccess(t, store === undefined ? {} : { store })
  const input = { name: 'Board', role: 'responder', redirectUris: [redirectUri] }
  const { clientId } = await createPublicApplication(access, access.operator, input)
  return { ...access, clientId, routes: [...signInRoutes(access), ...portalRoutes(access)] }
}

/** Signs somebody of that role in by a link. @returns the cookie */
async function enter(site: Site, role: string, name = `${role} Ada`): Promise<string> {
  const userId = await createUser(site, site.operator, { name, role })
  const { path } = await createSignInLink(site, site.operator, userId)
  const body = new URLSearchParams({ token: path.split('=')[1] ?? '' })
  const headers = { 'sec-fetch-site': 'same-origin' }
  const answer = await send(site.routes, makeCall({ method: 'POST', path: '/login', body, headers }))
  assert.equal(answer.status, 303)
  return (answer.headers?.['Set-Cookie'] ?? '').split(';', 1)[0] ?? ''
}

function ask(site: Site, cookie: string, parts: Record<string, string | null> = {}): Promise<Answer> {
  const whole = {
    client_id: site.clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid profile',
    state: 'state-1',
    nonce: 'nonce-1',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...parts,
  }
  const given = Object.entries(whole).flatMap(([name, value]): [string, string][] =>
    value === null ? [] : [[name, value]],
  )
  const path = `/${site.tenant.id}/oauth2/v2.0/authorize`
  return send(site.routes, makeCall({ path, rawQuery: new URLSearchParams(given).toString(), headers: { cookie } }))
}

function queryOf(answer: Answer): URLSearchParams {
  assert.equal(answer.status, 303, String(answer.body))
  return new URL(answer.headers?.Location ?? '').searchParams
}

async function getCode(site: Site, cookie: string): Promise<string> {
  return queryOf(await ask(site, cookie)).get('code') ?? ''
}

function change(site: Site, parts: Record<string, string>): Promise<Answer> {
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: site.clientId,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...parts,
  })
  return send(site.routes, makeCall({ method: 'POST', path: `/${site.tenant.id}/oauth2/v2.0/token`, body }))
}

function read(answer: Answer): Record<string, unknown> {
  return JSON.parse(String(answer.body))
}

for (const kind of databaseKinds) {
  test(`an application gets a code, and for it an ID token and an access token that does no more than both may (${kind})`, async (t) => {
    const site = await openSite(t, await makeStore(t, kind))
    const cookie = await enter(site, 'expert')

    const back = queryOf(await ask(site, cookie))
    const answer = await change(site, { code: back.get('code') ?? '' })
    const tokens = read(answer)
    const jwks = await send(site.routes, makeCall({ path: `/${site.tenant.id}/discovery/v2.0/keys` }))
    const { payload } = await jwtVerify(String(tokens.id_token), createLocalJWKSet(JSON.parse(String(jwks.body))), {
      issuer: `${origin}/${site.tenant.id}/v2.0`,
      audience: site.clientId,
      currentDate: new Date(site.clock.nowMs()),
    })
    const caller = await site.authenticate(makeAuthorized(`Bearer ${tokens.access_token}`))

    assert.deepEqual([back.get('state'), back.get('iss')], ['state-1', `${origin}/${site.tenant.id}/v2.0`])
    assert.equal(answer.status, 200)
    assert.deepEqual([payload.nonce, payload.name, payload.auth_time], ['nonce-1', 'expert Ada', 1_772_359_200])
    assert.deepEqual([caller.name, caller.kind], ['expert Ada', 'user'])
    assert.ok(caller.permissions.has('SecurityIncident.ReadWrite.All'))
    assert.ok(!caller.permissions.has('Cordon.Expert'), 'the application is a responder')
    await assert.rejects(site.authenticate(makeAuthorized(`Bearer ${tokens.id_token}`)), {
      kind: 'InvalidAuthenticationToken',
    })
  })

  test(`a code is good once; when it comes again, what it was changed for ends within a second (${kind})`, async (t) => {
    const site = await openSite(t, await makeStore(t, kind))
    const code = await getCode(site, await enter(site, 'responder'))

    const [first, second] = await Promise.all([change(site, { code }), change(site, { code })])
    const good = [first, second].find((answer) => answer.status === 200)
    assert.ok(good !== undefined)
    const bearer = makeAuthorized(`Bearer ${read(good).access_token}`)
    const again = await change(site, { code })
    site.clock.advance(1)

    assert.deepEqual([first.status, second.status].sort(), [200, 400])
    assert.deepEqual([again.status, read(again).error], [400, 'invalid_grant'])
    await assert.rejects(site.authenticate(bearer), { message: 'The session of this token has ended.' })
  })
}

test('a code is over after a minute, and is spent by a wrong verifier, another address and another application', async (t) => {
  const site = await openSite(t)
  const cookie = await enter(site, 'responder')
  const input = { name: 'Other', role: 'admin', redirectUris: [redirectUri] }
  const other = await createPublicApplication(site, site.operator, input)
  const wrong: Record<string, string>[] = [
    { code_verifier: `${verifier}x` },
    { redirect_uri: `${redirectUri}/` },
    { client_id: other.clientId },
  ]

  for (const parts of wrong) {
    const code = await getCode(site, cookie)
    const refused = await change(site, { code, ...parts })
    const afterwards = await change(site, { code })
    assert.deepEqual([refused.status, afterwards.status], [400, 400], JSON.stringify(parts))
    assert.equal(read(refused).error, 'invalid_grant')
  }
  const late = await getCode(site, cookie)
  site.clock.advance(60)
  assert.equal((await change(site, { code: late })).status, 400)
  assert.equal((await change(site, { code: 'x'.repeat(43) })).status, 400)
})

test('an address that is not exactly one of the application’s is never redirected to', async (t) => {
  const site = await openSite(t)
  const cookie = await enter(site, 'responder')
  const addresses = [
    'https://evil.example/callback',
    `${redirectUri}/`,
    `${redirectUri}?x=1`,
    'https://app.example/callback#',
    'https://app.example.evil.example/callback',
    'https://app.example/CALLBACK',
    'javascript:alert(1)',
    '',
  ]

  for (const address of addresses) {
    const answer = await ask(site, cookie, { redirect_uri: address })
    assert.equal(answer.status, 400, address)
    assert.equal(answer.headers?.Location, undefined)
  }
  const unknown = await ask(site, cookie, { client_id: '6f0c0f0e-0000-4000-8000-00000000000b' })
  assert.equal(unknown.status, 400)
})

test('a faulty request is told to the application: no PKCE, plain PKCE, another flow, request objects', async (t) => {
  const site = await openSite(t)
  const cookie = await enter(site, 'responder')
  const cases: [parts: Record<string, string | null>, error: string][] = [
    [{ code_challenge: null }, 'invalid_request'],
    [{ code_challenge_method: 'plain' }, 'invalid_request'],
    [{ code_challenge_method: null }, 'invalid_request'],
    [{ code_challenge: 'short' }, 'invalid_request'],
    [{ response_type: 'token' }, 'unsupported_response_type'],
    [{ response_type: 'code id_token' }, 'unsupported_response_type'],
    [{ response_mode: 'form_post' }, 'invalid_request'],
    [{ request: 'x' }, 'request_not_supported'],
    [{ scope: '' }, 'invalid_scope'],
    [{ prompt: 'none login' }, 'invalid_request'],
  ]

  for (const [parts, error] of cases) {
    const back = queryOf(await ask(site, cookie, parts))
    assert.deepEqual([back.get('error'), back.get('state'), back.has('code')], [error, 'state-1', false])
  }
  const path = `/${site.tenant.id}/oauth2/v2.0/authorize`
  const twice = `client_id=${site.clientId}&redirect_uri=${redirectUri}&redirect_uri=https://evil.example`
  assert.equal((await send(site.routes, makeCall({ path, rawQuery: twice, headers: { cookie } }))).status, 400)
})

test('who is not signed in, or in another tenant, is sent to the sign-in page and comes back; prompt=none says so at once', async (t) => {
  const site = await openSite(t)
  const other = await createTenant(site, site.operator, { name: 'other' })
  const foreign = await enter({ ...site, operator: { ...site.operator, tenantId: other.id } }, 'admin')

  for (const cookie of ['', foreign]) {
    const answer = await ask(site, cookie)
    const location = new URL(answer.headers?.Location ?? '')
    const next = location.searchParams.get('next') ?? ''
    assert.equal(location.pathname, '/login')
    assert.match(next, new RegExp(`^/${site.tenant.id}/oauth2/v2.0/authorize\\?client_id=`))
    assert.equal(queryOf(await ask(site, cookie, { prompt: 'none' })).get('error'), 'login_required')
  }
  const forced = await ask(site, await enter(site, 'responder'), { prompt: 'login' })
  const next = new URL(forced.headers?.Location ?? '').searchParams.get('next') ?? ''
  assert.ok(next.includes('authorize?') && !next.includes('prompt'))
})

test('the sign-in page leads on to this server’s own authorization endpoint and nowhere else', async (t) => {
  const site = await openSite(t)
  const userId = await createUser(site, site.operator, { name: 'Ada', role: 'reader' })
  const good = `/${site.tenant.id}/oauth2/v2.0/authorize?client_id=x`
  const lead = async (next: string): Promise<Answer> => {
    const { path } = await createSignInLink(site, site.operator, userId)
    const body = new URLSearchParams({ token: path.split('=')[1] ?? '', next })
    const headers = { 'sec-fetch-site': 'same-origin' }
    return send(site.routes, makeCall({ method: 'POST', path: '/login', body, headers }))
  }

  assert.equal((await lead(good)).headers?.Refresh, `0;url=${good}`)
  for (const next of [
    'https://evil.example/',
    '//evil.example/oauth2/v2.0/authorize?x',
    '/\\evil.example/oauth2/v2.0/authorize?x',
    `${good}\r\nSet-Cookie: x=1`,
    '/x/oauth2/v2.0/authorize/../../../../evil?x',
    'javascript:alert(1)',
  ]) {
    const answer = await lead(next)
    assert.deepEqual([answer.status, answer.headers?.Location, answer.headers?.Refresh], [303, '/', undefined], next)
  }
})

test('an application with a secret shows it with its code, and a public one never acts for itself', async (t) => {
  const site = await openSite(t)
  const cookie = await enter(site, 'responder')
  const input = { name: 'Server', role: 'responder', redirectUris: [redirectUri] }
  const made = await createApplication(site, site.operator, input)
  const code = async () => queryOf(await ask(site, cookie, { client_id: made.clientId })).get('code') ?? ''
  const as = { client_id: made.clientId }

  const without = await change(site, { ...as, code: await code() })
  const wrong = await change(site, { ...as, code: await code(), client_secret: 'x'.repeat(43) })
  const right = await change(site, { ...as, code: await code(), client_secret: made.clientSecret })
  const itself = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: site.clientId,
    client_secret: '',
    scope: 'x/.default',
  })
  const path = `/${site.tenant.id}/oauth2/v2.0/token`
  const empty = await send(site.routes, makeCall({ method: 'POST', path, body: itself }))
  itself.set('client_secret', 'x')
  const guessed = await send(site.routes, makeCall({ method: 'POST', path, body: itself }))

  assert.deepEqual([without.status, wrong.status, right.status], [400, 401, 200])
  assert.deepEqual([empty.status, guessed.status], [400, 401])
})

test('a redirect URI is https, or http on the own machine, without a fragment or user', async (t) => {
  const site = await openSite(t)
  const make = (uri: string) =>
    createPublicApplication(site, site.operator, { name: 'x', role: 'reader', redirectUris: [uri] })

  for (const uri of ['https://a.example/cb?x=1', 'http://127.0.0.1:8080/cb', 'http://localhost/cb']) await make(uri)
  for (const uri of ['http://a.example/', 'https://u@a.example/', 'https://a.example/#x', 'a:b', 'https://a b/', '']) {
    await assert.rejects(make(uri), { kind: 'BadRequest' }, uri)
  }
})
