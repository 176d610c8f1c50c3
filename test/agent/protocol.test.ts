import assert from 'node:assert/strict'
import { createHmac, sign } from 'node:crypto'
import test from 'node:test'
import { nameAction, readBody, writeIsolateDevice, writeUnIsolateDevice } from '../../src/protocol/body.ts'
import { canonicalJson, digestJson } from '../../src/protocol/canonical.ts'
import { openCommand, signCommand } from '../../src/protocol/command.ts'
import { DecodeError, decode, type JsonObject } from '../../src/protocol/decode.ts'
import { formatInstant, instant } from '../../src/protocol/instants.ts'
import { makeKeyPair, readPrivateKey, readPublicKey, signJws, verifyJws } from '../../src/protocol/jws.ts'
import { decodeHeartbeat } from '../../src/protocol/messages.ts'
import { openPolicy, signPolicy } from '../../src/protocol/policy.ts'
import { readSequence, signRequest, verifyRequest } from '../../src/protocol/request-signature.ts'
import { decodeResult } from '../../src/protocol/result.ts'
import { makeCommand } from '../support/control-server.ts'
import { fc } from '../support/fast-check.ts'
import { testSeed as seed } from '../support/seed.ts'

const pair = makeKeyPair()
const key = readPrivateKey(pair.privateKeyPem)
const findKey = (kid: string) => (kid === 'k1' ? readPublicKey(pair.publicKey) : undefined)
const body = writeIsolateDevice({ deviceId: 'd-77', durationMs: 1000, permitted: undefined })
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

test('a signed command comes back as it was signed', () => {
  const command = makeCommand({ commandId: 'c1', seq: 1, body })

  const opened = openCommand(signCommand(key, 'k1', command), 'd-77', findKey)

  assert.deepEqual(opened, { ok: true, command, kid: 'k1' })
})

