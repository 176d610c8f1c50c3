import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { brotliDecompressSync } from 'node:zlib'
import { authenticateSession } from '../../src/access/sessions.ts'
import { createFirstSignInLink, createSignInLink, createUser, disableUser } from '../../src/access/users.ts'
import { portalRoutes } from '../../src/api/portal/routes.ts'
import type { Answer, Call, Route } from '../../src/api/route.ts'
import { CordonError } from '../../src/model/errors.ts'
import { rolePermissions } from '../../src/model/permissions.ts'
import type { Store } from '../../src/store/db.ts'
import { ensurePortal } from '../../tools/portal/build.ts'
import { type Access, makeAuthorized, makeCall, openAccess, origin, send } from '../access/support.ts'
import { databaseKinds, makeStore } from '../support/databases.ts'

await ensurePortal()

interface Portal extends Access {
  readonly routes: Route[]
}

async function openPortal(t: TestContext, store?: Store): Promise<Portal> {
  const access = await openAccess(t, store === undefined ? {} : { store })
  return { ...access, routes: portalRoutes(access) }
}

async function makeLink(portal: Portal): Promise<string> {
  const link = await createFirstSignInLink(portal, portal.tenant.id)
  assert.ok(link !== null)
  return new URL(link.path, origin).searchParams.get('token') ?? ''
}

const ownPage = { 'sec-fetch-site': 'same-origin' }

function postLogin(portal: Portal, token: string, parts: Partial<Call> = {}): Promise<Answer> {
  const body = new URLSearchParams({ token })
  return send(portal.routes, makeCall({ method: 'POST', path: '/login', body, headers: ownPage, ...parts }))
}

/** `name=value` of the cookie an answer sets. */
function cookieOf(answer: Answer): string {
  return (answer.headers?.['Set-Cookie'] ?? '').split(';', 1)[0] ?? ''
}

function read(answer: Answer): Record<string, unknown> {
  return JSON.parse(String(answer.body))
}

interface SignedIn {
  readonly cookie: string
  readonly csrfToken: string
}

async function signInFirst(portal: Portal): Promise<SignedIn> {
  const cookie = cookieOf(await postLogin(portal, await makeLink(portal)))
  const state = read(await send(portal.routes, makeCall({ path: '/auth/session', headers: { cookie } })))
  return { cookie, csrfToken: String(state.csrfToken) }
}

function post(portal: Portal, path: string, headers: Record<string, string>): Promise<Answer> {
  return send(portal.routes, makeCall({ method: 'POST', path, headers }))
}

async function drawToken(portal: Portal, { cookie, csrfToken }: SignedIn): Promise<string> {
  const answer = await post(portal, '/auth/token', { ...ownPage, cookie, 'x-csrf-token': csrfToken })
  assert.equal(answer.status, 200)
  return String(read(answer).access_token)
}

for (const kind of databaseKinds) {
  test(`a sign-in link works once, and its first look does not use it up (${kind})`, async (t) => {
    const portal = await openPortal(t, await makeStore(t, kind))
    const token = await makeLink(portal)
    const look = () => send(portal.routes, makeCall({ path: '/login', rawQuery: `token=${token}` }))

    const looks = [await look(), await look()]
    const [first, second] = await Promise.all([postLogin(portal, token), postLogin(portal, token)])
    const after = await look()

    assert.deepEqual(
      looks.map((answer) => answer.status),
      [200, 200],
    )
    assert.ok(String(looks[0]?.body).includes('<strong>admin</strong>'))
    assert.deepEqual([first.status, second.status].sort(), [303, 410])
    assert.equal([first, second].find((answer) => answer.status === 303)?.headers?.Location, '/')
    assert.equal(after.status, 410)
    const signIns = (await portal.readAudit()).filter((row) => row.action === 'signIn' && row.decision === 'allowed')
    assert.equal(signIns.length, 1)
  })

  test(`signing out ends the session and, within a second, the tokens drawn from it (${kind})`, async (t) => {
    const portal = await openPortal(t, await makeStore(t, kind))
    const person = await signInFirst(portal)
    const bearer = makeAuthorized(`Bearer ${await drawToken(portal, person)}`)
    await portal.authenticate(bearer)

    const answer = await post(portal, '/auth/sign-out', {
      ...ownPage,
      cookie: person.cookie,
      'x-csrf-token': person.csrfToken,
    })
    portal.clock.advance(1)

    assert.equal(answer.status, 204)
    assert.match(answer.headers?.['Set-Cookie'] ?? '', /^__Host-session=; Path=\/; Max-Age=0;/)
    await assert.rejects(portal.authenticate(bearer), { message: 'The session of this token has ended.' })
    const state = await send(portal.routes, makeCall({ path: '/auth/session', headers: { cookie: person.cookie } }))
    assert.deepEqual(read(state), { signedIn: false })
  })
}

