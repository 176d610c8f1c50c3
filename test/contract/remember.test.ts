import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rememberAnswers } from '../../src/api/graph/remember.ts'
import type { Permission } from '../../src/model/permissions.ts'
import { makeCall } from '../access/support.ts'
import { startCordon } from '../support/cordon.ts'
import { databaseKinds, makeStore } from '../support/databases.ts'

const list = '/v1.0/security/incidents?$expand=alerts&$count=true'
const alert = (id: string): object => ({
  title: 'Beacon',
  severity: 'low',
  providerAlertId: id,
  evidence: [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: `host-${id}` }],
})

for (const databaseKind of databaseKinds) {
  test(`a list and an incident asked for again after any change show the change (${databaseKind})`, async (t) => {
    const cordon = await startCordon(t, { databaseKind })
    const caller = await cordon.as('expert')
    const empty = (await caller.get(list)).text
    const { body: created } = await caller.post('/v1.0/security/alerts_v2', alert('1'))
    const incident = `/v1.0/security/incidents/${created.incidentId}`
    const look = async (): Promise<string> => {
      const [listed, one] = [await caller.get(list), await caller.get(`${incident}?$expand=alerts`)]
      const { '@odata.context': _, ...entity } = one.body
      assert.deepEqual(
        entity,
        listed.body.value.find(({ id }: { id: string }) => id === entity.id),
      )
      return listed.text + one.text + one.headers.etag
    }
    const seen = [empty]
    const task = { displayName: 'Call them', actionType: 'text', incident: { id: created.incidentId } }
    const changes = [
      () => caller.post('/v1.0/security/alerts_v2', alert('2')),
      () => caller.patch(incident, { classification: 'truePositive' }),
      () => caller.post(`${incident}/comments`, { comment: 'Seen.' }),
      () => caller.patch(`/v1.0/security/alerts_v2/${created.id}`, { assignedTo: 'Bo' }),
      () => caller.post('/beta/security/incidentTasks', task),
    ]
    seen.push(await look())

    for (const change of changes) {
      const answer = await change()
      assert.ok(answer.status < 300, answer.text)
      assert.equal(await look(), await look())
      seen.push(await look())
    }

    assert.equal(new Set(seen).size, seen.length)
  })

  test(`one tenant's list is never another's, and neither is one preference's (${databaseKind})`, async (t) => {
    const cordon = await startCordon(t, { databaseKind })
    const [ours, theirs] = [await cordon.as('expert'), await cordon.as('expert', await cordon.createTenant('other'))]
    const { body: created } = await ours.post('/v1.0/security/alerts_v2', alert('1'))
    const task = { displayName: 'Call them', actionType: 'text', incident: { id: created.incidentId } }
    await ours.post('/beta/security/incidentTasks', task)

    const plain = await ours.get(list)
    const revealed = await ours.get(list, { Prefer: 'include-unknown-enum-members' })
    const foreign = await theirs.get(list)

    assert.equal(plain.body.value[0].status, 'unknownFutureValue')
    assert.equal(revealed.body.value[0].status, 'awaitingAction')
    assert.equal(foreign.body['@odata.count'], 0)
  })
}

test('an answer that is remembered keeps no more memory than it is long', async (t) => {
  const store = await makeStore(t, 'sqlite')
  const answer = rememberAnswers({ store }, async () => ({ status: 200, body: 'ü'.repeat(3_000) + 'i'.repeat(3_000) }))
  const caller = {
    tenantId: 'one',
    id: 'two',
    kind: 'application',
    name: 'Three',
    permissions: new Set<Permission>(),
  } as const
  const call = { ...makeCall(), caller }

  const { body: made } = await answer(call)
  const { body: again } = await answer(call)

  assert.ok(Buffer.isBuffer(again))
  assert.equal(again.toString(), made)
  assert.equal(again.buffer.byteLength, 9_000)
})
