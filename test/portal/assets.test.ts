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
    const tasks = page.getByRole('region', { name: 'Tasks about it' })
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
    const held = page.locator('[data-containment=isolateDevice]')
    await held.waitFor()
    await page.getByRole('region', { name: 'Runs about it' }).locator('[data-run-state=succeeded]').waitFor()
    const containment = await held.innerText()
    const said = await page.locator('main').innerText()
    await page.getByText('Only experts propose actions').waitFor()
    await open(screenOf(cordon, 'reports'))
    const now = page.getByRole('region', { name: 'Containment now', exact: true })
    await now.getByRole('link', { name: `INC-${incidentId}` }).waitFor()
    await now.getByRole('link', { name: 'web-07', exact: true }).click()
    await page.getByRole('heading', { name: 'web-07' }).waitFor()

    assert.equal(others, 0)
    assert.match(said, /online/)
    assert.match(said, /in effect/)
    assert.match(
      containment,
      new RegExp(`^Isolated since .* UTC by .*, by the task of incident ${incidentId}, until somebody`),
    )
    const absent = await enter('reader')
    await absent.open(screenOf(cordon, 'devices/00000000-0000-4000-8000-000000000000'))
    await absent.page.getByRole('heading', { name: 'Nothing is here' }).waitFor()
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'a user and a mailbox have pages: what holds them, their incidents, and the form that proposes what fits them; the incident lists all three',
  async ({ cordon, tenant, enter }) => {
    const type = (name: string): string => `#microsoft.graph.security.${name}Evidence`
    const address = 'ada@contoso.example'
    const sent = await (await tenant.as('admin')).post('/v1.0/security/alerts_v2', {
      title: 'Sign-in from two countries',
      severity: 'high',
      providerAlertId: 'asset-1',
      evidence: [
        { '@odata.type': type('user'), userAccount: { userPrincipalName: address, accountName: 'ada' } },
        { '@odata.type': type('mailbox'), primaryAddress: address },
        { '@odata.type': type('device'), hostName: 'lone-09' },
      ],
    })
    assert.equal(sent.status, 201, sent.text)
    const incidentId: string = sent.body.incidentId
    const { page, open, faults } = await enter('expert')

    await open(screenOf(cordon, `incidents/${incidentId}`))
    await page.getByRole('heading', { level: 1 }).waitFor()
    await page.keyboard.press('4')
    const assets = page.getByRole('region', { name: 'Assets of the incident' })
    await assets.getByRole('link', { name: 'lone-09' }).waitFor()
    const kinds = await assets.locator('tbody td:first-child').allInnerTexts()
    await assets.locator('[data-entity-id^="user "]').getByRole('link', { name: address }).click()
    await page.getByRole('heading', { name: address }).waitFor()
    await page.getByText('Not cut off').waitFor()
    await page
      .getByRole('region', { name: 'Incidents' })
      .getByRole('link', { name: `INC-${incidentId}` })
      .waitFor()
    await page.getByRole('button', { name: 'Propose an action' }).click()
    const form = page.getByRole('dialog', { name: 'Propose a task' })
    const action = form.getByLabel('Action')
    await action.waitFor()
    const actions = await action.locator('option').allInnerTexts()
    const target = await form.getByLabel('Target').inputValue()
    await page.keyboard.press('Escape')
    await page.getByRole('navigation', { name: 'Assets' }).getByRole('link', { name: 'Mailboxes' }).click()
    await page.locator(`tr[data-id="${address}"]`).waitFor()
    await page.getByLabel('Name begins with').fill('bo')
    await page.getByText('No name begins with that.').waitFor()
    const narrowed = new URL(page.url()).search
    await page.getByRole('button', { name: 'Clear the search' }).click()
    await page.locator(`tr[data-id="${address}"]`).getByRole('link').click()
    await page.getByText('They act on the account of this address.').waitFor()
    const here = await page.getByRole('navigation', { name: 'Screens' }).locator('[aria-current]').innerText()

    assert.deepEqual(kinds.toSorted(), ['device', 'mailbox', 'user'])
    assert.ok(actions.includes('Disable'), String(actions))
    assert.ok(!actions.includes('Isolate'), String(actions))
    assert.equal(target, address)
    assert.equal(narrowed, '?q=bo')
    assert.match(here, /Assets/)
    const auditor = await enter('auditor')
    await auditor.open(screenOf(cordon, `users/${address}`))
    await auditor.page.getByRole('heading', { name: address }).waitFor()
    assert.equal(await auditor.page.locator('main button').count(), 0)
    await auditor.open(screenOf(cordon, 'users/nobody@contoso.example'))
    await auditor.page.getByRole('heading', { name: 'Nothing is here' }).waitFor()
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
