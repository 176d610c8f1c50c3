import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomIds } from '../../src/io/clock.ts'
import { type ActionType, actionKinds } from '../../src/model/actions.ts'
import type { ExecutionState } from '../../src/model/execution-state.ts'
import { type Execution, readExecutionsOfTask } from '../../src/store/executions.ts'
import { assertError, waitUntil } from '../support/answers.ts'
import { type Cordon, startCordon } from '../support/cordon.ts'
import { fittingAction, giveTenant, knownDevice, type Tenant } from '../support/given.ts'
import { setPolicy } from '../support/policies.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const json = { 'Content-Type': 'application/json' }
const documentedEight: readonly ActionType[] = [
  'collectInvestigationPackage',
  'isolateDevice',
  'unRestrictAppExecution',
  'unIsolateDevice',
  'restrictAppExecution',
  'runAntiVirusScan',
  'stopAndQuarantineFile',
  'submitIocRule',
]
const otherTypes = (Object.keys(actionKinds) as ActionType[]).filter((type) => !documentedEight.includes(type))

function pathOf(taskId: string): string {
  return `/beta/security/incidentTasks/${taskId}/executeResponseAction`
}

function executionsOf(cordon: Cordon, tenant: Tenant, taskId: string): Promise<Execution[]> {
  return readExecutionsOfTask(cordon.store.read, tenant.id, taskId)
}

async function giveOpenTask(tenant: Tenant): Promise<string> {
  return tenant.task(await tenant.incident())
}

/** A task of that type whose target is known from evidence. */
async function giveTaskOf(tenant: Tenant, actionType: ActionType): Promise<string> {
  const { targetKind } = actionKinds[actionType]
  const target = targetKind === 'device' ? knownDevice : `known-${targetKind}`
  await tenant.knows(targetKind, target)
  const responseAction = fittingAction(actionType, target)
  return tenant.task(await tenant.incident(), { actionType, responseAction })
}

tenantTestOnEach(
  'answers 204 without a body; a device nothing controls then fails with that reason',
  async (tenant) => {
    const taskId = await giveOpenTask(tenant)
    const responder = await tenant.as('responder')

    const answer = await responder.post(pathOf(taskId))

    assert.equal(answer.status, 204, answer.text)
    assert.equal(answer.text, '')
    assert.equal(answer.headers['content-type'], undefined)
    const task = await waitUntil(
      async () => (await responder.get(`/beta/security/incidentTasks/${taskId}`)).body,
      (body) => body.actionStatus !== 'inProgress',
    )
    assert.equal(task.actionStatus, 'failed')
    assert.equal(task.status, 'failed')
    const runs = (await responder.get(`/api/v1/tasks/${taskId}/executions`)).body.value
    assert.equal(runs.length, 1)
    assert.equal(runs[0].reasonCode, 'NoExecutor')
    assert.match(runs[0].reason, new RegExp(knownDevice))
  },
)

tenantTest('accepts each of the eight documented types, in both spellings of the action', async (tenant) => {
  const responder = await tenant.as('responder')
  for (const actionType of documentedEight) {
    const [short, qualified] = [await giveTaskOf(tenant, actionType), await giveTaskOf(tenant, actionType)]

    const plain = await responder.post(pathOf(short))
    const full = await responder.post(pathOf(qualified).replace(/execute/, 'microsoft.graph.security.execute'))

    assert.equal(plain.status, 204, `${actionType}: ${plain.text}`)
    assert.equal(full.status, 204, `${actionType}: ${full.text}`)
  }
})

tenantTest(
  'accepts the four ways clients send no body, and ignores the members of an object',
  async (tenant, cordon) => {
    const responder = await tenant.as('responder')
    const forms: [string | undefined, Record<string, string>][] = [
      [undefined, { ...json, 'Content-Length': '0' }],
      ['null', json],
      ['{}', json],
      [undefined, { 'Content-Length': '0' }],
      ['{"actionType":"hardDeleteEmail","identifierValue":"x"}', json],
    ]
    for (const [body, headers] of forms) {
      const taskId = await giveOpenTask(tenant)

      const answer = await responder.send('POST', pathOf(taskId), body, headers)

      assert.equal(answer.status, 204, `${body}: ${answer.text}`)
      const [execution] = await executionsOf(cordon, tenant, taskId)
      assert.equal(execution?.actionType, 'isolateDevice')
      assert.equal(execution?.target.identifier, knownDevice)
    }
  },
)

