import assert from 'node:assert/strict'
import { createHash, createHmac, type KeyObject } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { linkIdentity } from '../../src/access/outside/link.ts'
import { createUser, disableUser } from '../../src/access/users.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import { type Cordon, type Reply, startCordon } from '../support/cordon.ts'
import { databaseKinds } from '../support/databases.ts'
import { type FakeIssuer, startFakeIssuer, strangerKey } from '../support/fake-issuer.ts'
import { receiverTls } from '../support/receiver.ts'

type Kind = (typeof databaseKinds)[number]

const clientId = 'cordon-portal'
const apiAudience = 'api://cordon-at-contoso'

interface Site {
  readonly cordon: Cordon
  readonly fake: FakeIssuer
  /** The connector's id. */
  readonly id: string
}

async function openSite(t: TestContext, settings: object = {}, databaseKind: Kind = 'sqlite'): Promise<Site> {
  const { ca } = await receiverTls()
  const fake = await startFakeIssuer(t)
  const cordon = await startCordon(t, { databaseKind, outbound: { allow: ['127.0.0.2/32:*'], ca } })
  const id = await setUp(cordon, fake, {
    groupsClaim: 'groups',
    roles: [{ group: 'soc', role: 'responder' }],
    ...settings,
  })
  return { cordon, fake, id }
}

async function setUp(cordon: Cordon, fake: FakeIssuer, settings: object, name = 'Contoso'): Promise<string> {
  const admin = await cordon.as('admin')
  const body = { kind: 'oidc', name, settings: { issuer: fake.issuer, clientId, ...settings } }
  const made = await admin.post('/api/v1/connectors', body)
  assert.equal(made.status, 201, made.text)
  return made.body.id
}

/** A sign-in that was begun: what the browser keeps, and what the issuer was told. */
interface Attempt {
  readonly cookie: string
  readonly state: string
  readonly nonce: string
  readonly challenge: string
  readonly callback: string
}

async function begin({ cordon, id }: Site, next = ''): Promise<Attempt> {
  const base = `/auth/issuers/${cordon.tenantId}/${id}`
  const answer = await cordon.anonymous.get(`${base}/start?next=${encodeURIComponent(next)}`)
  assert.equal(answer.status, 303, answer.text)
  const asked = new URL(String(answer.headers.location)).searchParams
  const { state, nonce, code_challenge: challenge, redirect_uri } = Object.fromEntries(asked)
  assert.equal(redirect_uri, `${cordon.url}${base}/callback`)
  assert.equal(asked.get('code_challenge_method'), 'S256')
  const cookie = String(answer.headers['set-cookie']).split(';', 1)[0] ?? ''
  return { cookie, state: state ?? '', nonce: nonce ?? '', challenge: challenge ?? '', callback: `${base}/callback` }
}

function claimsOf({ fake }: Site, attempt: Attempt): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1_000)
  const person = { sub: 'ada-1', name: 'Ada', groups: ['soc'] }
  return { iss: fake.issuer, aud: clientId, iat: now, exp: now + 300, nonce: attempt.nonce, ...person }
}

interface Twist {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly query?: Readonly<Record<string, string>>
  readonly cookie?: string
  readonly challenge?: string
  readonly signedBy?: KeyObject
}

/** The browser comes back with an answer that is as it should be but for the twist. */
function comeBack(site: Site, attempt: Attempt, twist: Twist = {}): Promise<Reply> {
  const claims = { ...claimsOf(site, attempt), ...twist.claims }
  site.fake.offer('code-1', twist.challenge ?? attempt.challenge, claims, twist.signedBy)
  const query = new URLSearchParams({ code: 'code-1', state: attempt.state, ...twist.query })
  return site.cordon.anonymous.get(`${attempt.callback}?${query}`, { Cookie: twist.cookie ?? attempt.cookie })
}

function opensSession(answer: Reply): boolean {
  return String(answer.headers['set-cookie']).includes('__Host-session=')
}

