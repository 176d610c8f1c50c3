import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApplication, revokeApplication } from '../../src/access/applications.ts'
import { createAuthenticator } from '../../src/access/authenticate.ts'
import type { TokenKey } from '../../src/io/secrets.ts'
import { type Permission, rolePermissions } from '../../src/model/permissions.ts'
import { makeAuthorized, openAccess, origin } from './support.ts'
import { createSubject, issue, refusalOf } from './tokens.ts'

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
  await assert.rejects(withKeys(other.tokenKeys)(makeAuthorized(header)), {
    message: 'Access token validation failed: the signing key is unknown.',
  })
})

test('a known token reads the store at most once a second, however often it comes', async (t) => {
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

  for (let round = 0; round < 20; round++) for (const call of calls) await authenticate(call)

  assert.equal(reads, 1)
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