tenantTest(
  'records how a person confirmed it, and takes a held button only where the policy does',
  async (tenant, cordon) => {
    const responder = await tenant.as('responder')
    const tasks = [await giveOpenTask(tenant), await giveOpenTask(tenant)] as const
    const send = (taskId: string, how: string) =>
      responder.send('POST', pathOf(taskId), '', { 'Cordon-Confirmation': how })

    const unknown = await send(tasks[0], 'shouted')
    const held = await send(tasks[0], 'held')
    const typed = await send(tasks[0], 'typed')
    await setPolicy(cordon.store, tenant.id, { confirmation: { holdOnPhones: true } })
    const allowed = await send(tasks[1], 'held')

    assertError(unknown, 400, { code: 'BadRequest', target: 'Cordon-Confirmation' })
    assertError(held, 403, { code: 'Forbidden', message: /exact name typed/ })
    assert.deepEqual([typed.status, allowed.status], [204, 204])
    const audit = await (await tenant.as('auditor')).get('/api/v1/audit?action=executeResponseAction&decision=allowed')
    const entries: { details: { confirmation: string } }[] = audit.body.value
    assert.deepEqual(
      entries.map(({ details }) => details.confirmation),
      ['held', 'typed'],
    )
  },
)

tenantTest('refuses a body that is not JSON and starts nothing', async (tenant, cordon) => {
  const taskId = await giveOpenTask(tenant)
  const responder = await tenant.as('responder')

  const answer = await responder.send('POST', pathOf(taskId), 'now!', json)

  assertError(answer, 400, { code: 'BadRequest', inner: null })
  assert.deepEqual(await executionsOf(cordon, tenant, taskId), [])
})

tenantTest('refuses text, and every type no connector can do, by its wire name', async (tenant, cordon) => {
  const responder = await tenant.as('responder')
  assert.equal(otherTypes.length, 8)
  for (const actionType of otherTypes) {
    const taskId = await giveTaskOf(tenant, actionType)

    const answer = await responder.post(pathOf(taskId))

    const message = `Currently ${actionType} is not supported`
    assertError(answer, 400, { code: 'BadRequest', inner: 'UnsupportedActionType', message })
    assert.deepEqual(await executionsOf(cordon, tenant, taskId), [])
  }
})

tenantTest('tells a malformed id from an unknown one', async (tenant) => {
  const responder = await tenant.as('responder')
  const unknown = randomIds.guid()

  const malformed = await responder.post(pathOf('not-an-id'))
  const absent = await responder.post(pathOf(unknown))
  const digits = await responder.post(pathOf('213213'))

  const message = 'Invalid incidentTask id not-an-id'
  assertError(malformed, 400, { code: 'BadRequest', inner: null, message })
  assertError(absent, 404, { code: 'NotFound', inner: null, message: `taskId ${unknown} not found` })
  assertError(digits, 404, { code: 'NotFound', inner: null, message: 'taskId 213213 not found' })
})

tenantTestOnEach(
  'replays the first answer to the same client-request-id, accepted or refused',
  async (tenant, cordon) => {
    const responder = await tenant.as('responder')
    const accepted = await giveOpenTask(tenant)
    const refused = await tenant.task(await tenant.incident(), { actionType: 'text', responseAction: null })
    const keys = [{ 'client-request-id': randomIds.guid() }, { 'client-request-id': randomIds.guid() }] as const
    const first = [await responder.post(pathOf(accepted), undefined, keys[0])]
    first.push(await responder.post(pathOf(refused), undefined, keys[1]))

    const again = [await responder.post(pathOf(accepted), undefined, keys[0])]
    again.push(await responder.post(pathOf(refused), undefined, keys[1]))

    assert.deepEqual(
      first.map((answer) => answer.status),
      [204, 400],
    )
    assert.equal(again[0]?.status, 204)
    assert.equal(again[1]?.body.error.message, first[1]?.body.error.message)
    assert.equal(again[1]?.body.error.innerError.code, 'UnsupportedActionType')
    assert.equal((await executionsOf(cordon, tenant, accepted)).length, 1)
  },
)

