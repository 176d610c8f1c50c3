import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import type { TokenKey } from '../../src/io/secrets.ts'
import { rolePermissions } from '../../src/model/permissions.ts'
import { type Access, makeAuthorized, openAccess, origin } from './support.ts'
import { createSubject, issue, refusalOf, type Subject } from './tokens.ts'

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
