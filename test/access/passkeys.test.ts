import assert from 'node:assert/strict'
import { test } from 'node:test'
import { removePasskeysOf } from '../../src/access/credentials/passkeys/own.ts'
import { setPassword } from '../../src/access/credentials/passwords.ts'
import { createUser, disableUser } from '../../src/access/users.ts'
import { portalRoutes } from '../../src/api/portal/routes.ts'
import { createAuthenticator } from '../support/authenticator.ts'
import { databaseKinds, makeStore } from '../support/databases.ts'
import {
  add,
  ask,
  askOptions,
  cookieOf,
  enter,
  listOf,
  look,
  makeToken,
  openSite,
  own,
  read,
  refusalOf,
  refusedText,
  type Site,
  signIn,
  signInByLink,
} from './passkey-site.ts'
import { openAccess, origin } from './support.ts'

const password = 'correct horse battery staple'

for (const kind of databaseKinds) {
  test(`a passkey is added, signs its person in, is renamed and removed, each with its entry (${kind})`, async (t) => {
    const site = await openSite(t, await makeStore(t, kind))
    await setPassword(site, site.operator, { userId: site.userId, password, keptSession: null })
    const session = await signInByLink(site)
    const device = createAuthenticator(origin)

    const added = await add(site, session, device, { flags: 5 | 8 | 16, counter: 3 })
    const twice = await refusalOf(add(site, session, device))
    site.clock.advance(60)
    const entered = await signIn(
      site,
      device,
      { flags: 5 | 8, counter: 4 },
      { next: '/x.example/oauth2/v2.0/authorize?a=b' },
    )
    const [row] = await listOf(site, session)
    const renamed = await ask(site, 'PATCH', `/auth/passkeys/${row?.id}`, { name: 'Old laptop' }, session)
    const removed = await ask(site, 'DELETE', `/auth/passkeys/${row?.id}`, undefined, session)
    const after = await refusalOf(signIn(site, device, { counter: 9 }))

    assert.deepEqual([added.status, entered.status, renamed.status, removed.status], [201, 200, 200, 204])
    assert.deepEqual(twice, ['Conflict', 'This passkey is known already.'])
    assert.equal(read(entered).next, '/x.example/oauth2/v2.0/authorize?a=b')
    assert.match(
      entered.headers?.['Set-Cookie'] ?? '',
      /^__Host-session=[\w-]{43}; Path=\/; Max-Age=43200; Secure; HttpOnly/,
    )
    assert.deepEqual(row, {
      id: row?.id,
      name: 'Laptop',
      host: 'localhost',
      createdDateTime: '2026-03-01T10:00:00.0000000Z',
      lastUsedDateTime: '2026-03-01T10:01:00.0000000Z',
      isDeviceBound: false,
      isBackedUp: false,
      transports: ['hybrid', 'internal'],
    })
    assert.deepEqual(after, ['Forbidden', refusedText])
    assert.deepEqual(await listOf(site, session), [])
    // Whoever has the lost device is out as well.
    assert.equal(
      read(await ask(site, 'GET', '/auth/session', undefined, await enter(site, cookieOf(entered)))).signedIn,
      false,
    )
    const entries = (await site.readAudit()).filter(({ action }) => /Passkey$|^signIn$/.test(action))
    assert.deepEqual(
      entries.map(({ action, decision, details }) => [action, decision, JSON.parse(details ?? '{}').by ?? '']),
      [
        ['signIn', 'allowed', 'link'],
        ['addPasskey', 'allowed', ''],
        ['signIn', 'allowed', 'passkey'],
        ['renamePasskey', 'allowed', ''],
        ['removePasskey', 'allowed', ''],
        ['signIn', 'refused', ''],
      ],
    )
  })

  test(`of two answers to one question, and of two with one count, one signs in (${kind})`, async (t) => {
    const site = await openSite(t, await makeStore(t, kind))
    const device = createAuthenticator(origin)
    await add(site, await signInByLink(site), device)
    const path = '/auth/passkeys/sign-in'
    const [question, first, second] = [
      await askOptions(site, path),
      await askOptions(site, path),
      await askOptions(site, path),
    ]

    const sameQuestion = await Promise.allSettled(
      [1, 2].map((counter) => ask(site, 'POST', path, { credential: device.sign(question, { counter }) })),
    )
    const sameCount = await Promise.allSettled(
      [first, second].map((options) => ask(site, 'POST', path, { credential: device.sign(options, { counter: 7 }) })),
    )

    for (const both of [sameQuestion, sameCount]) {
      assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    }
    assert.equal((await site.store.read.selectFrom('passkey_challenges').selectAll().execute()).length, 0)
  })
}

