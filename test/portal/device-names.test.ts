import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { fittingAction, giveTenant, type Tenant } from '../support/given.ts'
import { browserTest, listenForRequests, screenOf } from './browser.ts'

const guid = (at: number): string => `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`

/** An incident with two tasks about a device that an alert names, one about a device of which nothing but its id is known, and one that says the name itself. */
async function giveTasks(tenant: Tenant, hostName: string, id: string): Promise<string> {
  const sent = await (await tenant.as('admin')).post('/v1.0/security/alerts_v2', {
    title: 'Seen',
    severity: 'high',
    providerAlertId: `given-${hostName}`,
    evidence: [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName, mdeDeviceId: id }],
  })
  assert.equal(sent.status, 201, sent.text)
  for (const target of [id, id, guid(99), hostName]) {
    const responseAction = fittingAction('isolateDevice', target)
    const task = await tenant.task(sent.body.incidentId, { displayName: `Isolate on ${hostName}`, responseAction })
    await tenant.execution(task, 'failed', { device: target })
  }
  return sent.body.incidentId
}

const cells = async (page: Page, hosts: readonly string[]): Promise<string[]> => {
  for (const name of hosts) await page.getByRole('gridcell', { name, exact: true }).first().waitFor()
  const rows = page.locator('[role=grid] code').filter({ hasText: /^(web|acme)-|^0000/ })
  return (await rows.allTextContents()).sort()
}

browserTest(
  'a list of tasks or runs, also of all tenants, says the name of a device beside its id, asked for all rows at once',
  async ({ cordon, tenant, enter }) => {
    const acme = await giveTenant(cordon, await cordon.createTenant('Acme Works'))
    await giveTasks(tenant, 'web-07', guid(7))
    await giveTasks(acme, 'acme-01', guid(1))
    const { page, open, faults } = await enter('expert')
    const { id: personId } = await cordon.store.read
      .selectFrom('users')
      .select('id')
      .where('tenant_id', '=', tenant.id)
      .where('role', '=', 'expert')
      .executeTakeFirstOrThrow()
    const headers = { 'Content-Type': 'application/json' }
    const member = await (await acme.as('admin')).send(
      'PUT',
      `/api/v1/members/${personId}`,
      '{"role":"expert"}',
      headers,
    )
    assert.equal(member.status, 200, member.text)
    const asked = listenForRequests(page, '/devices/names')
    const own = [`web-07 ${guid(7)}`, `web-07 ${guid(7)}`, guid(99), 'web-07'].sort()
    const both = [...own, `acme-01 ${guid(1)}`, `acme-01 ${guid(1)}`, guid(99), 'acme-01'].sort()
    const list = async (path: string, hosts: readonly string[]): Promise<[string[], number]> => {
      await open(path)
      return [await cells(page, hosts), asked.length]
    }
    const here = [`web-07 ${guid(7)}`]
    const everywhere = [...here, `acme-01 ${guid(1)}`]

    const tasks = await list(`/t/${tenant.id}/tasks`, here)
    const runs = await list(`/t/${tenant.id}/tasks?tab=history`, here)
    const allTasks = await list('/t/all/tasks', everywhere)
    const allRuns = await list('/t/all/tasks?tab=history', everywhere)

    assert.deepEqual(tasks, [own, 1])
    assert.deepEqual(runs, [own, 1])
    assert.deepEqual(allTasks, [both, 2], 'one request in each tenant')
    assert.deepEqual(allRuns, [both, 2])
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'an incident beside the list and its report name the device too that a task knows by an id',
  async ({ cordon, tenant, enter }) => {
    const incident = await giveTasks(tenant, 'web-07', guid(7))
    const { page, open, faults } = await enter('expert')

    await open(screenOf(cordon, `incidents?preview=${incident}&sel=${incident}`))
    const targets = page.getByRole('complementary', { name: 'Preview', exact: true }).locator('[data-task-id] code')
    await targets.filter({ hasText: 'web-07 ' }).first().waitFor()
    const beside = (await targets.allTextContents()).sort()
    await open(screenOf(cordon, `incidents/${incident}/report`))
    await page
      .getByText(`isolateDevice on web-07 (${guid(7)}).`)
      .first()
      .waitFor()
    const report = await page.locator('article').innerText()

    assert.deepEqual(beside, [`web-07 ${guid(7)}`, `web-07 ${guid(7)}`, guid(99), 'web-07'].sort())
    assert.match(report, new RegExp(`isolateDevice on ${guid(99)}\\.`))
    assert.deepEqual(faults, [])
  },
)
