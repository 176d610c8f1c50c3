import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPasswordHasher } from '../../src/access/credentials/password-hash.ts'
import { setPassword } from '../../src/access/credentials/passwords.ts'
import { linkIdentity } from '../../src/access/outside/link.ts'
import { createSignInLink, createUser, disableUser } from '../../src/access/users.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import type { RoleName } from '../../src/model/permissions.ts'
import type { Actor } from '../../src/store/record.ts'
import { type Client, type Cordon, type Reply, startCordon } from '../support/cordon.ts'
import { databaseKinds } from '../support/databases.ts'
import { giveTenant } from '../support/given.ts'
import { waitUntil } from '../support/site.ts'

/** Somebody signed in, as the page in their browser is. */
interface Browser {
  readonly id: string
  state(): Promise<Reply['body']>
  /** @param tenant id; empty: their own */
  draw(tenant?: string): Promise<Reply>
  at(tenant: string): Promise<Client>
  signOut(): Promise<Reply>
}

function accessOf({ store }: Cordon) {
  return { store, clock: systemClock, ids: randomIds, hasher: createPasswordHasher() }
}

function operatorOf(tenantId: string): Actor {
  return { tenantId, id: 'test', kind: 'system', name: 'test' }
}

async function openBrowser(cordon: Cordon, tenantId: string, role: RoleName, name: string): Promise<Browser> {
  const access = accessOf(cordon)
  const id = await createUser(access, operatorOf(tenantId), { name, role })
  const link = await createSignInLink(access, operatorOf(tenantId), id)
  const own = { 'Sec-Fetch-Site': 'same-origin' }
  const form = { ...own, 'Content-Type': 'application/x-www-form-urlencoded' }
  const login = await cordon.anonymous.send('POST', '/login', link.path.split('?')[1] ?? '', form)
  const cookie = { Cookie: String(login.headers['set-cookie']).split(';', 1)[0] ?? '' }
  const state = async () => (await cordon.anonymous.get('/auth/session', cookie)).body
  const csrf = { ...own, ...cookie, 'X-CSRF-Token': (await state()).csrfToken }
  const draw: Browser['draw'] = (tenant = '') =>
    cordon.anonymous.post(`/auth/token${tenant === '' ? '' : `?tenant=${tenant}`}`, undefined, csrf)
  return {
    id,
    state,
    draw,
    at: async (tenant) => cordon.withToken((await draw(tenant)).body.access_token),
    signOut: () => cordon.anonymous.post('/auth/sign-out', undefined, csrf),
  }
}

const incidents = '/beta/security/incidents?$select=displayName'

async function namesOf(client: Client): Promise<string[]> {
  const { status, text, body } = await client.get(incidents)
  assert.equal(status, 200, text)
  return body.value.map((one: { displayName: string }) => one.displayName).sort()
}

/** A provider with a person, and two customers of whom each has an incident and an admin. */
async function openWorld(t: Parameters<typeof startCordon>[0], databaseKind: (typeof databaseKinds)[number]) {
  const cordon = await startCordon(t, { databaseKind })
  const [acme, birch] = [
    await giveTenant(cordon, await cordon.createTenant('Acme')),
    await giveTenant(cordon, await cordon.createTenant('Birch')),
  ]
  const home = await giveTenant(cordon, cordon.tenantId)
  for (const [tenant, displayName] of [
    [home, 'of the provider'],
    [acme, 'of Acme'],
    [birch, 'of Birch'],
  ] as const) {
    await tenant.incident({ displayName })
  }
  const olga = await openBrowser(cordon, cordon.tenantId, 'expert', 'Olga')
  const put = (client: Client, personId: string, role: string): Promise<Reply> =>
    client.send('PUT', `/api/v1/members/${personId}`, JSON.stringify({ role }), { 'Content-Type': 'application/json' })
  return { cordon, home, acme, birch, olga, put }
}

async function auditOf({ store }: Cordon, tenantId: string, actions: readonly string[]): Promise<string[]> {
  const rows = await store.read
    .selectFrom('audit')
    .select(['action', 'actor_name'])
    .where('tenant_id', '=', tenantId)
    .where('action', 'in', actions)
    .orderBy('seq')
    .execute()
  return rows.map(({ action, actor_name }) => `${action} by ${actor_name}`)
}