test('adding and removing take a sign-in of the last ten minutes, the page’s own token, and not the last way in', async (t) => {
  const site = await openSite(t)
  const session = await signInByLink(site)
  const device = createAuthenticator(origin)
  await add(site, session, device)
  const [{ id } = { id: '' }] = await listOf(site, session)
  const path = `/auth/passkeys/${id}`

  const last = await refusalOf(ask(site, 'DELETE', path, undefined, session))
  const forged = await refusalOf(ask(site, 'DELETE', path, undefined, { ...session, csrf: 'x' }))
  const foreign = await refusalOf(
    ask(site, 'POST', '/auth/passkeys/sign-in/options', undefined, undefined, {
      headers: { 'sec-fetch-site': 'cross-site' },
    }),
  )
  site.clock.advance(601)
  const stale = await Promise.all([
    refusalOf(ask(site, 'DELETE', path, undefined, session)),
    refusalOf(ask(site, 'POST', '/auth/passkeys/options', undefined, session)),
    refusalOf(ask(site, 'POST', '/auth/password', { password }, session)),
  ])
  const fresh = await enter(site, cookieOf(await signIn(site, device)))
  const changed = await ask(site, 'POST', '/auth/password', { password }, fresh)
  const removed = await ask(site, 'DELETE', path, undefined, fresh)

  assert.deepEqual(last, [
    'Conflict',
    'This is the only way you can sign in. Set a password or add another passkey first.',
  ])
  assert.deepEqual([forged[0], foreign[0]], ['Forbidden', 'Forbidden'])
  assert.deepEqual(new Set(stale.map(([kind]) => kind)), new Set(['StaleSignIn']))
  assert.deepEqual([changed.status, removed.status], [204, 204])
})

test('another person’s passkey is not there to be renamed or removed', async (t) => {
  const site = await openSite(t)
  const session = await signInByLink(site)
  await add(site, session, createAuthenticator(origin))
  const [{ id } = { id: '' }] = await listOf(site, session)
  const eve = await signInByLink(site, await createUser(site, site.operator, { name: 'Eve', role: 'admin' }))
  const before = await look(site)

  const renamed = await refusalOf(ask(site, 'PATCH', `/auth/passkeys/${id}`, { name: 'Mine' }, eve))
  const removed = await refusalOf(ask(site, 'DELETE', `/auth/passkeys/${id}`, undefined, eve))

  assert.deepEqual([renamed[0], removed[0]], ['NotFound', 'NotFound'])
  assert.equal(await look(site), before)
  assert.deepEqual(await listOf(site, eve), [])
})

test('a disabled person’s passkeys are gone; an operator takes all of somebody’s away and ends their sessions', async (t) => {
  const site = await openSite(t)
  const [ada, eve] = [createAuthenticator(origin), createAuthenticator(origin)]
  const eveId = await createUser(site, site.operator, { name: 'Eve', role: 'reader' })
  const session = await signInByLink(site)
  await add(site, session, ada)
  await add(site, await signInByLink(site, eveId), eve)

  await disableUser(site, site.operator, eveId)
  const gone = await removePasskeysOf(site, site.operator, { userId: site.userId, id: null })

  assert.deepEqual(await refusalOf(signIn(site, eve)), ['Forbidden', refusedText])
  assert.deepEqual(await refusalOf(signIn(site, ada)), ['Forbidden', refusedText])
  assert.equal(gone.length, 1)
  assert.equal((await site.store.read.selectFrom('passkeys').selectAll().execute()).length, 0)
  await assert.rejects(ask(site, 'GET', '/auth/passkeys', undefined, session), { kind: 'InvalidAuthenticationToken' })
  const entry = (await site.readAudit()).find(({ action }) => action === 'disableUser')
  assert.equal(JSON.parse(entry?.details ?? '{}').passkeyIds.length, 1)
})

