import assert from 'node:assert/strict'
import { defaultPolicy } from '../../src/model/safety/policy.ts'
import { assertError } from '../support/answers.ts'
import type { Client, Reply } from '../support/cordon.ts'
import { enrolDevice } from '../support/device.ts'
import { fittingAction, type Tenant } from '../support/given.ts'
import { signInPerson } from '../support/person.ts'
import { tenantTestOnEach } from '../support/shared-cordon.ts'

const json = { 'Content-Type': 'application/json', 'If-Match': '*' }

function setPolicy(client: Client, changes: object): Promise<Reply> {
  return client.send('PUT', '/api/v1/policies', JSON.stringify({ ...defaultPolicy, ...changes }), json)
}

const critical = {
  assetGroups: [{ name: 'core', ids: [], names: ['db-*'], tags: [], critical: true }],
  signIn: { freshMinutes: 10 },
}

/** A guided task to isolate a host. */
async function giveTask(tenant: Tenant, hostName: string): Promise<string> {
  return tenant.task(await tenant.incident(), { responseAction: fittingAction('isolateDevice', hostName) })
}

const run = (client: Client, taskId: string, key?: string): Promise<Reply> =>
  client.send('POST', `/beta/security/incidentTasks/${taskId}/executeResponseAction`, undefined, {
    ...(key === undefined ? {} : { 'client-request-id': key }),
  })

tenantTestOnEach(
  'a tier 3 run, an approval and a change of the policy need a sign-in as young as the policy says; programs are not asked',
  async (tenant, cordon) => {
    const admin = await tenant.as('admin')
    const old = async (role: 'responder' | 'approver' | 'admin') =>
      (await signInPerson(cordon, tenant.id, role, `Old ${role}`, 11)).client
    const fresh = async (role: 'responder' | 'approver' | 'admin') =>
      (await signInPerson(cordon, tenant.id, role, `Fresh ${role}`, 9)).client
    for (const name of ['db-01', 'db-02', 'web-01']) await enrolDevice(cordon, tenant.id, name)
    const [first, second, mild] = [
      await giveTask(tenant, 'db-01'),
      await giveTask(tenant, 'db-02'),
      await giveTask(tenant, 'web-01'),
    ]
    const [oldResponder, oldApprover, oldAdmin] = [await old('responder'), await old('approver'), await old('admin')]
    const key = 'f3b6a0f2-6a0e-4f3c-9d06-6a2f3f3f7c11'

    const before = await setPolicy(oldAdmin, critical)
    const stale = [await run(oldResponder, first, key), await setPolicy(oldAdmin, { signIn: { freshMinutes: null } })]
    const mildRun = await run(oldResponder, mild)
    const freshRun = await run(await fresh('responder'), first, key)
    const program = await run(await tenant.as('responder'), second)
    const [approval] = (await admin.get('/api/v1/approvals')).body.value
    const ballot = { digest: approval.digest, comment: null }
    stale.push(await oldApprover.post(`/api/v1/approvals/${approval.id}/approve`, ballot))
    const rejected = await oldApprover.post(`/api/v1/approvals/${approval.id}/reject`, ballot)
    const paused = await oldAdmin.post('/api/v1/dispatch/pause', { reason: 'to be sure' })
    stale.push(await oldAdmin.post('/api/v1/dispatch/resume'))
    const resumed = await (await fresh('admin')).post('/api/v1/dispatch/resume')
    const refusals = await cordon.store.read
      .selectFrom('audit')
      .select(['action', 'code'])
      .where('tenant_id', '=', tenant.id)
      .where('code', '=', 'StaleSignIn')
      .orderBy('seq')
      .execute()

    assert.equal(before.status, 200, before.text)
    for (const reply of stale)
      assertError(reply, 403, { code: 'Forbidden', inner: 'StaleSignIn', message: /last 10 min/ })
    assert.equal(refusals.length, stale.length)
    assert.deepEqual(
      [mildRun, freshRun, program, rejected, paused, resumed].map(({ status }) => status),
      [204, 204, 204, 200, 200, 200],
      rejected.text,
    )
  },
)

tenantTestOnEach('without a wish of the tenant a session of any age will do', async (tenant, cordon) => {
  const { client } = await signInPerson(cordon, tenant.id, 'admin', 'Ada', 11 * 60)

  const set = await setPolicy(client, { assetGroups: critical.assetGroups })
  const wrong = await setPolicy(client, { signIn: { freshMinutes: 0 } })

  assert.equal(set.status, 200, set.text)
  assert.deepEqual(set.body.signIn, { freshMinutes: null })
  assertError(wrong, 400, { target: 'signIn.freshMinutes' })
})