tenantTest('refuses a client-request-id that was used for another task, naming neither', async (tenant, cordon) => {
  const responder = await tenant.as('responder')
  const [first, second] = [await giveOpenTask(tenant), await giveOpenTask(tenant)]
  const key = { 'client-request-id': randomIds.guid() }
  await responder.post(pathOf(first), undefined, key)

  const answer = await responder.post(pathOf(second), undefined, key)

  assertError(answer, 400, { code: 'BadRequest', inner: 'ClientRequestIdReused' })
  assert.doesNotMatch(answer.body.error.message, new RegExp(`${first}|${second}`))
  assert.deepEqual(await executionsOf(cordon, tenant, second), [])
})

tenantTest('keeps the client-request-ids of two callers apart, and takes only GUIDs as keys', async (tenant) => {
  const [responder, expert] = [await tenant.as('responder'), await tenant.as('expert')]
  const key = { 'client-request-id': randomIds.guid() }
  const word = { 'client-request-id': 'retry-1' }

  const answers = [
    await responder.post(pathOf(await giveOpenTask(tenant)), undefined, key),
    await expert.post(pathOf(await giveOpenTask(tenant)), undefined, key),
    await responder.post(pathOf(await giveOpenTask(tenant)), undefined, word),
    await responder.post(pathOf(await giveOpenTask(tenant)), undefined, word),
  ]

  assert.deepEqual(
    answers.map((answer) => answer.status),
    [204, 204, 204, 204],
  )
  assert.notEqual(answers[2]?.headers['client-request-id'], 'retry-1')
})

const liveStates: readonly ExecutionState[] = [
  'awaitingApproval',
  'queued',
  'dispatching',
  'delivered',
  'running',
  'verifying',
  'unknown',
]

tenantTestOnEach('refuses a second execution while one is live, in every live state', async (tenant, cordon) => {
  const responder = await tenant.as('responder')
  for (const state of liveStates) {
    const actionStatus = state === 'awaitingApproval' ? 'notStarted' : 'inProgress'
    const taskId = await tenant.task(await tenant.incident(), { status: 'inProgress', actionStatus })
    await tenant.execution(taskId, state)

    const answer = await responder.post(pathOf(taskId))

    const message = 'Response action is already in progress.'
    assertError(answer, 400, { code: 'BadRequest', inner: 'ActionAlreadyInProgress', message })
    assert.equal((await executionsOf(cordon, tenant, taskId)).length, 1)
  }
})

tenantTest('accepts one of many requests that arrive together, and makes one execution', async (tenant, cordon) => {
  const responder = await tenant.as('responder')
  const taskId = await giveOpenTask(tenant)
  // An earlier run on the same device has the turn, so that no outcome frees the task before all have asked.
  await tenant.execution(await giveOpenTask(tenant), 'running', { targetKey: `device:${knownDevice}` })

  const answers = await Promise.all(Array.from({ length: 12 }, () => responder.post(pathOf(taskId))))

  const refused = answers.filter((answer) => answer.status !== 204)
  assert.equal(refused.length, 11)
  assert.equal((await executionsOf(cordon, tenant, taskId)).length, 1)
  for (const answer of refused) assertError(answer, 400, { inner: 'ActionAlreadyInProgress' })
})

tenantTest('refuses to repeat an action that succeeded until the task is set back to open', async (tenant, cordon) => {
  const responder = await tenant.as('responder')
  const taskId = await tenant.task(await tenant.incident(), { status: 'completed', actionStatus: 'completed' })
  await tenant.execution(taskId, 'succeeded')
  const task = `/beta/security/incidentTasks/${taskId}`

  const refused = await responder.post(pathOf(taskId))
  const reopened = await responder.patch(task, { status: 'open' })
  const accepted = await responder.post(pathOf(taskId))

  assertError(refused, 400, { code: 'BadRequest', inner: 'ActionAlreadyInProgress', message: /already executed/ })
  assert.equal(reopened.body.actionStatus, 'completed', 'reopening leaves actionStatus to the next execution')
  assert.equal(accepted.status, 204, accepted.text)
  assert.equal((await executionsOf(cordon, tenant, taskId)).length, 2)
})

tenantTest('refuses a task that a person closed, naming its status', async (tenant) => {
  const responder = await tenant.as('responder')
  for (const status of ['completed', 'notRelevant'] as const) {
    const taskId = await tenant.task(await tenant.incident(), { status })

    const answer = await responder.post(pathOf(taskId))

    assertError(answer, 400, { code: 'BadRequest', inner: 'InvalidTaskState', message: new RegExp(status) })
  }
})

