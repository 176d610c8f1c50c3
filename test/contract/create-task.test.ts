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
    assert.deepEqual([incident.body.status, incident.body.assignedTo], ['awaitingAction', 'Customer'])
  },
)

tenantTestOnEach(
  'an incident goes back to who had it before the customer, unless somebody has taken it on meanwhile',
  async (tenant) => {
    const [expert, responder] = [await tenant.as('expert'), await tenant.as('responder')]
    const ids = [await tenant.incident({ assignedTo: 'ada' }), await tenant.incident({ assignedTo: 'ada' })]
    const send = async (id: string): Promise<string> =>
      (await expert.post(path, { ...(await giveBody(tenant)), incident: { id } })).body.id
    const stand = (id: string): Promise<unknown[]> =>
      expert.get(`/beta/security/incidents/${id}`, show).then(({ body }) => [body.status, body.assignedTo])
    const [first = '', second = ''] = ids
    const task = await send(first)
    const taken = await send(second)
    await responder.patch(`/beta/security/incidents/${second}`, { assignedTo: 'kai' })
    const another = await send(second)
    const whileTaken = await stand(second)

    for (const id of [task, taken, another]) await responder.patch(`${path}/${id}`, { status: 'completed' })

    await waitUntil(
      async () => [await stand(first), await stand(second)],
      (both) => both.every(([status]) => status === 'inProgress'),
    )
    assert.deepEqual(whileTaken, ['awaitingAction', 'kai'])
    assert.deepEqual(
      [await stand(first), await stand(second)],
      [
        ['inProgress', 'ada'],
        ['inProgress', 'kai'],
      ],
    )
    await responder.patch(`${path}/${task}`, { status: 'open' })
    await waitUntil(
      () => stand(first),
      ([status]) => status === 'awaitingAction',
    )
    assert.deepEqual(await stand(first), ['awaitingAction', 'Customer'])
  },
)

tenantTest(
  'says what would become of a task before it is sent, stores nothing of it, and records who asked a target',
  async (tenant, cordon) => {
    const expert = await tenant.as('expert')
    const stranger = await cordon.as('expert', await cordon.createTenant('strangers'))
    const body = await giveBody(tenant)
    const ask = '/api/v1/tasks/preview'

    const known = await expert.post(`${ask}?askTarget=false`, body)
    const whole = await expert.post(ask, body)

    assert.equal(whole.status, 200, whole.text)
    assert.deepEqual(whole.body.managed, { allowed: true, reason: 'managedResponse.consent: tier 1 and 2' })
    assert.deepEqual(known.body.managed, whole.body.managed)
    assert.deepEqual((await expert.get(path)).body.value, [])
    const incident = await expert.get(`/beta/security/incidents/${(body.incident as { id: string }).id}`, show)
    assert.equal(incident.body.status, 'active')
    const audit = await (await tenant.as('auditor')).get('/api/v1/audit?action=previewProposal')
    assert.equal(audit.body.value.length, 1, 'the one that asked the target')
    assertError(await expert.post(`${ask}?askTarget=maybe`, body), 400, { code: 'BadRequest', target: 'askTarget' })
    assertError(await stranger.post(ask, body), 404, { code: 'NotFound' })
    assertError(await (await tenant.as('responder')).post(ask, body), 403, { code: 'Forbidden' })
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
