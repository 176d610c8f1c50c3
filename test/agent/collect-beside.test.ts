import assert from 'node:assert/strict'
import test from 'node:test'
import { fittingAction } from '../support/given.ts'
import { stop } from '../support/netns.ts'
import { createSite, execute, readExecutions, waitForEnd, waitUntil } from '../support/site.ts'

test('a host that collects is isolated meanwhile; an agent that was stopped then collects anew', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { tenant, agent, stateDirectory, startAgent } = site
  const responder = await tenant.as('responder')
  const taskId = await tenant.task(await tenant.incident(), {
    actionType: 'collectInvestigationPackage',
    responseAction: fittingAction('collectInvestigationPackage', 'web-01') as never,
  })
  await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
  await waitUntil(async () => (await readExecutions(tenant, taskId))[0].state === 'delivered')

  const { id: isolationId, task: isolation } = await execute(tenant, 'isolateDevice', 'web-01')
  await stop(agent)
  await startAgent(stateDirectory)
  const task = await waitForEnd(responder, taskId, 120)

  assert.deepEqual([isolation.actionStatus, task.actionStatus], ['completed', 'completed'])
  const [[isolated], [collected]] = [await readExecutions(tenant, isolationId), await readExecutions(tenant, taskId)]
  assert.ok(isolated.finishedAt < collected.finishedAt)
})
