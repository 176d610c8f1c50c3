import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createUser } from '../../src/access/users.ts'
import { portalRoutes } from '../../src/api/portal/routes.ts'
import type { Call } from '../../src/api/route.ts'
import type { ErrorName } from '../../src/model/errors.ts'
import { certifiedAttestation, createAuthenticator, type Twist } from '../support/authenticator.ts'
import {
  add,
  ask,
  askOptions,
  look,
  openSite,
  overText,
  refusalOf,
  refusedText,
  type Site,
  signIn,
  signInByLink,
} from './passkey-site.ts'
import { openAccess, origin } from './support.ts'

const otherHandle = Buffer.from('11111111-1111-4111-8111-111111111111').toString('base64url')
const flip = (signature: Buffer): Buffer => {
  const bent = Buffer.from(signature)
  bent[bent.length - 1] = (bent[bent.length - 1] ?? 0) ^ 1
  return bent
}

const hostile: readonly (readonly [about: string, twist: Twist, reason: RegExp])[] = [
  ['of another origin', { origin: 'https://evil.example' }, /origin "https:\/\/evil\.example"/],
  ['of another port of the host', { origin: 'https://localhost:9443' }, /origin "https:\/\/localhost:9443"/],
  ['for another relying party', { rpId: 'evil.example' }, /RP ID/],
  ['with another person’s handle', { userHandle: otherHandle }, /another person than it says/],
  ['with a bent signature', { signature: flip }, /signature is wrong/],
  ['without proof of who used it', { flags: 1 }, /could not be verified/],
  ['without anybody present', { flags: 0 }, /not present/],
  ['of a registration', { type: 'webauthn.create' }, /type: webauthn\.create/],
  ['from inside another site’s page', { crossOrigin: true }, /inside the page/],
  ['that counted back', { counter: 4 }, /counted 4 after 5: it may have a double/],
  ['that counted the same again', { counter: 5 }, /counted 5 after 5/],
  ['that stopped counting', { counter: 0 }, /counted 0 after 5/],
]

test('an answer that is not what was asked for signs nobody in, changes nothing, and its reason stands in the log alone', async (t) => {
  const site = await openSite(t)
  const device = createAuthenticator(origin)
  await add(site, await signInByLink(site), device, { counter: 5 })
  const before = await look(site)

  for (const [about, twist, reason] of hostile) {
    const refused = await refusalOf(signIn(site, device, { counter: 6, ...twist }))
    assert.deepEqual(refused, ['Forbidden', refusedText], about)
    assert.equal(await look(site), before, about)
    const entry = (await site.readAudit()).at(-1)
    assert.deepEqual([entry?.action, entry?.decision, entry?.object_id], ['signIn', 'refused', site.userId], about)
    assert.match(entry?.reason ?? '', reason, about)
    site.clock.advance(1)
  }
  const unknown = await refusalOf(signIn(site, createAuthenticator(origin), { userHandle: otherHandle }))
  const other = await refusalOf(
    signIn(site, device, { counter: 6 }, { userId: '11111111-1111-4111-8111-111111111111' }),
  )
  const unchanged = await look(site)

  assert.deepEqual(
    [unknown, other],
    [
      ['Forbidden', refusedText],
      ['Forbidden', refusedText],
    ],
  )
  assert.equal(unchanged, before)
  assert.equal((await signIn(site, device, { counter: 6 }, { userId: site.userId })).status, 200)
  const codes = (await site.readAudit()).filter(({ decision }) => decision === 'refused').map(({ code }) => code)
  assert.equal(codes.filter((code) => code === 'PasskeyCountedBack').length, 3)
})

test('a question is good once, for five minutes, at its address and for its purpose', async (t) => {
  const site = await openSite(t)
  const device = createAuthenticator(origin)
  const session = await signInByLink(site)
  await add(site, session, device)
  const path = '/auth/passkeys/sign-in'
  const answer = async (options: unknown, more: Partial<Call> = {}, twist: Twist = {}) =>
    ask(site, 'POST', path, { credential: device.sign(options, twist) }, undefined, more)

  const used = await askOptions(site, path)
  const first = await answer(used)
  const before = await look(site)
  const replayed = await refusalOf(answer(used))
  const late = await askOptions(site, path)
  site.clock.advance(300)
  const over = await refusalOf(answer(late))
  const invented = await refusalOf(answer({ challenge: 'a'.repeat(43) }))
  const forAdding = await askOptions(site, '/auth/passkeys', undefined, session)
  const crossed = await refusalOf(answer(forAdding))
  const elsewhere = 'https://cordon.example'
  const taken = await refusalOf(
    answer(await askOptions(site, path), { origin: elsewhere }, { origin: elsewhere, rpId: 'cordon.example' }),
  )

  assert.equal(first.status, 200)
  for (const refused of [replayed, over, invented, crossed, taken]) assert.deepEqual(refused, ['Forbidden', overText])
  assert.equal(await look(site), before)
})

