import assert from 'node:assert/strict'
import { makeKeyPair } from '../../../src/protocol/jws.ts'
import { waitUntil } from '../../support/answers.ts'
import type { Client, Cordon } from '../../support/cordon.ts'
import { enrolDevice, giveEnrolmentToken, makeResult, sendEnrolment } from '../../support/device.ts'
import { fittingAction, type Tenant } from '../../support/given.ts'
import { tenantTestOnEach } from '../../support/shared-cordon.ts'

const merge = '/beta/security/incidents/mergeIncidents'

/** A task whose isolation a host has taken and not yet reported on. */
async function giveDelivered(cordon: Cordon, tenant: Tenant, hostname: string) {
  const device = await enrolDevice(cordon, tenant.id, hostname)
  const incidentId = await tenant.incident()
  const responseAction = fittingAction('isolateDevice', device.id)
  const taskId = await tenant.task(incidentId, { responseAction })
  const expert = await tenant.as('expert')
  const answer = await expert.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
  assert.equal(answer.status, 204, answer.text)
  const [command] = await waitUntil(
    () => device.fetch(),
    (commands) => commands.length > 0,
  )
  assert.ok(command)
  assert.equal((await device.acknowledge(command.commandId)).status, 204)
  await waitForState(expert, taskId, 'delivered')
  return { device, command, taskId, incidentId, expert }
}

async function waitForState(client: Client, taskId: string, state: string) {
  const [newest] = await waitUntil(
    async () => (await client.get(`/api/v1/tasks/${taskId}/executions`)).body.value,
    (executions) => executions[0]?.state === state,
  )
  return newest
}

tenantTestOnEach(
  'merge while executing: the execution goes on once, and belongs to the survivor',
  async (tenant, cordon) => {
    const { device, command, taskId, incidentId, expert } = await giveDelivered(cordon, tenant, 'merge-01')
    const survivor = await tenant.incident()

    const merged = await expert.post(merge, { incidentIds: [survivor, incidentId] })
    await device.report(makeResult(command))

    assert.equal(merged.status, 200, merged.text)
    const execution = await waitForState(expert, taskId, 'succeeded')
    assert.equal(execution.id, command.executionId)
    const task = (await expert.get(`/beta/security/incidentTasks/${taskId}`)).body
    assert.deepEqual([task.id, task.incident.id, task.actionStatus], [taskId, survivor, 'completed'])
    assert.equal((await expert.get(`/api/v1/tasks/${taskId}/executions`)).body.value.length, 1)
    assert.deepEqual(await device.fetch(), [])
  },
)

tenantTestOnEach('merge of A into B against merge of B into A: one wins, no circle', async (tenant) => {
  const expert = await tenant.as('expert')
  for (let round = 0; round < 3; round++) {
    const [a, b] = [await tenant.incident(), await tenant.incident()]

    const answers = await Promise.all([
      expert.post(merge, { incidentIds: [b, a] }),
      expert.post(merge, { incidentIds: [a, b] }),
    ])

    assert.ok(answers.every(({ status }) => status < 500))
    assert.ok(answers.some(({ status }) => status === 200))
    const incidents = await Promise.all(
      [a, b].map(async (id) => (await expert.get(`/beta/security/incidents/${id}`)).body),
    )
    const redirected = incidents.filter((incident) => incident.status === 'redirected')
    assert.equal(redirected.length, 1, 'exactly one of the two gives way')
    const survivor = incidents.find((incident) => incident.status !== 'redirected')
    assert.equal(redirected[0].redirectIncidentId, survivor.id)
    assert.equal(survivor.redirectIncidentId, null)
  }
})

tenantTestOnEach(
  'a host enrols anew during a run: the new identity cannot answer for the old command, a person decides',
  async (tenant, cordon) => {
    const pair = makeKeyPair()
    const first = await sendEnrolment(cordon, await giveEnrolmentToken(cordon, tenant.id), pair, { hostname: 'new-01' })
    assert.equal(first.status, 201)
    const { device, command, taskId, expert } = await giveDelivered(cordon, tenant, 'other-01')
    // The same for a command nobody had seen: it never reaches anybody.
    const waiting = await tenant.task(await tenant.incident(), {
      responseAction: fittingAction('isolateDevice', first.body.deviceId),
    })
    await expert.post(`/beta/security/incidentTasks/${waiting}/executeResponseAction`)
    await waitForState(expert, waiting, 'dispatching')

    const again = await sendEnrolment(cordon, await giveEnrolmentToken(cordon, tenant.id), pair, { hostname: 'new-01' })
    assert.equal(again.status, 201)
    const unseen = await waitForState(expert, waiting, 'failed')
    await cordon.store.transaction((tx) =>
      tx.updateTable('agents').set({ public_key: pair.publicKey }).where('id', '=', device.id).execute(),
    )
    await sendEnrolment(cordon, await giveEnrolmentToken(cordon, tenant.id), pair, { hostname: 'other-01' })

    assert.equal(unseen.reasonCode, 'NoExecutor')
    const lost = await waitForState(expert, taskId, 'unknown')
    assert.equal(lost.reasonCode, 'AgentReplaced')
    const newcomer = await enrolDevice(cordon, tenant.id, 'other-01')
    assert.equal((await newcomer.acknowledge(command.commandId)).status, 404)
    assert.equal((await newcomer.report(makeResult(command))).status, 404)
    assert.equal((await device.report(makeResult(command))).status, 401)
    const task = (await expert.get(`/beta/security/incidentTasks/${taskId}`)).body
    assert.deepEqual([task.status, task.actionStatus], ['inProgress', 'inProgress'])

    const judgement = { outcome: 'failed', reason: 'The host was built anew.' }
    const decided = await expert.post(`/api/v1/tasks/${taskId}/decide`, judgement)

    assert.equal(decided.status, 200, decided.text)
    const after = (await expert.get(`/beta/security/incidentTasks/${taskId}`)).body
    assert.deepEqual([after.status, after.actionStatus], ['failed', 'failed'])
    const execution = await waitForState(expert, taskId, 'failed')
    assert.equal(execution.reasonCode, 'HumanJudgement')
    assert.match(execution.reason, /The host was built anew/)
  },
)
