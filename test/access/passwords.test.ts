import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setPassword } from '../../src/access/credentials/passwords.ts'
import { createSignInLink, createUser, disableUser } from '../../src/access/users.ts'
import { portalRoutes } from '../../src/api/portal/routes.ts'
import type { Answer, Route } from '../../src/api/route.ts'
import type { Store } from '../../src/store/db.ts'
import { databaseKinds, makeStore } from '../support/databases.ts'
import { type Access, makeCall, openAccess, send } from './support.ts'

const password = 'correct horse battery staple'
const headers = { 'sec-fetch-site': 'same-origin' }

interface Site extends Access {
  readonly routes: Route[]
  readonly userId: string
}

async function openSite(t: TestContext, store?: Store): Promise<Site> {
  const access = await openAccess(t, store === undefined ? {} : { store })
  const userId = await createUser(access, access.operator, { name: 'Ada', role: 'responder' })
  return { ...access, userId, routes: portalRoutes(access) }
}

function post(site: Site, fields: Record<string, string>, remoteAddress = '192.0.2.1'): Promise<Answer> {
  const body = new URLSearchParams(fields)
  return send(site.routes, makeCall({ method: 'POST', path: '/login', body, headers, remoteAddress }))
}

async function makeToken(site: Site): Promise<string> {
  return (await createSignInLink(site, site.operator, site.userId)).path.split('=')[1] ?? ''
}

function cookieOf(answer: Answer): string {
  return (answer.headers?.['Set-Cookie'] ?? '').split(';', 1)[0] ?? ''
}

async function isSignedIn(site: Site, cookie: string): Promise<boolean> {
  const answer = await send(site.routes, makeCall({ path: '/auth/session', headers: { cookie } }))
  return JSON.parse(String(answer.body)).signedIn
}

for (const kind of databaseKinds) {
  test(`a password is chosen with the first link and lets its person in from then on (${kind})`, async (t) => {
    const site = await openSite(t, await makeStore(t, kind))
    const token = await makeToken(site)

    const weak = await post(site, { token, password: 'too short' })
    const first = await post(site, { token, password })
    const again = await post(site, { name: '  ADA ', password })
    const wrong = await post(site, { name: 'Ada', password: `${password}x` })
    const nobody = await post(site, { name: 'Eve', password })

    assert.equal(weak.status, 400)
    assert.match(String(weak.body), /At least 15 characters/i)
    assert.deepEqual([first.status, again.status, wrong.status, nobody.status], [303, 303, 403, 403])
    assert.equal(String(wrong.body), String(nobody.body))
    assert.ok(await isSignedIn(site, cookieOf(again)))
    const rows = await site.store.read.selectFrom('passwords').selectAll().execute()
    assert.ok(!JSON.stringify(rows).includes(password))
    assert.match(rows[0]?.hash ?? '', /^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/)
    const signIns = (await site.readAudit()).filter((row) => row.action === 'signIn' && row.decision === 'allowed')
    assert.deepEqual(
      signIns.map((row) => JSON.parse(row.details ?? '{}').by),
      ['link', 'password'],
    )
  })

  test(`two people of one name cannot both sign in with it (${kind})`, async (t) => {
    const site = await openSite(t, await makeStore(t, kind))
    const other = await createUser(site, site.operator, { name: 'ada', role: 'admin' })
    await setPassword(site, site.operator, { userId: site.userId, password, keptSession: null })

    const second = setPassword(site, site.operator, { userId: other, password, keptSession: null })

    await assert.rejects(second, { kind: 'Conflict' })
  })
}

test('ten wrong passwords close a name for ten minutes, from whatever address they come', async (t) => {
  const site = await openSite(t)
  await setPassword(site, site.operator, { userId: site.userId, password, keptSession: null })

  const statuses: number[] = []
  for (let n = 0; n < 10; n++) {
    statuses.push((await post(site, { name: 'Ada', password: 'wrong' }, `192.0.2.${n}`)).status)
  }
  const closed = await post(site, { name: 'Ada', password }, '192.0.2.99')
  const byLink = await post(site, { token: await makeToken(site) })
  site.clock.advance(600)
  const later = await post(site, { name: 'Ada', password }, '192.0.2.99')

  assert.deepEqual(new Set(statuses), new Set([403]))
  assert.deepEqual([closed.status, closed.headers?.['Retry-After']], [429, '600'])
  assert.equal(byLink.status, 303)
  assert.equal(later.status, 303)
})

test('a disabled person’s password lets nobody in, nor does it in another tenant or from another site', async (t) => {
  const site = await openSite(t)
  await setPassword(site, site.operator, { userId: site.userId, password, keptSession: null })
  const body = new URLSearchParams({ name: 'Ada', password })
  const from = { 'sec-fetch-site': 'cross-site' }

  const foreign = await send(site.routes, makeCall({ method: 'POST', path: '/login', body, headers: from }))
  const elsewhere = await post(site, { name: 'Ada', password, tenant: 'nobody.example' })
  await disableUser(site, site.operator, site.userId)
  const disabled = await post(site, { name: 'Ada', password })

  assert.deepEqual([foreign.status, elsewhere.status, disabled.status], [403, 403, 403])
})

test('setting a password takes the current one and ends every other session', async (t) => {
  const site = await openSite(t)
  const cookie = cookieOf(await post(site, { token: await makeToken(site), password }))
  const other = cookieOf(await post(site, { name: 'Ada', password }))
  const state = await send(site.routes, makeCall({ path: '/auth/session', headers: { cookie } }))
  const csrf = JSON.parse(String(state.body)).csrfToken
  const change = (body: unknown, more: Record<string, string> = { 'x-csrf-token': csrf }) =>
    send(
      site.routes,
      makeCall({ method: 'POST', path: '/auth/password', body, headers: { ...headers, cookie, ...more } }),
    )

  await assert.rejects(change({ password: 'another horse battery' }), { kind: 'Forbidden' })
  await assert.rejects(change({ current: 'wrong', password: 'another horse battery' }), { kind: 'Forbidden' })
  await assert.rejects(change({ current: password, password: 'short' }), { kind: 'BadRequest' })
  await assert.rejects(change({ current: password, password: 'another horse battery' }, {}), { kind: 'Forbidden' })
  const changed = await change({ current: password, password: 'another horse battery' })

  assert.equal(changed.status, 204)
  assert.deepEqual([await isSignedIn(site, cookie), await isSignedIn(site, other)], [true, false])
  assert.equal((await post(site, { name: 'Ada', password })).status, 403)
  assert.equal((await post(site, { name: 'Ada', password: 'another horse battery' })).status, 303)
})

test('what is guessed first is no password', async (t) => {
  const site = await openSite(t)
  const set = (text: string, userId = site.userId) =>
    setPassword(site, site.operator, { userId, password: text, keptSession: null })
  const long = await createUser(site, site.operator, { name: 'Grace Hopper', role: 'reader' })

  for (const text of [
    '',
    'fourteen chars',
    'aaaaaaaaaaaaaaaaaaaa',
    'abababababababababab',
    `tab\t${password}`,
    'x'.repeat(257),
  ]) {
    await assert.rejects(set(text), { kind: 'BadRequest' }, text)
  }
  await assert.rejects(set('my name is grace hopper', long), { kind: 'BadRequest' })
  await set('päßwörter aus wörtern')
})
