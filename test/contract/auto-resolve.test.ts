import assert from 'node:assert/strict'
import type { Client, Reply } from '../support/cordon.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const show = { Prefer: 'include-unknown-enum-members' }

async function resolve(client: Client, alert: string): Promise<void> {
  const answer = await client.patch(`/v1.0/security/alerts_v2/${alert}`, { status: 'resolved' })
  assert.equal(answer.status, 200, answer.text)
}

async function read(client: Client, id: string): Promise<Reply['body']> {
  return (await client.get(`/v1.0/security/incidents/${id}`, show)).body
}

tenantTestOnEach('resolves an incident with its last open alert and names that alert', async (tenant, cordon) => {
  const responder = await tenant.as('responder')
  const id = await tenant.incident({ status: 'inProgress' })
  const [first, last] = [await tenant.alert(id), await tenant.alert(id, { status: 'inProgress' })]

  await resolve(responder, first)
  const between = await read(responder, id)
  await resolve(responder, last)
  const after = await read(responder, id)

  assert.deepEqual([between.status, between.resolvingComment], ['inProgress', null])
  assert.equal(after.status, 'resolved')
  assert.ok(after.resolvingComment.includes(last))
  assert.equal(after.lastModifiedBy, 'Cordon auto-resolve')
  assert.ok(after.lastUpdateDateTime > between.lastUpdateDateTime)
  const audit = await cordon.store.read.selectFrom('audit').selectAll().where('tenant_id', '=', tenant.id).execute()
  assert.deepEqual(
    audit.filter((entry) => entry.action === 'autoResolveIncident').map((entry) => entry.object_id),
    [id],
  )
})

tenantTestOnEach('resolves it too when its last two alerts are resolved at the same time', async (tenant) => {
  const responder = await tenant.as('responder')
  for (let round = 0; round < 5; round++) {
    const id = await tenant.incident()
    const alerts = [await tenant.alert(id), await tenant.alert(id), await tenant.alert(id)]

    await Promise.all(alerts.map((alert) => resolve(responder, alert)))

    assert.equal((await read(responder, id)).status, 'resolved')
  }
})

tenantTest(
  'leaves incidents alone that wait for the customer, were resolved already or have other changes',
  async (tenant) => {
    const responder = await tenant.as('responder')
    const waiting = await tenant.incident({ status: 'awaitingAction' })
    const done = await tenant.incident({ status: 'resolved', resolvingComment: 'by hand' })
    const open = await tenant.incident()
    await resolve(responder, await tenant.alert(waiting))
    await resolve(responder, await tenant.alert(done))
    await tenant.alert(open, { status: 'resolved' })
    const alert = await tenant.alert(open)

    await responder.patch(`/v1.0/security/alerts_v2/${alert}`, { assignedTo: 'kai', status: 'inProgress' })

    assert.equal((await read(responder, waiting)).status, 'awaitingAction')
    assert.equal((await read(responder, done)).resolvingComment, 'by hand')
    assert.equal((await read(responder, open)).status, 'active')
  },
)

tenantTest('does not resolve again what a person reopened, until an alert is resolved anew', async (tenant) => {
  const responder = await tenant.as('responder')
  const id = await tenant.incident()
  const alert = await tenant.alert(id)
  await resolve(responder, alert)
  await responder.patch(`/v1.0/security/incidents/${id}`, { status: 'active' })

  await resolve(responder, alert)
  const reopened = await read(responder, id)
  await responder.patch(`/v1.0/security/alerts_v2/${alert}`, { status: 'new' })
  await resolve(responder, alert)

  assert.equal(reopened.status, 'active')
  assert.equal((await read(responder, id)).status, 'resolved')
})
