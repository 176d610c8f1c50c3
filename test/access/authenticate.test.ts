import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import { createApplication, revokeApplication } from '../../src/access/applications.ts'
import { createAuthenticator } from '../../src/access/authenticate.ts'
import { issueToken } from '../../src/access/issue.ts'
import type { TokenKey } from '../../src/io/secrets.ts'
import { CordonError } from '../../src/model/errors.ts'
import { type Permission, rolePermissions } from '../../src/model/permissions.ts'
import { type Access, makeAuthorized, openAccess, origin } from './support.ts'

interface Subject {
  readonly tenantId: string
  readonly id: string
}

async function createSubject(access: Access, role = 'responder'): Promise<Subject> {
  const made = await access.createClient(role)
  return { tenantId: made.tenantId, id: made.clientId }
}

async function issue(access: Access, { tenantId, id }: Subject): Promise<string> {
  const subject = { kind: 'application', tenantId, id, name: 'responder client', role: 'responder' } as const
  return (await issueToken(access, origin, subject)).token
}

/** Claims as the server writes them, to be bent by a test. */
function claimsOf(access: Access, { tenantId, id }: Subject): Record<string, unknown> {
  const now = access.clock.nowMs() / 1_000
  const time = { iat: now, nbf: now, exp: now + 3_600 }
  const names = { tid: tenantId, oid: id, sub: id, appid: id, azp: id, idtyp: 'app', ver: '2.0', jti: 'x' }
  return { ...time, ...names, iss: `${origin}/${tenantId}/v2.0`, aud: 'api://cordon', roles: rolePermissions.responder }
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Builds a token by hand: whatever header, whatever claims, signed ES256 by `key`. */
function forge(key: KeyObject, header: object, claims: object): string {
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

async function refusalOf(access: Access, authorization: string | undefined): Promise<CordonError> {
  try {
    await access.authenticate(makeAuthorized(authorization))
  } catch (cause) {
    assert.ok(cause instanceof CordonError)
    return cause
  }
  assert.fail('the request was let in')
}

test('a token names its application, its tenant and the permissions of its role', async (t) => {
  const access = await openAccess(t)
  const subject = await createSubject(access)
  const call = makeAuthorized(`Bearer ${await issue(access, subject)}`)

  const caller = await access.authenticate(call)

  assert.deepEqual(caller, {
    tenantId: access.tenant.id,
    id: subject.id,
    kind: 'application',
    name: 'API-App:responder client',
    requestId: call.requestId,
    clientRequestId: call.clientRequestId,
    permissions: new Set(rolePermissions.responder),
  })
})

test('a token carries the documented claims for an hour', async (t) => {
  const access = await openAccess(t)
  const subject = await createSubject(access)

  const [header = '', payload = ''] = (await issue(access, subject)).split('.')

  const now = access.clock.nowMs() / 1_000
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  const { jti, ...claims } = read(payload)
  assert.deepEqual(read(header), { alg: 'ES256', kid: access.tokenKeys[0].kid, typ: 'JWT' })
  assert.match(jti, /^[0-9a-f-]{36}$/)
  assert.deepEqual(claims, {
    tid: access.tenant.id,
    oid: subject.id,
    idtyp: 'app',
    appid: subject.id,
    azp: subject.id,
    app_displayname: 'responder client',
    roles: [...rolePermissions.responder],
    ver: '2.0',
    iss: `${origin}/${access.tenant.id}/v2.0`,
    aud: 'api://cordon',
    sub: subject.id,
    iat: now,
    nbf: now,
    exp: now + 3_600,
  })
})

test('the scheme may be written in any case, or be left out before a bare token', async (t) => {
  const access = await openAccess(t)
  const token = await issue(access, await createSubject(access))

  for (const header of [`Bearer ${token}`, `bearer ${token}`, `BEARER\t${token}`, `Bearer  ${token} `, token]) {
    assert.equal((await access.authenticate(makeAuthorized(header))).kind, 'application')
  }
})

const noToken: readonly [name: string, header: string | undefined, message: string][] = [
  ['no header', undefined, 'Access token is empty.'],
  ['an empty header', '', 'Access token is empty.'],
  ['a scheme without a token', 'Bearer', 'Access token is empty.'],
  ['a scheme and a space', 'Bearer ', 'Access token is empty.'],
  ['Basic credentials', 'Basic YWRtaW46YWRtaW4=', 'The Authorization header holds no bearer token.'],
  ['another scheme', 'Negotiate abc', 'The Authorization header holds no bearer token.'],
  ['two tokens', 'Bearer a b', 'The Authorization header holds no bearer token.'],
  ['random text', 'Bearer 8f14e45fceea167a5a36dedd4bea2543', 'Access token is malformed: it is not a signed JWT.'],
  ['a token of five parts', 'Bearer a.b.c.d.e', 'Access token is malformed: it is not a signed JWT.'],
]
for (const [name, header, message] of noToken) {
  test(`${name} is refused with the bearer challenge`, async (t) => {
    const access = await openAccess(t)

    const error = await refusalOf(access, header)

    assert.equal(error.kind, 'InvalidAuthenticationToken')
    assert.equal(error.message, message)
    const challenge = `Bearer realm="", authorization_uri="${origin}/common/oauth2/v2.0/authorize"`
    assert.equal(error.extras.challenge, challenge)
  })
}

test('a token in a cookie or in the query is no credential', async (t) => {
  const access = await openAccess(t)
  const token = await issue(access, await createSubject(access))
  const call = makeAuthorized(undefined, { rawQuery: `access_token=${token}`, headers: { cookie: `session=${token}` } })

  await assert.rejects(access.authenticate(call), { message: 'Access token is empty.' })
})

type Attack = (parts: {
  readonly access: Access
  readonly key: TokenKey
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  readonly valid: string
}) => string

const attackerKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const badHeader = 'Access token validation failed: its header is not acceptable.'
const badSignature = 'Access token validation failed: its signature does not hold.'
const badClaims = 'Access token validation failed: its claims are not those of an access token.'
const unknownKey = 'Access token validation failed: the signing key is unknown.'
const hour = 3_600

const unsigned =
  (alg: string): Attack =>
  ({ header, claims }) =>
    `${encode({ ...header, alg })}.${encode(claims)}.`
const withHeader =
  (more: object): Attack =>
  ({ key, header, claims }) =>
    forge(key.privateKey, { ...header, ...more }, claims)
const withClaims =
  (more: object | ((now: number, parts: { access: Access }) => object)): Attack =>
  ({ access, key, header, claims }) => {
    const bent = typeof more === 'function' ? more(access.clock.nowMs() / 1_000, { access }) : more
    return forge(key.privateKey, header, { ...claims, ...bent })
  }
const withoutClaim =
  (name: string): Attack =>
  ({ key, header, claims: { [name]: _gone, ...claims } }) =>
    forge(key.privateKey, header, claims)

/** @source RFC 8725 sections 2 and 3; reliability design 3.2 attack 13 */
const attacks: readonly [name: string, attack: Attack, message: string][] = [
  ['alg none', unsigned('none'), badHeader],
  ['alg nOnE', unsigned('nOnE'), badHeader],
  ['no alg', ({ header, claims }) => `${encode({ ...header, alg: undefined })}.${encode(claims)}.`, badHeader],
  [
    'HS256 keyed with the public key',
    ({ key, header, claims }) => {
      const pem = key.publicKey.export({ format: 'pem', type: 'spki' })
      const input = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`
      return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`
    },
    badHeader,
  ],
  ['another ECDSA algorithm', withHeader({ alg: 'ES384' }), badHeader],
  ['a list as alg', withHeader({ alg: ['ES256'] }), badHeader],
  ['a crit extension', withHeader({ crit: ['x'], x: 1 }), badHeader],
  ['an unencoded payload', withHeader({ crit: ['b64'], b64: false }), badHeader],
  ['a jku', withHeader({ jku: 'https://evil.example/jwks' }), badHeader],
  ['an x5u', withHeader({ x5u: 'http://127.0.0.1:1/' }), badHeader],
  [
    'an embedded key that verifies',
    ({ header, claims }) => {
      const jwk = attackerKey.publicKey.export({ format: 'jwk' })
      return forge(attackerKey.privateKey, { ...header, jwk }, claims)
    },
    badHeader,
  ],
  ['a kid that is a path', withHeader({ kid: '../../../../dev/null' }), unknownKey],
  ['no kid', withHeader({ kid: undefined }), unknownKey],
  [
    'another typ',
    withHeader({ typ: 'secevent+jwt' }),
    "Access token validation failed: the claim 'typ' is not acceptable.",
  ],
  [
    'the typ of nothing',
    withHeader({ typ: undefined }),
    "Access token validation failed: the claim 'typ' is not acceptable.",
  ],
  ['the signature of another key', ({ header, claims }) => forge(attackerKey.privateKey, header, claims), badSignature],
  [
    'the payload of another token under a valid signature',
    ({ claims, valid }) => valid.replace(/\.[^.]+\./, `.${encode({ ...claims, roles: rolePermissions.admin })}.`),
    badSignature,
  ],
  [
    'an all-zero signature',
    ({ valid }) => valid.replace(/[^.]+$/, Buffer.alloc(64).toString('base64url')),
    badSignature,
  ],
  ['an empty signature', ({ valid }) => valid.replace(/[^.]+$/, ''), badSignature],
  [
    'a DER signature',
    ({ key, header, claims }) => {
      const input = `${encode(header)}.${encode(claims)}`
      return `${input}.${sign('sha256', Buffer.from(input), key.privateKey).toString('base64url')}`
    },
    badSignature,
  ],
  ['another audience', withClaims({ aud: 'https://graph.microsoft.com' }), 'Invalid audience.'],
  ['a list of audiences', withClaims({ aud: ['api://cordon', 'api://other'] }), 'Invalid audience.'],
  ['no audience', withoutClaim('aud'), "Access token lacks the claim 'aud'."],
  ['another issuer', withClaims({ iss: 'https://evil.example' }), 'Invalid issuer.'],
  [
    'an issuer that begins like ours',
    withClaims((_now, { access }) => ({ iss: `${origin}.evil.example/${access.tenant.id}/v2.0` })),
    'Invalid issuer.',
  ],
  [
    'the issuer of another tenant',
    withClaims(() => ({ iss: `${origin}/6f0c0f0e-0000-4000-8000-000000000009/v2.0` })),
    'Invalid issuer.',
  ],
  ['no issuer', withoutClaim('iss'), "Access token lacks the claim 'iss'."],
  [
    'a token that has ended',
    withClaims((now) => ({ iat: now - 2 * hour, nbf: now - 2 * hour, exp: now - 61 })),
    'Lifetime validation failed, the token is expired.',
  ],
  ['no exp', withoutClaim('exp'), "Access token lacks the claim 'exp'."],
  [
    'exp as text',
    withClaims({ exp: '9999999999' }),
    "Access token validation failed: the claim 'exp' is not acceptable.",
  ],
  [
    'nbf in the future',
    withClaims((now) => ({ nbf: now + 61 })),
    'Lifetime validation failed, the token is not valid yet.',
  ],
  ['no nbf', withoutClaim('nbf'), "Access token lacks the claim 'nbf'."],
  [
    'iat in the future',
    withClaims((now) => ({ iat: now + 86_400 })),
    'Lifetime validation failed, the token is not valid yet.',
  ],
  ['no subject', withoutClaim('sub'), "Access token lacks the claim 'sub'."],
  ['a subject that is not the application', withClaims({ oid: '6f0c0f0e-0000-4000-8000-000000000009' }), badClaims],
  ['an ID token', withClaims({ idtyp: undefined, roles: undefined, nonce: 'n' }), badClaims],
  ['roles that are no list', withClaims({ roles: 'SecurityIncident.ReadWrite.All' }), badClaims],
  ['a payload that is no object', ({ key, header }) => forge(key.privateKey, header, ['x']), badSignature],
  ['an endless token', ({ valid }) => `${valid}${'A'.repeat(10_000)}`, 'Access token is too long.'],
]
for (const [name, attack, message] of attacks) {
  test(`a token with ${name} is refused and leaves a trace`, async (t) => {
    const access = await openAccess(t)
    const subject = await createSubject(access)
    const [key] = access.tokenKeys
    const header = { alg: 'ES256', kid: key.kid, typ: 'JWT' }
    const claims = claimsOf(access, subject)
    // Proof that the forger's tools make good tokens: what is refused below is refused for the bend alone.
    assert.equal((await access.authenticate(makeAuthorized(forge(key.privateKey, header, claims)))).id, subject.id)
    const valid = await issue(access, subject)

    const error = await refusalOf(access, `Bearer ${attack({ access, key, header, claims, valid })}`)

    assert.equal(error.status, 401)
    assert.equal(error.message, message)
    const last = (await access.readAudit()).at(-1)
    assert.deepEqual([last?.action, last?.decision, last?.reason], ['authenticate', 'refused', message])
  })
}

test('a token is good until 60 seconds beyond its end, also when it is remembered', async (t) => {
  const access = await openAccess(t)
  const header = `Bearer ${await issue(access, await createSubject(access))}`
  await access.authenticate(makeAuthorized(header))

  access.clock.advance(3_600 + 59)
  await access.authenticate(makeAuthorized(header))
  access.clock.advance(1)
  const error = await refusalOf(access, header)

  assert.equal(error.message, 'Lifetime validation failed, the token is expired.')
})

test('a revoked application is refused within a second, and the challenge names its tenant', async (t) => {
  const access = await openAccess(t)
  const subject = await createSubject(access)
  const header = `Bearer ${await issue(access, subject)}`
  await access.authenticate(makeAuthorized(header))

  await revokeApplication(access, access.operator, subject.id)
  access.clock.advance(1)
  const error = await refusalOf(access, header)

  assert.equal(error.message, 'The application of this token is unknown or revoked.')
  assert.ok(error.extras.challenge?.includes(`/${access.tenant.id}/oauth2/v2.0/authorize`))
  assert.ok(!error.extras.challenge?.includes('claims'))
})

test('a role that lost permissions counts at once, one that gained some with the next token', async (t) => {
  const access = await openAccess(t)
  const subject = await createSubject(access)
  const header = `Bearer ${await issue(access, subject)}`
  const setRole = (role: string) =>
    access.store.transaction((tx) =>
      tx.updateTable('applications').set({ role }).where('id', '=', subject.id).execute(),
    )
  const permissionsAfter = async (role: string): Promise<ReadonlySet<Permission>> => {
    await setRole(role)
    access.clock.advance(1)
    return (await access.authenticate(makeAuthorized(header))).permissions
  }

  assert.deepEqual(await permissionsAfter('reader'), new Set(rolePermissions.reader))
  assert.deepEqual(await permissionsAfter('expert'), new Set(rolePermissions.responder))
  await setRole('nonsense')
  access.clock.advance(1)
  assert.equal((await refusalOf(access, header)).status, 401)
})

test('a token of an application that never existed here is refused', async (t) => {
  const access = await openAccess(t)
  const id = '6f0c0f0e-0000-4000-8000-00000000000a'

  const error = await refusalOf(access, `Bearer ${await issue(access, { tenantId: access.tenant.id, id })}`)

  assert.equal(error.message, 'The application of this token is unknown or revoked.')
})

test('a retired key still verifies, a removed one does not', async (t) => {
  const access = await openAccess(t)
  const header = `Bearer ${await issue(access, await createSubject(access))}`
  const other = await openAccess(t)
  const withKeys = (tokenKeys: readonly TokenKey[]) =>
    createAuthenticator({ ...access, tokenKeys, origins: () => [origin] })

  assert.equal((await withKeys([...other.tokenKeys, ...access.tokenKeys])(makeAuthorized(header))).kind, 'application')
  await assert.rejects(withKeys(other.tokenKeys)(makeAuthorized(header)), { message: unknownKey })
})

test('a known token reads the store at most once a second and costs less than 5 microseconds otherwise', async (t) => {
  const access = await openAccess(t)
  const header = `Bearer ${await issue(access, await createSubject(access))}`
  let reads = 0
  const counted = {
    get read() {
      reads++
      return access.store.read
    },
  }
  const authenticate = createAuthenticator({ ...access, store: counted, origins: () => [origin] })
  // Each request brings its own copy of the header text, whose hash is not known yet.
  const calls = Array.from({ length: 1_000 }, () => makeAuthorized(Buffer.from(header).toString('latin1')))
  await Promise.all(calls.map(authenticate))

  let bestMicroseconds = Number.POSITIVE_INFINITY
  for (let round = 0; round < 20; round++) {
    const startedAt = performance.now()
    for (const call of calls) await authenticate(call)
    bestMicroseconds = Math.min(bestMicroseconds, ((performance.now() - startedAt) * 1_000) / calls.length)
  }

  assert.equal(reads, 1)
  assert.ok(bestMicroseconds < 5, `${bestMicroseconds.toFixed(2)} us`)
  t.diagnostic(`${bestMicroseconds.toFixed(2)} us per known token`)
})

test('applications of two tenants stay in their own', async (t) => {
  const access = await openAccess(t)
  const subject = await createSubject(access)
  const foreign = { tenantId: '6f0c0f0e-0000-4000-8000-00000000000b', id: subject.id }

  const error = await refusalOf(access, `Bearer ${await issue(access, foreign)}`)

  assert.equal(error.status, 401)
  assert.equal(
    (await createApplication(access, access.operator, { name: 'x', role: 'reader' })).tenantId,
    access.tenant.id,
  )
})
