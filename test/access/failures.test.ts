import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issueToken } from '../../src/access/issue.ts'
import type { Failure } from '../../src/access/limits/failures.ts'
import { CordonError } from '../../src/model/errors.ts'
import { type Access, makeAuthorized, openAccess, origin } from './support.ts'

const failure = (address: string): Failure => ({
  address,
  action: 'authenticate',
  code: 'InvalidAuthenticationToken',
  reason: 'Access token is empty.',
  requestId: 'r',
  clientRequestId: 'c',
})

async function failOften(access: Access, times: number, address: string): Promise<number | null> {
  let wait: number | null = null
  for (let at = 0; at < times; at++) wait = await access.failures.note(failure(address))
  return wait
}

test('the hundred and first failure within a minute makes the address wait for the rest of it', async (t) => {
  const access = await openAccess(t, { recordedPerSecond: 1 })

  assert.equal(await failOften(access, 100, '192.0.2.7'), null)
  access.clock.advance(20.5)
  assert.equal(await failOften(access, 1, '192.0.2.7'), 40)
  assert.equal(access.failures.waitSeconds('192.0.2.7'), 40)
  assert.equal(access.failures.waitSeconds('192.0.2.8'), null)
  access.clock.advance(39.5)
  assert.equal(access.failures.waitSeconds('192.0.2.7'), null)
  assert.equal(await failOften(access, 1, '192.0.2.7'), null)
})

test('the addresses of one IPv6 network count together, those of another do not', async (t) => {
  const access = await openAccess(t, { perMinute: 2, recordedPerSecond: 1 })

  await failOften(access, 1, '2001:db8:1:2::1')
  await failOften(access, 1, '2001:db8:1:2:ffff::2')
  await failOften(access, 1, '2001:0db8:1:2:1:2:3:4')

  assert.equal(typeof access.failures.waitSeconds('2001:db8:1:2::abcd'), 'number')
  assert.equal(access.failures.waitSeconds('2001:db8:1:3::1'), null)
})

test('a flood of failures leaves a bounded trace, and the rest is counted', async (t) => {
  const access = await openAccess(t, { recordedPerSecond: 5 })

  await failOften(access, 40, '192.0.2.7')
  await access.failures.stop()

  const entries = (await access.readAudit()).filter((row) => row.decision === 'refused')
  assert.equal(entries.length, 6)
  assert.deepEqual(JSON.parse(entries[0]?.details ?? ''), { address: '192.0.2.7' })
  assert.equal(entries[0]?.tenant_id, access.tenant.id)
  assert.deepEqual([entries[5]?.code, JSON.parse(entries[5]?.details ?? '')], ['Flood', { count: 35 }])
})

test('a bearer flood is answered 429 with Retry-After, while a good token from the same address passes', async (t) => {
  const access = await openAccess(t, { recordedPerSecond: 1 })
  const made = await access.createClient('reader')
  const subject = {
    kind: 'application',
    tenantId: made.tenantId,
    id: made.clientId,
    name: 'x',
    role: 'reader',
  } as const
  const good = makeAuthorized(`Bearer ${(await issueToken(access, origin, subject)).token}`)
  const bad = makeAuthorized('Bearer nonsense', { headers: { 'x-forwarded-for': '203.0.113.9' } })
  const statuses: number[] = []

  for (let at = 0; at < 102; at++) {
    await access.authenticate(bad).catch((error) => {
      assert.ok(error instanceof CordonError)
      statuses.push(error.status)
      assert.equal(error.status === 429, error.extras.retryAfterSeconds === 60)
    })
  }

  assert.deepEqual(new Set(statuses.slice(0, 100)), new Set([401]))
  assert.deepEqual(statuses.slice(100), [429, 429])
  assert.equal((await access.authenticate(good)).id, made.clientId)
})

test('a failure is refused also when its trace cannot be written', async (t) => {
  const access = await openAccess(t)
  await access.store.close()

  await assert.rejects(access.authenticate(makeAuthorized('Bearer nonsense')), { kind: 'InvalidAuthenticationToken' })
})