test('no header can choose the algorithm, the key or the purpose of a signature', () => {
  const payload = encode({ hello: 'world' })
  const withHeader = (header: unknown): string => {
    const input = `${encode(header)}.${payload}`
    return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`
  }
  const hmacInput = `${encode({ alg: 'HS256', typ: 'cordon-cmd+jwt', kid: 'k1' })}.${payload}`
  const hmac = createHmac('sha256', Buffer.from(pair.publicKey, 'base64url')).update(hmacInput).digest('base64url')
  const good = withHeader({ alg: 'EdDSA', typ: 'cordon-cmd+jwt', kid: 'k1' })
  const cases: [string, string][] = [
    [withHeader({ alg: 'none', typ: 'cordon-cmd+jwt', kid: 'k1' }), 'malformed'],
    [`${hmacInput}.${hmac}`, 'malformed'],
    [withHeader({ alg: 'EdDSA', typ: 'cordon-cmd+jwt', kid: 'k1', jwk: { kty: 'OKP' } }), 'malformed'],
    [withHeader({ alg: 'EdDSA', typ: 'cordon-cmd+jwt', kid: 'k1', crit: ['x'] }), 'malformed'],
    [withHeader({ alg: 'EdDSA', typ: 'cordon-policy+jwt', kid: 'k1' }), 'wrongType'],
    [withHeader({ alg: 'EdDSA', typ: 'cordon-cmd+jwt', kid: 'k2' }), 'unknownKey'],
    [`${good.slice(0, -4)}AAAA`, 'badSignature'],
    [good.replace(payload, encode({ hello: 'mars' })), 'badSignature'],
    [`${good}=`, 'malformed'],
    [`${good}.x`, 'malformed'],
    ['', 'malformed'],
  ]

  for (const [jws, fault] of cases) {
    assert.deepEqual(verifyJws(jws, 'cordon-cmd+jwt', findKey, 65_536), { ok: false, fault })
  }
  assert.equal(verifyJws(good, 'cordon-cmd+jwt', findKey, 65_536).ok, true)
  assert.equal(verifyJws(good, 'cordon-cmd+jwt', findKey, good.length - 1).ok, false)
})

test('a signature with one changed character never counts', () => {
  const jws = signJws(key, 'k1', 'cordon-cmd+jwt', '{"a":1}')
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=/+ '

  fc.assert(
    fc.property(fc.nat(jws.length - 1), fc.constantFrom(...alphabet), (at, sign) => {
      fc.pre(jws[at] !== sign)
      const changed = jws.slice(0, at) + sign + jws.slice(at + 1)
      return !verifyJws(changed, 'cordon-cmd+jwt', findKey, 65_536).ok
    }),
    { numRuns: 300, seed },
  )
})

test('a request signature covers method, path, query, number, body and device', async () => {
  const request = { method: 'POST', pathAndQuery: '/api/v1/agent/results?x=1', seq: 7, body: '{}' }
  const signature = signRequest(key, 'd-77', request)
  const publicKey = readPublicKey(pair.publicKey)
  const verify = async (changes: Partial<typeof request>, kid = 'd-77'): Promise<boolean> =>
    (await verifyRequest(publicKey, kid, { ...request, ...changes }, signature)).ok

  assert.equal(await verify({}), true)
  assert.equal(await verify({ method: 'PUT' }), false)
  assert.equal(await verify({ pathAndQuery: '/api/v1/agent/results?x=2' }), false)
  assert.equal(await verify({ seq: 8 }), false)
  assert.equal(await verify({ body: '{ }' }), false)
  assert.equal(await verify({}, 'd-78'), false)
})

test('a request number is a plain positive whole number', () => {
  assert.equal(readSequence('42'), 42)
  for (const text of [
    undefined,
    '',
    '0',
    '-1',
    '+1',
    '01',
    '1.0',
    '1e3',
    ' 1',
    '9007199254740993',
    '99999999999999999',
  ]) {
    assert.equal(readSequence(text), undefined)
  }
})

test('canonical JSON does not depend on the order of properties', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse())
      assert.equal(digestJson(value), digestJson(reversed))
      assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)))
    }),
    { seed },
  )
  // RFC 8785 section 3.2.3: order by UTF-16 code units, numbers as ECMAScript writes them.
  assert.equal(canonicalJson({ '\u20ac': 1e21, '\r': 'a/b', '1': [true, null], '\ud83d\ude00': 0.1 }).length > 0, true)
  assert.equal(canonicalJson({ b: 1, a: [1.0, '\u000f'] }), '{"a":[1,"\\u000f"],"b":1}')
})

test('every OpenC2 body of the design is recognised by its action', () => {
  const device = { device: { device_id: 'd-77' } }
  const bodies: [string, JsonObject][] = [
    ['isolateDevice', body],
    ['unIsolateDevice', writeUnIsolateDevice({ deviceId: 'd-77', killFlows: true })],
    [
      'restrictAppExecution',
      { action: 'contain', target: device, args: { er: { device_containment: 'app_restriction' } } },
    ],
    [
      'unRestrictAppExecution',
      { action: 'allow', target: device, args: { er: { device_containment: 'app_restriction' } } },
    ],
    ['stopAndQuarantineFile', { action: 'contain', target: { file: { hashes: { sha1: '00' } } }, args: {} }],
    ['runAntiVirusScan', { action: 'scan', target: device, args: { er: { scan_depth: 'shallow' } } }],
    ['collectInvestigationPackage', { action: 'investigate', target: device, args: {} }],
    ['submitIocRule', { action: 'deny', target: { ipv4_net: '203.0.113.7/32' }, args: {} }],
    ['submitIocRule', { action: 'allow', target: {}, args: { 'x-cordon': { indicator_id: 'r1' } } }],
    ['disableUser', { action: 'set', target: {}, args: { er: { account_status: 'disabled' } } }],
    ['enableUser', { action: 'set', target: {}, args: { er: { account_status: 'enabled' } } }],
    ['forceUserPasswordReset', { action: 'set', target: {}, args: { 'x-cordon': { password: 'must_change' } } }],
    ['requireSignIn', { action: 'stop', target: { 'x-cordon:session': {} }, args: {} }],
  ]

  for (const [actionType, wire] of bodies) assert.equal(nameAction(wire), actionType)
  assert.deepEqual(readBody(body), {
    actionType: 'isolateDevice',
    deviceId: 'd-77',
    durationMs: 1000,
    permitted: undefined,
  })
  assert.throws(() => readBody({ ...body, extra: 1 }), DecodeError)
})

test('a policy under another key, with another purpose or with a further property does not count', () => {
  const policy = {
    v: 1,
    tenantId: 't1',
    notAfter: formatInstant(Date.now()),
    allowActions: ['isolateDevice'],
    approvals: { tier2: 0, tier3: 1 },
    protected: { devices: [], cidrs: [], paths: [], hashes: [], users: [] },
    lease: { seconds: 86_400, onEnd: 'open' as const },
    caps: { packageBytes: 1 },
  }

  assert.deepEqual(openPolicy(signPolicy(key, 'k1', policy), findKey), policy)
  assert.equal(openPolicy(signPolicy(key, 'k2', policy), findKey), undefined)
  assert.equal(openPolicy(signJws(key, 'k1', 'cordon-cmd+jwt', canonicalJson(policy)), findKey), undefined)
  assert.equal(
    openPolicy(signJws(key, 'k1', 'cordon-policy+jwt', canonicalJson({ ...policy, x: 1 })), findKey),
    undefined,
  )
})

test('instants come out with seven fraction digits, and what is no UTC instant is refused', () => {
  assert.equal(decode(instant, '2026-01-02T03:04:05Z'), '2026-01-02T03:04:05.0000000Z')
  assert.equal(decode(instant, '2026-01-02T03:04:05.12Z'), '2026-01-02T03:04:05.1200000Z')
  for (const text of ['2026-01-02', '2026-01-02T03:04:05+01:00', '2026-13-02T03:04:05Z', 5, null]) {
    assert.throws(() => decode(instant, text), DecodeError)
  }
})

test('hostile messages are refused with the place and never with their content', () => {
  const hostile: unknown[] = [
    null,
    [],
    { commandId: '../x' },
    { commandId: 'a'.repeat(65) },
    JSON.parse('{"__proto__": {"state": "succeeded"}}'),
  ]

  for (const value of hostile) assert.throws(() => decode(decodeResult, value), DecodeError)
  fc.assert(
    fc.property(fc.anything(), (value) => {
      for (const read of [() => decode(decodeResult, value), () => decode(decodeHeartbeat, value)]) {
        assert.throws(read, DecodeError)
      }
    }),
    { seed },
  )
})