for (const kind of databaseKinds) {
  test(`an issuer’s answer opens a session in the browser that asked, and the same answer opens none again (${kind})`, async (t) => {
    const site = await openSite(t, {}, kind)
    const attempt = await begin(site)

    const answer = await comeBack(site, attempt)
    const query = new URLSearchParams({ code: 'code-1', state: attempt.state })
    const replayed = await site.cordon.anonymous.get(`${attempt.callback}?${query}`, { Cookie: attempt.cookie })

    assert.deepEqual([answer.status, answer.headers.location, opensSession(answer)], [303, '/', true], answer.text)
    assert.deepEqual([replayed.status, opensSession(replayed)], [403, false])
    assert.match(replayed.text, /InvalidGrant/)
    const failures = await site.cordon.store.read.selectFrom('audit').select(['action', 'decision']).execute()
    assert.equal(failures.filter(({ action, decision }) => action === 'signIn' && decision === 'refused').length, 1)
  })

  test(`two first sign-ins of one person at once make one person (${kind})`, async (t) => {
    const site = await openSite(t, {}, kind)
    const attempts = [await begin(site), await begin(site)]

    const answers = await Promise.all(
      attempts.map((attempt, n) => {
        site.fake.offer(`code-${n}`, attempt.challenge, claimsOf(site, attempt))
        const query = new URLSearchParams({ code: `code-${n}`, state: attempt.state })
        return site.cordon.anonymous.get(`${attempt.callback}?${query}`, { Cookie: attempt.cookie })
      }),
    )

    assert.deepEqual(
      answers.map(({ status }) => status),
      [303, 303],
    )
    const people = await site.cordon.store.read.selectFrom('users').select('name').where('name', '=', 'Ada').execute()
    assert.equal(people.length, 1)
  })
}

test('every answer that does not hold is refused, and opens no session', async (t) => {
  const site = await openSite(t)
  const past = Math.floor(Date.now() / 1_000) - 3_600
  const other = await begin(site)
  const cases: Record<string, Twist | ((attempt: Attempt) => Twist)> = {
    'another state': { query: { state: other.state } },
    'no state': { query: { state: '' } },
    'no cookie': { cookie: '' },
    'the cookie of another attempt': { cookie: other.cookie },
    'an end that was put off': (attempt) => {
      const [secret, end, next] = attempt.cookie.split('.')
      return { cookie: `${secret}.${Number(end) + 600}.${next}` }
    },
    'a code of another browser': { challenge: other.challenge },
    'another nonce': { claims: { nonce: other.nonce } },
    'no nonce': { claims: { nonce: undefined } },
    'another audience': { claims: { aud: 'somebody-else' } },
    'another issuer in the token': { claims: { iss: 'https://evil.example' } },
    'another issuer in the answer': { query: { iss: 'https://evil.example' } },
    'a token that is over': { claims: { exp: past, iat: past - 300 } },
    'a token of another key': { signedBy: strangerKey },
    'no subject': { claims: { sub: undefined } },
    'an error': { query: { error: 'access_denied' } },
    'no group that is set up': { claims: { sub: 'eve', groups: ['everybody'] } },
    'a group like another': { claims: { sub: 'eve', groups: 'SOC' } },
  }

  for (const [name, twist] of Object.entries(cases)) {
    const attempt = await begin(site)
    const answer = await comeBack(site, attempt, typeof twist === 'function' ? twist(attempt) : twist)
    assert.deepEqual([answer.status, opensSession(answer)], [403, false], name)
  }
  const people = await site.cordon.store.read.selectFrom('users').select('name').execute()
  assert.deepEqual(
    people.map(({ name }) => name),
    ['admin'],
  )
})

test('an attempt is over after ten minutes, also when the browser keeps its cookie', async (t) => {
  const site = await openSite(t)
  const { callback } = await begin(site)
  const secret = 'x'.repeat(43)
  const endsAt = Math.floor(Date.now() / 1_000) - 1
  const of = (use: string): string =>
    createHmac('sha256', secret).update(`${use} ${site.cordon.tenantId} ${site.id} ${endsAt}`).digest('base64url')
  const challenge = createHash('sha256').update(of('verifier')).digest('base64url')
  const cookie = `__Host-sign-in=${secret}.${endsAt}.`

  const late = { cookie, state: of('state'), nonce: of('nonce'), challenge, callback }
  const answer = await comeBack(site, late)

  assert.deepEqual([answer.status, opensSession(answer), site.fake.redeemed()], [403, false, 0])
  assert.match(answer.text, /NoAttempt/)
})

test('an answer of one issuer is none of another’s: each has an address and an attempt of its own', async (t) => {
  const site = await openSite(t)
  const evil = await startFakeIssuer(t)
  const roles = [{ group: 'soc', role: 'responder' }]
  const evilId = await setUp(site.cordon, evil, { groupsClaim: 'groups', roles }, 'Evil')
  const attempt = await begin(site)
  site.fake.offer('code-1', attempt.challenge, claimsOf(site, attempt))
  const query = new URLSearchParams({ code: 'code-1', state: attempt.state, iss: site.fake.issuer })
  const path = `/auth/issuers/${site.cordon.tenantId}/${evilId}/callback?${query}`

  const answer = await site.cordon.anonymous.get(path, { Cookie: attempt.cookie })

  assert.deepEqual([answer.status, opensSession(answer)], [403, false])
  assert.deepEqual([evil.redeemed(), site.fake.redeemed()], [0, 0], 'the code went nowhere')
})

