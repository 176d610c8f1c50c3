import assert from 'node:assert/strict'
import test from 'node:test'
import { approveDevice, createEnrolmentToken } from '../../src/agents/identity/enroll.ts'
import { narrowPolicy } from '../../src/agents/policy.ts'
import { systemClock } from '../../src/io/clock.ts'
import { defaultPolicy } from '../../src/model/safety/policy.ts'
import { commandActions } from '../../src/protocol/body.ts'
import { makeKeyPair, readPublicKey } from '../../src/protocol/jws.ts'
import { openPolicy } from '../../src/protocol/policy.ts'
import { startCordon } from '../support/cordon.ts'
import { enrolDevice, giveEnrolmentToken, sendEnrolment } from '../support/device.ts'
import { fittingAction, giveTenant } from '../support/given.ts'

const subject = { tenantId: 't1', id: 'd-1', hostname: 'dc-01', fqdn: 'dc-01.corp.example' }
const rule = { ids: [], names: ['dc-*'], tags: [], reason: 'Everybody signs in there.' }

const onAccounts = ['disableUser', 'enableUser', 'forceUserPasswordReset', 'requireSignIn']

test('the default policy lets a host do everything but act on its accounts, and asks nobody else on tier 2', () => {
  const policy = narrowPolicy(defaultPolicy, 1, subject, 0)
  const switchedOn = narrowPolicy({ ...defaultPolicy, localAccounts: { enabled: true } }, 1, subject, 0)

  assert.deepEqual(
    policy.allowActions,
    commandActions.filter((action) => !onAccounts.includes(action)),
  )
  assert.deepEqual(switchedOn.allowActions, [...commandActions])
  assert.deepEqual(policy.protected.devices, [])
  assert.equal(policy.approvals.tier2, 0)
  assert.equal(policy.lease.seconds, 86_400)
  assert.equal(policy.notAfter, '1970-01-31T00:00:00.0000000Z')
})

test('a protected host is told so, and one that is protected against some actions keeps the others', () => {
  const all = { ...defaultPolicy, protectedAssets: [{ ...rule, name: 'dcs', actionTypes: null }] }
  const some = {
    ...defaultPolicy,
    protectedAssets: [{ ...rule, name: 'dcs', actionTypes: ['isolateDevice' as const] }],
  }

  assert.deepEqual(narrowPolicy(all, 2, subject, 0).protected.devices, ['d-1'])
  assert.deepEqual(narrowPolicy(all, 2, { ...subject, hostname: 'web-1', fqdn: null }, 0).protected.devices, [])
  const narrowed = narrowPolicy(some, 2, subject, 0)
  assert.deepEqual(narrowed.protected.devices, [])
  assert.deepEqual(
    commandActions.filter((action) => !narrowed.allowActions.includes(action)),
    ['isolateDevice', ...onAccounts],
  )
})

test('a second person for everything of tier 2 is asked for by the host as well', () => {
  const fourEyes = {
    approvalHours: 24,
    rules: [{ name: 'all', actionTypes: null, assetGroup: null, minTier: 2 as const, approvals: 2 }],
  }

  assert.equal(narrowPolicy({ ...defaultPolicy, fourEyes }, 3, subject, 0).approvals.tier2, 2)
})

test('a host gets the signed policy when it enrols, and the next one with the poll after a change', async (t) => {
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon, cordon.tenantId)
  const pair = makeKeyPair()
  const enrolled = await sendEnrolment(cordon, await giveEnrolmentToken(cordon, tenant.id), pair)
  const [key] = enrolled.body.commandKeys
  const open = (jws: string) => openPolicy(jws, () => readPublicKey(key.publicKey))
  const device = await enrolDevice(cordon, tenant.id, 'dc-01')
  const admin = await tenant.as('admin')

  const current = await device.get('/commands?wait=0&policy=1')
  const protectedAssets = [{ ...rule, name: 'dcs', actionTypes: null }]
  const changed = await admin.send('PUT', '/api/v1/policies', JSON.stringify({ ...defaultPolicy, protectedAssets }), {
    'if-match': '*',
    'content-type': 'application/json',
  })
  const next = await device.get('/commands?wait=30&policy=1')
  const silent = await device.get('/commands?wait=0')
  const ahead = await device.get('/commands?wait=0&policy=7')
  const wrong = await device.get('/commands?wait=0&policy=x')

  assert.equal(open(enrolled.body.policy)?.v, 1)
  assert.equal(current.status, 204)
  assert.equal(changed.status, 200, changed.text)
  const policy = open(next.body.policy)
  assert.equal(policy?.v, 2)
  assert.equal(policy?.tenantId, tenant.id)
  assert.deepEqual(policy?.protected.devices, [device.id])
  assert.deepEqual([silent.status, ahead.status, wrong.status], [204, 204, 400])
})

test('a host that needs approval is heard but gets no command before an admin agreed', async (t) => {
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon, cordon.tenantId)
  const actor = { tenantId: tenant.id, id: 'test', kind: 'system', name: 'test' } as const
  const { token } = await createEnrolmentToken({ store: cordon.store, clock: systemClock }, actor, 600, true)
  const device = await enrolDevice(cordon, tenant.id, 'web-01', {}, token)
  const responder = await tenant.as('responder')
  const taskId = await tenant.task(await tenant.incident(), {
    actionType: 'isolateDevice',
    responseAction: fittingAction('isolateDevice', 'web-01') as never,
  })
  const execute = () => responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)

  const early = await execute()
  const heard = await device.get('/commands?wait=0')
  await approveDevice({ store: cordon.store, clock: systemClock }, actor, device.id)
  await assert.rejects(approveDevice({ store: cordon.store, clock: systemClock }, actor, device.id), {
    kind: 'NotFound',
  })
  const late = await execute()

  assert.equal(early.status, 400)
  assert.equal(early.body.error.innerError.code, 'TargetNotFound')
  assert.equal(heard.status, 204)
  assert.equal(late.status, 204)
})