const badMakes: readonly (readonly [about: string, twist: Twist, message: RegExp])[] = [
  ['another origin', { origin: 'https://evil.example' }, /not taken: .*origin "https:\/\/evil\.example"/],
  ['another relying party', { rpId: 'evil.example' }, /not taken: .*RP ID/],
  ['nobody verified', { flags: 1 }, /not taken: .*could not be verified/],
  ['a sign-in', { type: 'webauthn.get' }, /not taken: .*type: webauthn\.get/],
  ['a framed page', { crossOrigin: true }, /not taken: it was made inside the page of another site/],
  ['an invented question', { challenge: 'a'.repeat(43) }, /not taken: its question has ended/],
  [
    'a certificate whose revocation would be looked up',
    { attestation: certifiedAttestation('packed', Buffer.from([0x30, 0])) },
    /not taken: it comes with a statement about its maker/,
  ],
]

test('a new passkey that was made elsewhere, for others or without its user is not taken', async (t) => {
  const site = await openSite(t)
  const session = await signInByLink(site)
  const before = await look(site)

  for (const [about, twist, message] of badMakes) {
    const [kind, text] = await refusalOf(add(site, session, createAuthenticator(origin), twist))
    assert.equal(kind, 'BadRequest', about)
    assert.match(text, message, about)
  }
  const eve = await createUser(site, site.operator, { name: 'Eve', role: 'reader' })
  const mine = await askOptions(site, '/auth/passkeys', undefined, session)
  const body = { name: 'Key', credential: createAuthenticator(origin).make(mine) }
  const eveSession = await signInByLink(site, eve)
  const stolen = await refusalOf(ask(site, 'POST', '/auth/passkeys', body, eveSession))
  const malformed = await Promise.all(
    [{}, { type: 'public-key' }, { ...body.credential, id: 'x y' }, { ...body.credential, response: {} }, null].map(
      (credential) => refusalOf(ask(site, 'POST', '/auth/passkeys', { name: 'Key', credential }, session)),
    ),
  )

  assert.match(stolen[1], /its question has ended/)
  assert.deepEqual(new Set(malformed.map(([kind]) => kind)), new Set(['BadRequest']))
  assert.equal((await site.store.read.selectFrom('passkeys').selectAll().execute()).length, 0)
  assert.deepEqual(JSON.parse(before)[0], [])
})

test('questions are the same for everybody, and nobody gets them without end', async (t) => {
  const site = await openSite(t)
  await add(site, await signInByLink(site), createAuthenticator(origin))

  const { challenge, ...rest } = Object(await askOptions(site, '/auth/passkeys/sign-in'))
  let asked = 1
  for (; asked < 120; asked++) await askOptions(site, '/auth/passkeys/sign-in')
  const flood = await refusalOf(ask(site, 'POST', '/auth/passkeys/sign-in/options'))
  site.clock.advance(61)
  await askOptions(site, '/auth/passkeys/sign-in')
  site.clock.advance(300)
  await askOptions(site, '/auth/passkeys/sign-in')

  assert.match(challenge, /^[\w-]{43}$/)
  assert.deepEqual(rest, { rpId: 'localhost', timeout: 300_000, userVerification: 'required' })
  assert.deepEqual(flood, ['TooManyRequests', 'Too many attempts.'])
  const kept = await site.store.read.selectFrom('passkey_challenges').selectAll().execute()
  assert.equal(kept.length, 1)
  assert.ok(!JSON.stringify(kept).includes(challenge))
})

test('wrong passkeys count as wrong passwords do: an address that has failed too often waits', async (t) => {
  const site = await openAccess(t, { perMinute: 3 })
  const routes = portalRoutes(site)
  const place: Site = { ...site, routes, userId: '' }
  const device = createAuthenticator(origin)
  const refused: ErrorName[] = []

  for (let n = 0; n < 4; n++) refused.push((await refusalOf(signIn(place, device, { userHandle: otherHandle })))[0])

  assert.deepEqual(refused, ['Forbidden', 'Forbidden', 'Forbidden', 'TooManyRequests'])
})