test('the first link is for an admin, comes anew on every start and no more once somebody has signed in', async (t) => {
  const portal = await openPortal(t)

  const links = await Promise.all([makeLink(portal), makeLink(portal)])
  await postLogin(portal, links[1])

  assert.notEqual(links[0], links[1])
  assert.equal(await createFirstSignInLink(portal, portal.tenant.id), null)
  const users = await portal.store.read.selectFrom('users').select(['name', 'role']).execute()
  assert.deepEqual(
    users.map((user) => ({ ...user })),
    [{ name: 'admin', role: 'admin' }],
  )
})

test('a link ends after an hour, with its person, and was never one when its token is malformed', async (t) => {
  const portal = await openPortal(t)
  const [early, disabled] = [await makeLink(portal), await makeLink(portal)]
  const [user] = await portal.store.read.selectFrom('users').select('id').execute()

  portal.clock.advance(3_600)
  assert.equal((await postLogin(portal, early)).status, 410)
  await disableUser(portal, portal.operator, user?.id ?? '')
  assert.equal((await postLogin(portal, disabled)).status, 410)
  for (const token of ['', 'x', `${early}"><script>`, early.toLowerCase()]) {
    const answer = await postLogin(portal, token)
    assert.equal(answer.status, 410)
    assert.ok(!String(answer.body).includes('<script'))
  }
})

test('a request that another site may have caused signs nobody in and leaves the link usable', async (t) => {
  const portal = await openPortal(t)
  const token = await makeLink(portal)
  const foreign = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    {},
  ]

  for (const headers of foreign) assert.equal((await postLogin(portal, token, { headers })).status, 403)

  assert.equal((await postLogin(portal, token, { headers: { origin } })).status, 303)
})

test('the session cookie is bound to host, path and TLS; plain http on loopback has the plain name', async (t) => {
  const portal = await openPortal(t)

  const secure = await postLogin(portal, await makeLink(portal))
  const person = (await portal.store.read.selectFrom('users').select('id').executeTakeFirstOrThrow()).id
  const link = await createSignInLink(portal, portal.operator, person)
  const plain = await postLogin(portal, link.path.split('=')[1] ?? '', { origin: 'http://localhost:8080' })

  assert.match(
    secure.headers?.['Set-Cookie'] ?? '',
    /^__Host-session=[\w-]{43}; Path=\/; Max-Age=43200; Secure; HttpOnly; SameSite=Lax$/,
  )
  assert.match(
    plain.headers?.['Set-Cookie'] ?? '',
    /^session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax$/,
  )
})

test('the database holds neither link tokens nor session secrets nor CSRF tokens', async (t) => {
  const portal = await openPortal(t)
  const token = await makeLink(portal)
  const cookie = cookieOf(await postLogin(portal, token))
  const { csrfToken } = read(await send(portal.routes, makeCall({ path: '/auth/session', headers: { cookie } })))

  const tables = await Promise.all([
    portal.store.read.selectFrom('sign_in_links').selectAll().execute(),
    portal.store.read.selectFrom('sessions').selectAll().execute(),
    portal.readAudit(),
  ])

  const text = JSON.stringify(tables)
  for (const secret of [token, cookie.split('=')[1] ?? '', String(csrfToken)]) {
    assert.equal(secret.length, 43)
    assert.ok(!text.includes(secret))
  }
})

test('a token drawn from the session carries the permissions of the person, for ten minutes', async (t) => {
  const portal = await openPortal(t)
  const person = await signInFirst(portal)
  const bearer = makeAuthorized(`Bearer ${await drawToken(portal, person)}`)

  const caller = await portal.authenticate(bearer)

  assert.equal(caller.kind, 'user')
  assert.equal(caller.name, 'admin')
  assert.equal(caller.tenantId, portal.tenant.id)
  assert.deepEqual(caller.permissions, new Set(rolePermissions.admin))
  assert.ok(caller.permissions.has('SecurityIncidentTask.TakeAction.ReadWrite.All'))
  portal.clock.advance(661)
  await assert.rejects(portal.authenticate(bearer), { message: 'Lifetime validation failed, the token is expired.' })
})