tenantTest('starts again after a run that failed, was refused, partial, cancelled or expired', async (tenant) => {
  const responder = await tenant.as('responder')
  for (const state of ['failed', 'refused', 'partial', 'cancelled', 'expired'] as const) {
    const taskId = await tenant.task(await tenant.incident(), { status: 'failed', actionStatus: 'failed' })
    await tenant.execution(taskId, state)

    const answer = await responder.post(pathOf(taskId))

    assert.equal(answer.status, 204, `${state}: ${answer.text}`)
  }
})

tenantTest('refuses a response action that does not fit its action type', async (tenant) => {
  const responder = await tenant.as('responder')
  const type = '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction' as const
  const sentinel = {
    '@odata.type': type,
    identifierValue: knownDevice,
    isolationType: 'unknownFutureValue' as const,
  }
  const unfit = [null, fittingAction('runAntiVirusScan'), sentinel, { ...sentinel, identifierValue: '' }]
  for (const responseAction of unfit) {
    const taskId = await tenant.task(await tenant.incident(), { actionType: 'isolateDevice', responseAction })

    const answer = await responder.post(pathOf(taskId))

    assertError(answer, 400, { code: 'BadRequest', inner: 'InvalidResponseAction' })
  }
})

tenantTest(
  'refuses a target that neither evidence nor a connector knows, also one only another tenant knows',
  async (tenant, cordon) => {
    const responder = await tenant.as('responder')
    const other = await giveTenant(cordon)
    await other.knows('device', 'db-01')
    for (const device of ['nowhere-01', 'db-01']) {
      const responseAction = fittingAction('isolateDevice', device)
      const taskId = await tenant.task(await tenant.incident(), { responseAction })

      const answer = await responder.post(pathOf(taskId))

      assertError(answer, 400, { code: 'BadRequest', inner: 'TargetNotFound', message: new RegExp(device) })
    }
  },
)

tenantTest(
  'names the unsupported type before the state of the task, and the state before the target',
  async (tenant) => {
    const responder = await tenant.as('responder')
    const incident = await tenant.incident()
    const text = await tenant.task(incident, { actionType: 'text', status: 'completed', responseAction: null })
    const responseAction = fittingAction('isolateDevice', 'nowhere-01')
    const closed = await tenant.task(incident, { status: 'completed', responseAction })

    assertError(await responder.post(pathOf(text)), 400, { inner: 'UnsupportedActionType' })
    assertError(await responder.post(pathOf(closed)), 400, { inner: 'InvalidTaskState' })
  },
)

test('strictGraph refuses everything beyond the documented eight', async (t) => {
  const cordon = await startCordon(t, { strictGraph: true })
  const tenant = await giveTenant(cordon)
  const responder = await tenant.as('responder')

  const refused = await responder.post(pathOf(await giveTaskOf(tenant, 'disableUser')))
  const accepted = await responder.post(pathOf(await giveTaskOf(tenant, 'isolateDevice')))

  assertError(refused, 400, { inner: 'UnsupportedActionType' })
  assert.equal(accepted.status, 204)
})

tenantTest('tells a name that two enrolled hosts share, and a host that cannot do the action', async (tenant) => {
  const responder = await tenant.as('responder')
  const incident = await tenant.incident()
  const twin = { hostName: 'twin-01', can: ['isolateDevice'] }
  const [id] = [await tenant.agent(twin), await tenant.agent(twin)]
  const byName = await tenant.task(incident, { responseAction: fittingAction('isolateDevice', 'TWIN-01') })
  const byId = await tenant.task(incident, { responseAction: fittingAction('isolateDevice', id) })
  const actionType = 'runAntiVirusScan'
  const scan = await tenant.task(incident, { actionType, responseAction: fittingAction(actionType, id) })

  assertError(await responder.post(pathOf(byName)), 400, { inner: 'AmbiguousTarget', message: /2 targets/ })
  assert.equal((await responder.post(pathOf(byId))).status, 204)
  assertError(await responder.post(pathOf(scan)), 400, { inner: 'NoExecutor', message: /twin-01/ })
})

tenantTest('no longer knows a host whose agent was removed', async (tenant) => {
  const responder = await tenant.as('responder')
  await tenant.agent({ hostName: 'gone-01', can: ['isolateDevice'], revoked: true })
  const responseAction = fittingAction('isolateDevice', 'gone-01')
  const taskId = await tenant.task(await tenant.incident(), { responseAction })

  assertError(await responder.post(pathOf(taskId)), 400, { inner: 'TargetNotFound' })
})
