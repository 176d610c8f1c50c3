import assert from 'node:assert/strict'
import { type ActionType, actionKinds } from '../../src/model/actions.ts'
import { assertError, guidPattern, waitUntil } from '../support/answers.ts'
import { fittingAction, jobsDone, knownDevice, type Tenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const path = '/beta/security/incidentTasks'
const show = { Prefer: 'include-unknown-enum-members' }

async function giveBody(tenant: Tenant): Promise<Record<string, unknown>> {
  return {
    displayName: 'Isolate web-07',
    description: 'It talks to a known bad address.',
    actionType: 'isolateDevice',
    incident: { id: await tenant.incident() },
    responseAction: fittingAction('isolateDevice'),
  }
}

tenantTestOnEach(
  'answers 201 with the task and its Location, and makes the incident wait for the customer',
  async (tenant) => {
    const expert = await tenant.as('expert')
    const body = await giveBody(tenant)

    const answer = await expert.post(path, body)

    assert.equal(answer.status, 201, answer.text)
    const { '@odata.context': context, id, createdDateTime, lastModifiedDateTime, ...task } = answer.body
    assert.match(context, /\/beta\/\$metadata#security\/incidentTasks\/\$entity$/)
    assert.match(id, guidPattern)
    assert.equal(lastModifiedDateTime, createdDateTime)
    const incidentId = (body.incident as { id: string }).id
    assert.deepEqual(task, {
      '@odata.type': '#microsoft.graph.security.incidentTask',
      displayName: 'Isolate web-07',
      description: 'It talks to a known bad address.',
      status: 'open',
      source: 'defenderExpertsGuidedResponse',
      actionType: 'isolateDevice',
      actionStatus: 'notStarted',
      responseAction: fittingAction('isolateDevice'),
      createdByDisplayName: 'API-App:expert test',
      lastModifiedByDisplayName: 'API-App:expert test',
      incident: { '@odata.type': '#microsoft.graph.security.incident', id: incidentId },
    })
    const location = new URL(String(answer.headers.location))
    assert.equal((await expert.get(location.pathname)).body.id, id)
    const incident = await expert.get(`/beta/security/incidents/${incidentId}`, show)
    assert.equal(incident.body.status, 'awaitingAction')
  },
)

tenantTest('takes the fitting response action of each of the sixteen types, and none for text', async (tenant) => {
  const expert = await tenant.as('expert')
  const body = await giveBody(tenant)
  for (const actionType of Object.keys(actionKinds) as ActionType[]) {
    const responseAction = fittingAction(actionType)

    const answer = await expert.post(path, { ...body, actionType, responseAction })

    assert.equal(answer.status, 201, `${actionType}: ${answer.text}`)
    assert.deepEqual(answer.body.responseAction, responseAction)
  }
  const { responseAction: _none, ...withoutAction } = body
  assert.equal((await expert.post(path, { ...withoutAction, actionType: 'text' })).status, 201)
})

tenantTest('refuses what is missing or does not fit, naming it, and leaves the incident alone', async (tenant) => {
  const expert = await tenant.as('expert')
  const body = await giveBody(tenant)
  const isolate = fittingAction('isolateDevice')
  const type = isolate?.['@odata.type']
  const wrong: [string, Record<string, unknown>, RegExp][] = [
    ['no displayName', { displayName: undefined }, /displayName/],
    ['empty displayName', { displayName: '' }, /displayName/],
    ['no actionType', { actionType: undefined }, /actionType/],
    ['the sentinel', { actionType: 'unknownFutureValue' }, /actionType/],
    ['unknown type', { actionType: 'formatDisk' }, /actionType/],
    ['no incident', { incident: undefined }, /incident/],
    ['null incident', { incident: null }, /incident/],
    ['incident without id', { incident: {} }, /incident/],
    ['numeric incident id', { incident: { id: 5 } }, /incident/],
    ['no responseAction', { responseAction: undefined }, /responseAction/],
    ['null responseAction', { responseAction: null }, /responseAction/],
    ['another type', { responseAction: fittingAction('runAntiVirusScan') }, /responseAction/],
    [
      'type of the samples',
      { responseAction: { ...isolate, '@odata.type': '#microsoft.graph.security.isolateDeviceResponseAction' } },
      /responseAction/,
    ],
    ['no type', { responseAction: { identifierValue: knownDevice, isolationType: 'full' } }, /responseAction/],
    ['no target', { responseAction: { '@odata.type': type, isolationType: 'full' } }, /identifierValue/],
    ['blank target', { responseAction: { ...isolate, identifierValue: ' ' } }, /identifierValue/],
    ['no isolationType', { responseAction: { '@odata.type': type, identifierValue: knownDevice } }, /isolationType/],
    ['text with an action', { actionType: 'text' }, /responseAction/],
    ['undeclared', { approvedBy: 'me' }, /approvedBy/],
    ['unknown source', { source: 'defenderExpertsXDR' }, /source/],
  ]
  for (const [name, change, message] of wrong) {
    const answer = await expert.post(path, { ...body, ...change })

    assertError(answer, 400, { code: 'BadRequest', message })
    assert.ok(answer.body.error.target, name)
  }
  assert.deepEqual((await expert.get(path)).body.value, [])
  const incident = await expert.get(`/beta/security/incidents/${(body.incident as { id: string }).id}`, show)
  assert.equal(incident.body.status, 'active')
})

tenantTest('ignores what the server owns', async (tenant) => {
  const expert = await tenant.as('expert')
  const owned = { id: '213213', status: 'completed', actionStatus: 'completed', createdByDisplayName: 'the chief' }

  const answer = await expert.post(path, { ...(await giveBody(tenant)), ...owned })

  assert.equal(answer.status, 201, answer.text)
  assert.notEqual(answer.body.id, '213213')
  assert.equal(answer.body.status, 'open')
  assert.equal(answer.body.actionStatus, 'notStarted')
  assert.equal(answer.body.createdByDisplayName, 'API-App:expert test')
})

tenantTest(
  'puts the task of a merged incident on its survivor, and refuses an unknown incident with 404',
  async (tenant) => {
    const expert = await tenant.as('expert')
    const survivor = await tenant.incident()
    const merged = await tenant.incident({ status: 'redirected', redirectIncidentId: survivor })
    const body = await giveBody(tenant)

    const onMerged = await expert.post(path, { ...body, incident: { id: merged } })
    const onNone = await expert.post(path, { ...body, incident: { id: '999999999' } })
    const notANumber = await expert.post(path, { ...body, incident: { id: 'x' } })

    assert.equal(onMerged.body.incident.id, survivor)
    assertError(onNone, 404, { code: 'NotFound', target: 'incident/id' })
    assertError(notANumber, 404, { code: 'NotFound' })
  },
)

tenantTestOnEach('starts a managed task at once, without waiting for the customer', async (tenant) => {
  const expert = await tenant.as('expert')
  const body = await giveBody(tenant)

  const answer = await expert.post(path, { ...body, source: 'defenderExpertsManagedResponse' })

  assert.equal(answer.status, 201, answer.text)
  const executions = await waitUntil(
    async () => (await expert.get(`/api/v1/tasks/${answer.body.id}/executions`)).body.value,
    (value) => value.length > 0,
  )
  assert.equal(executions[0].requestedBy.name, 'API-App:expert test')
  const incident = await expert.get(`/beta/security/incidents/${(body.incident as { id: string }).id}`, show)
  assert.notEqual(incident.body.status, 'awaitingAction')
})

tenantTest('stores a managed task that cannot start as guided, with the reason', async (tenant, cordon) => {
  const expert = await tenant.as('expert')
  const body = { ...(await giveBody(tenant)), source: 'defenderExpertsManagedResponse' }
  const responseAction = fittingAction('isolateDevice', 'nowhere-01')

  const answer = await expert.post(path, { ...body, responseAction })
  await jobsDone(cordon, tenant)

  const task = (await expert.get(`${path}/${answer.body.id}`)).body
  assert.equal(task.source, 'defenderExpertsGuidedResponse')
  assert.equal(task.status, 'open')
  assert.match(task.description, /nowhere-01/)
  const incident = await expert.get(`/beta/security/incidents/${task.incident.id}`, show)
  assert.equal(incident.body.status, 'awaitingAction')
})

tenantTest('is offered to experts alone, and not on v1.0', async (tenant) => {
  const body = await giveBody(tenant)
  for (const role of ['reader', 'responder', 'approver', 'auditor', 'admin'] as const) {
    assertError(await (await tenant.as(role)).post(path, body), 403, { code: 'Forbidden' })
  }
  const expert = await tenant.as('expert')
  assertError(await expert.post('/v1.0/security/incidentTasks', body), 404, { code: 'ResourceNotFound' })
})