test('a disabled person is refused within a second, session and token', async (t) => {
  const portal = await openPortal(t)
  const person = await signInFirst(portal)
  const bearer = makeAuthorized(`Bearer ${await drawToken(portal, person)}`)
  const { id } = await portal.authenticate(bearer)

  await disableUser(portal, portal.operator, id)
  portal.clock.advance(1)

  await assert.rejects(portal.authenticate(bearer), { kind: 'InvalidAuthenticationToken' })
  const state = await send(portal.routes, makeCall({ path: '/auth/session', headers: { cookie: person.cookie } }))
  assert.deepEqual(read(state), { signedIn: false })
})

test('a session ends after twelve hours', async (t) => {
  const portal = await openPortal(t)
  const { cookie } = await signInFirst(portal)

  portal.clock.advance(12 * 3_600)

  const state = await send(portal.routes, makeCall({ path: '/auth/session', headers: { cookie } }))
  assert.deepEqual(read(state), { signedIn: false })
})

test('no token without the session, its CSRF token and a request of our own page', async (t) => {
  const portal = await openPortal(t)
  const { cookie, csrfToken } = await signInFirst(portal)
  const good = { ...ownPage, cookie, 'x-csrf-token': csrfToken }
  const { cookie: _cookie, ...noCookie } = good
  const { 'x-csrf-token': _token, ...noCsrf } = good
  const cases: [headers: Record<string, string>, kind: string][] = [
    [noCookie, 'InvalidAuthenticationToken'],
    [{ ...good, cookie: cookie.replace('__Host-', '') }, 'InvalidAuthenticationToken'],
    [{ ...good, cookie: `${cookie}; ${cookie}` }, 'InvalidAuthenticationToken'],
    [{ ...good, cookie: '__Host-session=' }, 'InvalidAuthenticationToken'],
    [noCsrf, 'Forbidden'],
    [{ ...good, 'x-csrf-token': `${csrfToken}x` }, 'Forbidden'],
    [{ ...good, 'sec-fetch-site': 'cross-site' }, 'Forbidden'],
    [{ ...good, 'sec-fetch-site': 'same-site' }, 'Forbidden'],
    [{ cookie, 'x-csrf-token': csrfToken, origin: 'https://evil.example' }, 'Forbidden'],
    [{ cookie, 'x-csrf-token': csrfToken }, 'Forbidden'],
  ]

  for (const [headers, kind] of cases) {
    for (const path of ['/auth/token', '/auth/sign-out']) {
      await assert.rejects(post(portal, path, headers), (error) => error instanceof CordonError && error.kind === kind)
    }
  }
  assert.equal((await post(portal, '/auth/token', good)).status, 200)
})

test('the CSRF token of one session does not serve another', async (t) => {
  const portal = await openPortal(t)
  const first = await signInFirst(portal)
  const userId = await createUser(portal, portal.operator, { name: 'Ada', role: 'reader' })
  const link = await createSignInLink(portal, portal.operator, userId)
  const cookie = cookieOf(await postLogin(portal, link.path.split('=')[1] ?? ''))

  const mixed = post(portal, '/auth/token', { ...ownPage, cookie, 'x-csrf-token': first.csrfToken })

  await assert.rejects(mixed, { kind: 'Forbidden' })
})

test('the cookie names a caller on session routes, reading without and writing with the CSRF token', async (t) => {
  const portal = await openPortal(t)
  const { cookie, csrfToken } = await signInFirst(portal)
  const write = makeCall({ method: 'POST', headers: { ...ownPage, cookie } })

  const reader = await authenticateSession(portal, makeCall({ headers: { cookie } }))
  const writer = await authenticateSession(portal, {
    ...write,
    headers: { ...write.headers, 'x-csrf-token': csrfToken },
  })

  assert.deepEqual([reader.kind, reader.name], ['user', 'admin'])
  assert.deepEqual(writer.permissions, new Set(rolePermissions.admin))
  await assert.rejects(authenticateSession(portal, write), { kind: 'Forbidden' })
})

test('the session cookie is no credential for a bearer route', async (t) => {
  const portal = await openPortal(t)
  const { cookie } = await signInFirst(portal)

  await assert.rejects(portal.authenticate(makeCall({ headers: { cookie } })), { message: 'Access token is empty.' })
})

