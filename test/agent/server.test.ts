import assert from 'node:assert/strict'
import test from 'node:test'
import { startCordon } from '../support/cordon.ts'
import { awaitCommand, enrolDevice, makeResult } from '../support/device.ts'
import { fittingAction, giveTenant } from '../support/given.ts'
import { SERVICE_PORT } from '../support/netns.ts'
import { createSite, execute, readExecutions, undo, waitForEnd, waitUntil } from '../support/site.ts'

test('a task isolates a real host, completes with its proof, and undo brings the traffic back', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, tenant, deviceId } = site
  const reaches = () => lab.reaches(lab.endpoint, lab.internet4, SERVICE_PORT)
  assert.equal(await reaches(), true)

  const { id, task, ms: isolateMs } = await execute(tenant, 'isolateDevice', 'WEB-01')

  const [run] = await readExecutions(tenant, id)
  assert.equal(task.actionStatus, 'completed')
  assert.equal(task.status, 'completed')
  assert.equal(run.state, 'succeeded')
  assert.equal(run.target.key, deviceId)
  assert.equal(run.result.changed, true)
  assert.equal(run.result.proof.level, 'observed')
  assert.equal(await reaches(), false)

  const responder = await tenant.as('responder')
  const releaseStart = performance.now()
  const undo = await responder.post(`/api/v1/tasks/${id}/undo`)
  assert.ok(undo.status < 300, undo.text)
  await waitUntil(async () => (await readExecutions(tenant, id))[0].state === 'succeeded')
  const releaseMs = Math.round(performance.now() - releaseStart)

  assert.equal(await reaches(), true)
  assert.equal(await lab.listRuleset(lab.endpoint), '')
  t.diagnostic(`request to completed task: isolate ${isolateMs} ms, undo ${releaseMs} ms`)
})

test('undo of one task leaves a host isolated that another task still holds', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, tenant, deviceId } = site
  const reaches = () => lab.reaches(lab.endpoint, lab.internet4, SERVICE_PORT)
  const first = await execute(tenant, 'isolateDevice', deviceId)
  const second = await execute(tenant, 'isolateDevice', deviceId)
  const responder = await tenant.as('responder')

  await responder.post(`/api/v1/tasks/${first.id}/undo`)
  await waitUntil(async () => (await readExecutions(tenant, first.id))[0].state === 'succeeded')
  const [kept] = await readExecutions(tenant, first.id)

  assert.equal(second.task.actionStatus, 'completed')
  assert.equal(await reaches(), false)
  assert.deepEqual(kept.result.after, { isolated: true, heldByTasks: [second.id] })

  await responder.post(`/api/v1/tasks/${second.id}/undo`)
  await waitUntil(async () => (await readExecutions(tenant, second.id))[0].state === 'succeeded')

  await waitUntil(reaches)

  // The undo of a release gives the host back to the task that held it, so that task's undo lets it go.
  const third = await execute(tenant, 'isolateDevice', deviceId)
  const release = await execute(tenant, 'unIsolateDevice', deviceId, third.incidentId)
  await undo(tenant, release.id)
  assert.equal(await reaches(), false)
  const last = await undo(tenant, third.id)

  assert.equal(last.result.after.heldByTasks, undefined)
  await waitUntil(reaches)
})

test('a host that claims an isolation without proof leaves its task open', async (t) => {
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon, cordon.tenantId)
  const device = await enrolDevice(cordon, tenant.id, 'web-09')
  const taskId = await tenant.task(await tenant.incident(), {
    actionType: 'isolateDevice',
    responseAction: fittingAction('isolateDevice', 'web-09') as never,
  })
  const responder = await tenant.as('responder')
  await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
  const command = await awaitCommand(device)
  await device.acknowledge(command.commandId)

  await device.report(makeResult(command, { proof: null }))
  await waitUntil(async () => (await readExecutions(tenant, taskId))[0].state === 'unknown')

  assert.equal((await responder.get(`/beta/security/incidentTasks/${taskId}`)).body.actionStatus, 'inProgress')
})

test('an action the agent cannot do is refused by name when it is requested', async (t) => {
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon, cordon.tenantId)
  await enrolDevice(cordon, tenant.id, 'web-09')
  const responder = await tenant.as('responder')
  const incidentId = await tenant.incident()

  for (const actionType of ['runAntiVirusScan', 'restrictAppExecution'] as const) {
    const responseAction = fittingAction(actionType, 'web-09') as never
    const taskId = await tenant.task(incidentId, { actionType, responseAction })
    const reply = await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
    assert.equal(reply.status, 400)
    assert.equal(reply.body.error.innerError.code, 'NoExecutor')
    assert.ok(reply.body.error.message.includes(actionType))
  }
})

test('what a host refuses fails its task with the code', async (t) => {
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon, cordon.tenantId)
  const device = await enrolDevice(cordon, tenant.id, 'web-09')
  const taskId = await tenant.task(await tenant.incident(), {
    actionType: 'isolateDevice',
    responseAction: fittingAction('isolateDevice', device.id) as never,
  })
  const responder = await tenant.as('responder')
  await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
  const command = await awaitCommand(device)
  const target = {
    ref: `device:${device.id}`,
    state: 'refused',
    changed: false,
    code: 'DisabledByOwner',
    detail: 'no',
  } as const

  await device.report(
    makeResult(command, { state: 'refused', epoch: 0, before: null, after: null, proof: null, targets: [target] }),
  )
  const task = await waitForEnd(responder, taskId)

  assert.equal(task.actionStatus, 'failed')
  assert.equal(task.status, 'failed')
  assert.equal((await readExecutions(tenant, taskId))[0].reasonCode, 'DisabledByOwner')
})