test('a link makes a passkey and a session at once, and stays good until it does', async (t) => {
  const site = await openSite(t)
  const token = await makeToken(site)
  const path = '/auth/passkeys/link'
  const device = createAuthenticator(origin)
  const twisted = {
    name: 'Phone',
    token,
    credential: device.make(await askOptions(site, path, { token }), { flags: 1 }),
  }

  const page = await ask(site, 'GET', '/login', undefined, undefined, { rawQuery: `token=${token}` })
  const refused = await refusalOf(ask(site, 'POST', path, twisted))
  const options = await askOptions(site, path, { token })
  const body = { name: 'Phone', token, credential: device.make(options) }
  const made = await ask(site, 'POST', path, body)
  const again = await refusalOf(ask(site, 'POST', path, body))
  const ended = await ask(site, 'GET', '/login', undefined, undefined, { rawQuery: `token=${token}` })

  assert.match(String(page.body), new RegExp(`data-token="${token}"`))
  assert.equal(refused[0], 'BadRequest')
  assert.deepEqual([made.status, read(made).next], [200, '/'])
  assert.equal((await enter(site, cookieOf(made))).csrf.length, 43)
  assert.deepEqual(again, ['NotFound', 'This link was used before, or has ended.'])
  assert.equal(ended.status, 410)
  assert.equal((await signIn(site, device)).status, 200)
})

test('who signs in with an outside issuer is told where their passkeys are, and gets none here', async (t) => {
  const access = await openAccess(t)
  const contoso = {
    tenantId: access.tenant.id,
    id: access.ids.guid(),
    name: 'Contoso',
    address: 'https://login.example',
  }
  const outside = { ...access.outside, list: async () => [contoso] }
  const userId = await createUser(access, access.operator, { name: 'Ada', role: 'responder' })
  await access.store.transaction((tx) =>
    tx
      .insertInto('identities')
      .values({
        tenant_id: access.tenant.id,
        connector_id: contoso.id,
        issuer: contoso.address,
        user_id: userId,
        subject: '00u1',
        email: null,
        from_groups: 0,
      })
      .execute(),
  )
  const site = { ...access, outside, userId, routes: portalRoutes({ ...access, outside }) }
  const session = await signInByLink(site)
  const token = await makeToken(site)

  const list = read(await ask(site, 'GET', '/auth/passkeys', undefined, session))
  const refused = await refusalOf(ask(site, 'POST', '/auth/passkeys/options', undefined, session))
  const byLink = await refusalOf(ask(site, 'POST', '/auth/passkeys/link/options', { token }))
  const page = await ask(site, 'GET', '/login', undefined, undefined, { rawQuery: `token=${token}` })

  assert.deepEqual(list.issuer, { name: 'Contoso', address: 'https://login.example' })
  const where = ['Conflict', 'You sign in with Contoso, https://login.example: passkeys are made and removed there.']
  assert.deepEqual([refused, byLink], [where, where])
  assert.doesNotMatch(String(page.body), /passkey/i)
})

test('passkeys are bound to a host name: at an IP address the page says so, behind a proxy the published origin counts', async (t) => {
  const site = await openSite(t)
  const published = { ...site, routes: portalRoutes({ ...site, publicOrigins: ['https://cordon.example'] }) }
  const at = (address: string, where: Site = site) =>
    ask(where, 'GET', '/login', undefined, undefined, { origin: address })
  const optionsAt = (address: string, where: Site = site) =>
    ask(where, 'POST', '/auth/passkeys/sign-in/options', undefined, undefined, {
      origin: address,
      headers: own,
    })

  const named = String((await at('https://localhost:8443')).body)
  const bare = await Promise.all(
    ['https://192.0.2.7:8443', 'https://[::1]:8443', 'http://127.0.0.1:8080'].map((one) => at(one)),
  )
  const told = String((await at('https://192.0.2.7:8443', published)).body)
  const refused = await refusalOf(optionsAt('https://192.0.2.7:8443'))
  const plain = read(await optionsAt('http://localhost:8080')).publicKey
  const proxied = read(await optionsAt('http://cordon.example', published)).publicKey

  assert.match(named, /Sign in with a passkey/)
  assert.match(named, /autocomplete="username webauthn"/)
  for (const { body } of bare) {
    assert.match(String(body), /no passkeys at a bare IP address/)
    assert.doesNotMatch(String(body), /Sign in with a passkey|webauthn|<script/)
  }
  assert.match(told, /<a href="https:\/\/cordon\.example\/login">/)
  assert.equal(refused[0], 'BadRequest')
  assert.equal(Object(plain).rpId, 'localhost')
  assert.equal(Object(proxied).rpId, 'cordon.example')
})
