import assert from 'node:assert/strict'
import { defaultPolicy } from '../../src/model/safety/policy.ts'
import { enrolDevice } from '../support/device.ts'
import { setPolicy } from '../support/policies.ts'
import { browserTest, screenOf } from './browser.ts'

const excluded = { name: 'tills', ids: [], names: ['web-07'], tags: [], since: null }

browserTest(
  'a proposal can be sent before the dry run is there, says what the customer will see, and why the expert may not run it',
  async ({ cordon, tenant, enter }) => {
    await enrolDevice(cordon, tenant.id, 'web-07')
    await enrolDevice(cordon, tenant.id, 'db-02')
    const { managedResponse } = defaultPolicy
    await setPolicy(cordon.store, tenant.id, { managedResponse: { ...managedResponse, excluded: [excluded] } })
    const incidentId = await tenant.incident({ displayName: 'Beacon', severity: 'high', assignedTo: 'ada' })
    await tenant.alert(incidentId, {
      evidence: [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: 'web-07' } as never],
    })
    const { page, faults, open } = await enter('expert')
    const held = Promise.withResolvers<void>()
    await page.route('**/api/v1/tasks/preview**', async (route) => {
      await held.promise
      await route.continue()
    })
    const dialog = page.getByRole('dialog', { name: 'Propose a task' })
    const send = dialog.getByRole('button', { name: 'Send to customer' })
    const card = dialog.getByRole('region', { name: 'This is what the customer will see' })
    const dryRun = dialog.getByRole('region', { name: 'Dry run' })

    await open(screenOf(cordon, `incidents/${incidentId}`))
    await page.getByRole('group', { name: 'Attack story, picture' }).waitFor()
    await page.keyboard.press('t')
    await card.getByRole('heading', { name: 'Isolate web-07' }).waitFor()
    await dialog.getByLabel(/^Why/).fill('It talks.')
    await dialog.getByText('At least 20 letters, 11 to go.').waitFor()
    const offWhenShort = await send.getAttribute('aria-disabled')
    await dialog.getByLabel(/^Why/).fill('It talks to an address that only this group uses.')
    await card.getByText('It talks to an address that only this group uses.').waitFor()
    const cardSays = await card.innerText()
    const offMeanwhile = await send.getAttribute('aria-disabled')
    const asks = await dialog.getByText('Asking whether you may run it yourself').count()
    held.resolve()
    const withheld = dialog.getByRole('button', { name: /^Send as guided: web-07 is excluded by default since \d{4}-/ })
    await withheld.waitFor()
    await dryRun.getByText("'web-07' is excluded from managed response").waitFor()
    // The host does not answer, so what the server knows itself stands alone.
    await dryRun.getByText('Nothing was done. Checked').waitFor()
    const runsExcluded = await dialog.getByRole('button', { name: /^Run now/ }).count()
    await dialog.getByLabel('Target').fill('db-02')
    await dialog.getByRole('button', { name: 'Run now as managed response' }).waitFor()
    await dialog.getByLabel('Action').selectOption('disableUser')
    await dialog.getByRole('button', { name: 'Send as guided: Cordon cannot run this here' }).waitFor()
    await dryRun.getByText('Currently disableUser is not supported').waitFor()
    await card.getByText('Cordon cannot run this here: Currently disableUser is not supported').waitFor()
    await dialog.getByLabel('Action').selectOption('isolateDevice')
    await dialog.getByLabel('Target').fill('web-07')
    await dialog.getByText('assigned to Customer; ada has it again').waitFor()
    await withheld.click()
    await dialog.waitFor({ state: 'detached' })

    const api = await tenant.as('expert')
    const { body: incident } = await api.get(`/beta/security/incidents/${incidentId}`)
    const { body: tasks } = await api.get('/beta/security/incidentTasks')
    assert.deepEqual([offWhenShort, offMeanwhile, asks, runsExcluded], ['true', 'false', 1, 0])
    for (const part of ['Task: open', 'Action: not started', 'Guided', 'Urgency: now.', 'Waiting for you.'])
      assert.ok(cardSays.includes(part), `${part} in ${cardSays}`)
    assert.equal(incident.assignedTo, 'Customer')
    assert.deepEqual(
      tasks.value.map((task: Record<string, unknown>) => [task.source, task.displayName, task.description]),
      [
        [
          'defenderExpertsGuidedResponse',
          'Isolate web-07',
          'Urgency: now.\n\nIt talks to an address that only this group uses.',
        ],
      ],
    )
    assert.deepEqual(faults, [])
  },
)
