import assert from 'node:assert/strict'
import { waitUntil } from '../support/answers.ts'
import { enrolDevice, makeResult } from '../support/device.ts'
import { fittingAction } from '../support/given.ts'
import { browserTest, screenOf } from './browser.ts'

browserTest(
  'a host has a page: health, what it can do and why not, the task that waits for it, and the runs on it',
  async ({ cordon, tenant, enter }) => {
    const device = await enrolDevice(cordon, tenant.id, 'web-07')
    const incidentId = await tenant.incident()
    const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
    await tenant.task(incidentId, {
      responseAction: fittingAction('isolateDevice', 'db-02'),
      displayName: 'Isolate db-02',
    })
    const { page, open, faults } = await enter('responder')

    await open(screenOf(cordon, 'devices'))
    await page.getByRole('link', { name: 'web-07' }).click()
    await page.getByRole('heading', { name: 'web-07' }).waitFor()
    const tasks = page.getByRole('region', { name: 'Tasks on this host' })
    await tasks.getByRole('link', { name: 'Isolate web-07' }).waitFor()
    const others = await tasks.getByRole('link', { name: 'Isolate db-02' }).count()
    await (await tenant.as('responder')).post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
    const [command] = await waitUntil(
      () => device.fetch(),
      (commands) => commands.length > 0,
    )
    assert.ok(command)
    await device.acknowledge(command.commandId)
    await device.report(makeResult(command))
    await tasks.locator('[data-run-state=succeeded]').waitFor()
    const said = await page.locator('main').innerText()

    assert.equal(others, 0)
    assert.match(said, /online/)
    assert.match(said, /in effect/)
    const absent = await enter('reader')
    await absent.open(screenOf(cordon, 'devices/00000000-0000-4000-8000-000000000000'))
    await absent.page.getByRole('heading', { name: 'Nothing is here' }).waitFor()
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'a connector shows how it was found and what its test says; without one there is a next step, and others are told why they see none',
  async ({ cordon, tenant, enter }) => {
    const { page, open } = await enter('admin')
    await open(screenOf(cordon, 'connectors'))
    await page.getByText('No connector is set up.').waitFor()
    const made = await (await tenant.as('admin')).post('/api/v1/connectors', {
      kind: 'ldap',
      name: 'directory',
      settings: {
        url: 'ldaps://127.0.0.1:9',
        bindDn: 'cn=cordon,dc=example,dc=org',
        baseDn: 'dc=example,dc=org',
        passwordPolicy: 'cn=default,dc=example,dc=org',
      },
      secrets: { bindPassword: 'x' },
    })
    assert.equal(made.status, 201, made.text)

    await open(screenOf(cordon, 'connectors'))
    await page.getByRole('button', { name: 'Test directory' }).click()
    await page.getByRole('list', { name: 'Test of directory' }).getByText('✕ fails').first().waitFor()
    const reader = await enter('reader')
    await reader.open(screenOf(cordon, 'connectors'))
    await reader.page.getByText('Connectors are shown to admins').waitFor()

    assert.deepEqual(reader.faults, [])
  },
)