test('an issuer that the rules for outbound connections do not let us reach is never asked', async (t) => {
  const fake = await startFakeIssuer(t)
  const cordon = await startCordon(t)
  const id = await setUp(cordon, fake, {})

  const answer = await cordon.anonymous.get(`/auth/issuers/${cordon.tenantId}/${id}/start`)

  assert.equal(answer.status, 403)
  assert.match(answer.text, /OutboundRefused/)
})

test('a discovery document of another issuer, or one that leads to plain http, is not followed', async (t) => {
  for (const members of [
    { issuer: 'https://evil.example' },
    { authorization_endpoint: 'http://127.0.0.2/authorize' },
  ]) {
    const site = await openSite(t)
    site.fake.describe(members)
    const answer = await site.cordon.anonymous.get(`/auth/issuers/${site.cordon.tenantId}/${site.id}/start`)
    assert.equal(answer.status, 403, JSON.stringify(members))
  }
})

test('settings that would make an admin, or take an ID token for an access token, are refused', async (t) => {
  const site = await openSite(t)
  const admin = await site.cordon.as('admin')
  const issuer = site.fake.issuer
  const cases: [settings: object, target: string][] = [
    [{ issuer, clientId, groupsClaim: 'groups', roles: [{ group: 'x', role: 'admin' }] }, 'settings.roles[0].role'],
    [{ issuer, clientId, roles: [{ group: 'x', role: 'reader' }] }, 'settings.groupsClaim'],
    [{ issuer, clientId, apiAudience: clientId }, 'settings.apiAudience'],
    [{ issuer, clientId, scopes: ['profile'] }, 'settings.scopes'],
    [{ issuer: 'http://login.example', clientId }, 'settings.issuer'],
    [{ issuer: 'https://u:p@login.example', clientId }, 'settings.issuer'],
  ]

  for (const [settings, target] of cases) {
    const answer = await admin.post('/api/v1/connectors', { kind: 'oidc', name: 'x', settings })
    assert.deepEqual([answer.status, answer.body.error.target], [400, target], answer.text)
  }
})

for (const kind of databaseKinds) {
  test(`an access token of the issuer acts for the person it names, with the role they have here (${kind})`, async (t) => {
    const site = await openSite(t, { apiAudience }, kind)
    const { cordon, fake } = site
    const access = { store: cordon.store, clock: systemClock, ids: randomIds }
    const actor = { tenantId: cordon.tenantId, id: 'test', kind: 'system', name: 'test' } as const
    const userId = await createUser(access, actor, { name: 'Grace', role: 'reader' })
    await linkIdentity(access, actor, { userId, issuer: 'Contoso', subject: 'grace-1' })
    const now = Math.floor(Date.now() / 1_000)
    const claims = { iss: fake.issuer, aud: apiAudience, sub: 'grace-1', iat: now, exp: now + 300 }
    const get = (token: string) => cordon.withToken(token).get('/v1.0/security/incidents?$top=1')
    const good = cordon.withToken(fake.sign(claims, { typ: 'at+jwt' }))

    const reading = await good.get('/v1.0/security/incidents?$top=1')
    const writing = await good.patch('/v1.0/security/incidents/1', { status: 'resolved' })
    const bad: Record<string, string> = {
      'an ID token': fake.sign({ ...claims, aud: clientId }),
      'several audiences': fake.sign({ ...claims, aud: [apiAudience, 'x'] }),
      'another issuer': fake.sign({ ...claims, iss: 'https://evil.example' }),
      over: fake.sign({ ...claims, exp: now - 120 }),
      'not yet': fake.sign({ ...claims, nbf: now + 600 }),
      'no end': fake.sign({ ...claims, exp: undefined }),
      'nobody here': fake.sign({ ...claims, sub: 'eve' }),
      'another type': fake.sign(claims, { typ: 'logout+jwt' }),
      'another key': fake.sign(claims, {}, strangerKey),
      'no algorithm': `${fake.sign(claims, { alg: 'none' }).split('.').slice(0, 2).join('.')}.`,
    }

    assert.deepEqual([reading.status, writing.status], [200, 403], reading.text)
    for (const [name, token] of Object.entries(bad)) {
      const answer = await get(token)
      assert.deepEqual([answer.status, answer.body.error.code], [401, 'InvalidAuthenticationToken'], name)
    }
    await disableUser(access, actor, userId)
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    assert.equal((await good.get('/v1.0/security/incidents?$top=1')).status, 401)
  })
}