test('every page, script and answer of the portal carries the security headers', async (t) => {
  const portal = await openPortal(t)
  const { cookie } = await signInFirst(portal)
  const paths = portal.routes
    .filter((route) => route.method === 'GET')
    .map((route) => route.path.replaceAll(/:\w+/g, 'x'))
  const policyWith = (styles: string, trustedTypes: string): string =>
    [
      "default-src 'none'",
      "script-src 'self'",
      styles,
      "connect-src 'self'",
      "img-src 'self'",
      "base-uri 'none'",
      "form-action 'self'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      `trusted-types ${trustedTypes}`,
    ].join('; ')

  assert.ok(paths.includes('/') && paths.some((path) => path.endsWith('.js')) && paths.includes('/login'))
  for (const path of paths) {
    const { headers = {}, status, body } = await send(portal.routes, makeCall({ path, headers: { cookie } }))
    assert.equal(status, path.startsWith('/auth/issuers/') ? 404 : 200, path)
    const nonce = /nonce-([\w-]{43})'/.exec(headers['Content-Security-Policy'] ?? '')?.[1]
    const isShell = path === '/' || path.startsWith('/t/')
    assert.equal(nonce !== undefined, isShell, path)
    if (isShell) assert.ok(String(body).includes(`content="${nonce}"`), path)
    const styles = isShell ? `style-src 'self' 'nonce-${nonce}'` : "style-src 'self'"
    assert.equal(headers['Content-Security-Policy'], policyWith(styles, isShell ? 'layout-worker' : "'none'"), path)
    assert.equal(headers['X-Content-Type-Options'], 'nosniff', path)
    assert.equal(headers['Referrer-Policy'], 'no-referrer', path)
    assert.equal(headers['Cross-Origin-Opener-Policy'], 'same-origin', path)
    // A name with the hash of its content never changes what it stands for.
    const isHashed = /-[0-9a-f]{8}\.\w+$/.test(path)
    assert.match(headers['Cache-Control'] ?? '', isHashed ? /immutable$/ : /^no-(store|cache)$/, path)
  }
})

test('no page holds a script, style or handler inline, and no script of ours writes markup', async (t) => {
  const portal = await openPortal(t)
  const token = await makeLink(portal)
  const pages = [
    await send(portal.routes, makeCall({ path: '/' })),
    await send(portal.routes, makeCall({ path: '/login' })),
    await send(portal.routes, makeCall({ path: '/login', rawQuery: `token=${token}` })),
  ]

  for (const page of pages) {
    const html = String(page.body)
    assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|javascript:/i)
    assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)/i)
  }
  const sources = globSync('src/portal/app/**/*.{ts,tsx,js}').map((path) => readFileSync(path, 'utf8'))
  assert.ok(sources.length > 50)
  for (const text of sources) {
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/)
  }
})

test('a file of the bundle is sent small to who takes that, and whole to others', async (t) => {
  const portal = await openPortal(t)
  const path = portal.routes.map((route) => route.path).find((one) => /\/index-[0-9a-f]{8}\.js$/.test(one)) ?? ''
  const ask = (headers: Record<string, string>) => send(portal.routes, makeCall({ path, headers }))

  const small = await ask({ 'accept-encoding': 'gzip, br;q=1.0' })
  const whole = await ask({ 'accept-encoding': 'gzip' })

  assert.ok(Buffer.isBuffer(small.body) && Buffer.isBuffer(whole.body))
  assert.equal(small.headers?.['Content-Encoding'], 'br')
  assert.equal(whole.headers?.['Content-Encoding'], undefined)
  assert.deepEqual(brotliDecompressSync(small.body), whole.body)
  assert.equal(small.headers?.Vary, 'Accept-Encoding')
})

test('a name full of markup stays text on the sign-in page', async (t) => {
  const portal = await openPortal(t)
  const name = `<img src=x onerror="alert('1')">&`
  const userId = await createUser(portal, portal.operator, { name, role: 'reader' })
  const link = await createSignInLink(portal, portal.operator, userId)

  const page = await send(portal.routes, makeCall({ path: '/login', rawQuery: link.path.split('?')[1] ?? '' }))

  assert.ok(!String(page.body).includes('<img'))
  assert.ok(String(page.body).includes('&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;'))
})