for (const kind of databaseKinds) {
  test(`a person with roles in two tenants sees the rows of the one a token names, until that ends (${kind})`, async (t) => {
    const { cordon, home, acme, birch, olga, put } = await openWorld(t, kind)
    const admin = await acme.as('admin')
    const before = await olga.draw(acme.id)

    const added = await put(admin, olga.id, 'responder')
    await put(await birch.as('admin'), olga.id, 'reader')
    const { tenants } = await olga.state()
    const [own, atAcme, atBirch] = [await olga.at(home.id), await olga.at(acme.id), await olga.at(birch.id)]
    const seen = [await namesOf(own), await namesOf(atAcme), await namesOf(atBirch)]
    const [foreign] = (await atBirch.get(incidents)).body.value
    const across = await atAcme.get(`/beta/security/incidents/${foreign.id}`)
    const refused = await atBirch.patch(`/beta/security/incidents/${foreign.id}`, { status: 'inProgress' })
    await olga.at(acme.id)
    const removed = await admin.send('DELETE', `/api/v1/members/${olga.id}`)
    await waitUntil(async () => (await atAcme.get(incidents)).status === 401)
    const after = await olga.draw(acme.id)

    assert.deepEqual([before.status, before.body.error.code], [404, 'NotFound'])
    assert.equal(added.body.name, 'Olga (default)')
    assert.deepEqual(
      tenants.map((one: Reply['body']) => [one.name, one.code, one.mark, one.user.name, one.user.role]),
      [
        ['default', 'default', 0, 'Olga', 'expert'],
        ['Acme', 'acme', 1, 'Olga (default)', 'responder'],
        ['Birch', 'birch', 2, 'Olga (default)', 'reader'],
      ],
    )
    assert.deepEqual(seen, [['of the provider'], ['of Acme'], ['of Birch']])
    assert.equal(across.status, 404)
    assert.equal(refused.status, 403)
    assert.deepEqual([removed.status, after.status, after.text.includes('Acme')], [204, 404, false])
    assert.deepEqual(await namesOf(atBirch), ['of Birch'])
    assert.deepEqual(
      (await olga.state()).tenants.map((one: Reply['body']) => one.code),
      ['default', 'birch'],
    )
    assert.deepEqual(await auditOf(cordon, acme.id, ['addMember', 'signIn', 'removeMember']), [
      'addMember by API-App:admin test',
      'signIn by Olga (default)',
      'removeMember by API-App:admin test',
    ])
  })

  test(`whoever comes back is the same person as before, in the log twice (${kind})`, async (t) => {
    const { cordon, acme, olga, put } = await openWorld(t, kind)
    const admin = await acme.as('admin')
    const first = await put(admin, olga.id, 'responder')
    await olga.at(acme.id)
    await admin.send('DELETE', `/api/v1/members/${olga.id}`)

    const again = await put(admin, olga.id, 'reader')
    const other = await put(admin, olga.id, 'expert')
    const same = await put(admin, olga.id, 'expert')
    const client = await olga.at(acme.id)

    assert.deepEqual([again.body.userId, again.body.role], [first.body.userId, 'reader'])
    assert.deepEqual([other.body.role, same.body.role], ['expert', 'expert'])
    assert.deepEqual(await namesOf(client), ['of Acme'])
    const all = await auditOf(cordon, acme.id, ['addMember', 'changeMember', 'removeMember', 'signIn'])
    assert.deepEqual(
      all.map((line) => line.split(' ')[0]),
      ['addMember', 'signIn', 'removeMember', 'addMember', 'changeMember', 'signIn'],
    )
  })

  test(`signing out, and being disabled at home, ends it in every tenant (${kind})`, async (t) => {
    const { cordon, home, acme, birch, olga, put } = await openWorld(t, kind)
    const pia = await openBrowser(cordon, home.id, 'expert', 'Pia')
    for (const tenant of [acme, birch]) {
      for (const { id } of [olga, pia]) await put(await tenant.as('admin'), id, 'responder')
    }
    const tokens = [await olga.at(acme.id), await olga.at(birch.id), await pia.at(acme.id)]

    await olga.signOut()
    await disableUser(accessOf(cordon), operatorOf(home.id), pia.id)
    const ended = async (client: Client): Promise<boolean> => (await client.get(incidents)).status === 401
    for (const client of tokens) await waitUntil(() => ended(client))

    const left = await (await birch.as('admin')).get('/api/v1/members')
    assert.deepEqual(
      left.body.value.map((one: Reply['body']) => one.name),
      ['Olga (default)'],
    )
    assert.deepEqual(await auditOf(cordon, birch.id, ['removeMember']), ['removeMember by Cordon'])
  })
}

test('nobody gives themselves a role, and only an admin gives one, in their own tenant', async (t) => {
  const { cordon, home, acme, birch, olga, put } = await openWorld(t, 'sqlite')
  await put(await acme.as('admin'), olga.id, 'admin')
  const visitor = await olga.at(acme.id)
  const boss = await openBrowser(cordon, acme.id, 'admin', 'Ben')
  const ben = await boss.at(acme.id)
  const pia = await openBrowser(cordon, home.id, 'expert', 'Pia')
  const visiting = (await (await acme.as('admin')).get('/api/v1/members')).body.value[0].userId

  const answers = [
    await put(visitor, olga.id, 'expert'),
    await put(ben, boss.id, 'expert'),
    await put(await olga.at(home.id), olga.id, 'admin'),
    await put(await acme.as('expert'), pia.id, 'reader'),
    // Whoever stands for somebody is nobody to be let in further on.
    await put(await birch.as('admin'), visiting, 'reader'),
    await put(visitor, pia.id, 'reader'),
  ]
  const others = await (await birch.as('admin')).send('DELETE', `/api/v1/members/${olga.id}`)

  assert.deepEqual(
    answers.map(({ status }) => status),
    [403, 409, 403, 403, 404, 200],
  )
  assert.equal(others.status, 404)
  assert.deepEqual(await namesOf(visitor), ['of Acme'])
})

test('who is from another tenant can be given no way to sign in here', async (t) => {
  const { cordon, acme, olga, put } = await openWorld(t, 'sqlite')
  const { userId } = (await put(await acme.as('admin'), olga.id, 'responder')).body
  const access = accessOf(cordon)
  const operator = operatorOf(acme.id)
  const issuer = await (await acme.as('admin')).post('/api/v1/connectors', {
    kind: 'oidc',
    name: 'Elsewhere',
    settings: { issuer: 'https://issuer.example', clientId: 'cordon' },
  })
  assert.equal(issuer.status, 201, issuer.text)
  const password = 'several words make a good one'

  const ways = [
    () => createSignInLink(access, operator, userId),
    () => setPassword(access, operator, { userId, password, keptSession: null }),
    () => linkIdentity(access, operator, { userId, issuer: 'Elsewhere', subject: 'olga' }),
  ]

  for (const way of ways) await assert.rejects(way(), { kind: 'Conflict' })
})
