import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApplication, proveApplication, revokeApplication } from '../../src/access/applications.ts'
import { createTenant, ensureFirstTenant, lookUpTenant } from '../../src/access/tenants.ts'
import { randomIds } from '../../src/io/clock.ts'
import { CordonError } from '../../src/model/errors.ts'
import { listApplications, listTenants } from '../../src/store/access.ts'
import { eachDatabase } from '../support/databases.ts'
import { makeClock, openAccess } from './support.ts'

const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

eachDatabase('the first tenant is made once, however many starts race for it', async (_t, store) => {
  const deps = { store, clock: makeClock(), ids: randomIds }

  const found = await Promise.all(Array.from({ length: 8 }, () => ensureFirstTenant(deps, 'Contoso.Example')))
  const later = await ensureFirstTenant(deps, 'other.example')

  assert.equal(new Set([...found, later].map((tenant) => tenant.id)).size, 1)
  assert.match(later.id, guid)
  const rows = (await listTenants(store.read)).map(({ name, domain }) => ({ name, domain }))
  assert.deepEqual(rows, [{ name: 'default', domain: 'contoso.example' }])
})

test('a tenant is found by GUID or domain in any case; unknown and malformed keys are told apart', async (t) => {
  const access = await openAccess(t)
  const { read } = access.store

  assert.deepEqual(await lookUpTenant(read, access.tenant.id.toUpperCase()), access.tenant)
  assert.deepEqual(await lookUpTenant(read, 'Contoso.OnMicrosoft.com'), access.tenant)
  assert.equal(await lookUpTenant(read, 'fabrikam.example'), 'unknown')
  assert.equal(await lookUpTenant(read, '6f0c0f0e-0000-4000-8000-000000000000'), 'unknown')
  for (const key of [
    '',
    'common',
    'contoso',
    '..',
    'a b.example',
    "x'.example",
    `${'a'.repeat(300)}.example`,
    'default',
  ]) {
    assert.equal(await lookUpTenant(read, key), 'malformed', key)
  }
})

test('a domain belongs to one tenant only', async (t) => {
  const access = await openAccess(t)

  const made = await createTenant(access, access.operator, { name: 'Fabrikam', domain: 'Fabrikam.Example' })

  assert.equal(made.domain, 'fabrikam.example')
  await assert.rejects(
    createTenant(access, access.operator, { name: 'Second', domain: 'fabrikam.EXAMPLE' }),
    (error) => error instanceof CordonError && error.kind === 'Conflict',
  )
  const entries = await access.readAudit()
  const logOf = (tenantId: string): string[][] =>
    entries.filter((row) => row.tenant_id === tenantId).map((row) => [row.action, row.actor_id])
  assert.deepEqual(logOf(access.tenant.id), [['createTenant', 'first-start']])
  assert.deepEqual(logOf(made.id), [['createTenant', 'cli']])
})

test('a client secret has 256 random bits and only its hash is stored', async (t) => {
  const access = await openAccess(t)

  const made = await access.createClient('responder')
  const another = await access.createClient('responder')

  assert.match(made.clientId, guid)
  assert.equal(made.tenantId, access.tenant.id)
  assert.equal(Buffer.from(made.clientSecret, 'base64url').length, 32)
  assert.notEqual(made.clientSecret, another.clientSecret)
  const everything = JSON.stringify([
    await listApplications(access.store.read, access.tenant.id),
    await access.readAudit(),
  ])
  assert.ok(!everything.includes(made.clientSecret))
})

test('an application is proved by its own secret in its own tenant only', async (t) => {
  const access = await openAccess(t)
  const other = await createTenant(access, access.operator, { name: 'Fabrikam' })
  const made = await access.createClient('reader')
  const prove = (tenantId: string, clientId: string, secret: string) =>
    proveApplication(access.store.read, tenantId, clientId, secret)

  const proved = await prove(made.tenantId, made.clientId.toUpperCase(), made.clientSecret)

  assert.deepEqual(proved, { tenantId: made.tenantId, id: made.clientId, name: 'reader client', role: 'reader' })
  assert.equal(await prove(made.tenantId, made.clientId, `${made.clientSecret}x`), 'wrong secret')
  assert.equal(await prove(made.tenantId, made.clientId, ''), 'wrong secret')
  assert.equal(await prove(other.id, made.clientId, made.clientSecret), 'unknown')
  assert.equal(await prove(made.tenantId, "' or 1=1 --", made.clientSecret), 'unknown')
})

test('a revoked application proves nothing; another tenant cannot revoke it; revoking leaves one entry', async (t) => {
  const access = await openAccess(t)
  const other = await createTenant(access, access.operator, { name: 'Fabrikam' })
  const made = await access.createClient('reader')
  const foreign = { ...access.operator, tenantId: other.id }

  await assert.rejects(
    revokeApplication(access, foreign, made.clientId),
    (error) => error instanceof CordonError && error.kind === 'NotFound',
  )
  await revokeApplication(access, access.operator, made.clientId.toUpperCase())
  await revokeApplication(access, access.operator, made.clientId)

  const outcome = await proveApplication(access.store.read, made.tenantId, made.clientId, made.clientSecret)
  assert.equal(outcome, 'unknown')
  const entries = (await access.readAudit()).filter((row) => row.action === 'revokeApplication')
  assert.deepEqual(
    entries.map((row) => [row.object_id, row.decision]),
    [[made.clientId, 'allowed']],
  )
})

test('names that could forge a log line and roles that do not exist are refused', async (t) => {
  const access = await openAccess(t)
  const isBadRequest = (error: unknown) => error instanceof CordonError && error.kind === 'BadRequest'

  for (const name of ['', ' x', 'a\nb', 'a\u001b[31m', '\ud800', 'x'.repeat(121)]) {
    await assert.rejects(createApplication(access, access.operator, { name, role: 'reader' }), isBadRequest)
  }
  for (const role of ['', 'owner', 'Reader', '__proto__', 'constructor']) {
    await assert.rejects(createApplication(access, access.operator, { name: 'x', role }), isBadRequest)
  }
  assert.deepEqual(await listApplications(access.store.read, access.tenant.id), [])
})
