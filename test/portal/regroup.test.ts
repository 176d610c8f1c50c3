import assert from 'node:assert/strict'
import { look } from './axe.ts'
import { browserTest, screenOf } from './browser.ts'

browserTest(
  'an expert takes an alert out into an incident of its own, then merges that back, each with a reason',
  async ({ cordon, tenant, enter }) => {
    const from = await tenant.incident({ displayName: 'Web shell on web-07' })
    await tenant.alert(from, { title: 'Web shell written' })
    const strayId = await tenant.alert(from, { title: 'Printer jam' })
    const { page, faults, open } = await enter('expert')

    // Out, into one of its own.
    await open(screenOf(cordon, `incidents/${from}/alerts`))
    await page.getByRole('checkbox', { name: 'Choose Printer jam' }).check()
    await page.getByRole('button', { name: 'Move to another incident' }).click()
    const dialog = page.getByRole('alertdialog', { name: 'Move this alert' })
    const move = dialog.getByRole('button', { name: 'Move 1 alert' })
    await dialog.getByText('Name the incident.').waitFor()
    await dialog.getByLabel('Incident number').fill(from)
    await dialog.getByText('It stands there already.').waitFor()
    await dialog.getByLabel('Incident number').fill('999999999')
    await dialog.getByText('There is no such incident.').waitFor()
    await dialog.getByLabel('out of it, into an incident of its own').check()
    await dialog.getByText('Say why.').waitFor()
    assert.deepEqual(await look(page, 'move'), [])
    await dialog.getByLabel('Reason').fill('A jam is no web shell')
    await move.click()
    const done = page.getByRole('dialog', { name: 'Move this alert' })
    const link = done.getByRole('link', { name: /^INC-/ })
    const own = (await link.textContent())?.replace('INC-', '') ?? ''
    await link.click()
    await page.waitForURL(`**/incidents/${own}`)

    const reader = await tenant.as('reader')
    const moved = await reader.get(`/v1.0/security/alerts_v2/${strayId}`)
    assert.equal(moved.body.incidentId, own)
    const made = await reader.get(`/v1.0/security/incidents/${own}`)
    assert.match(JSON.stringify(made.body.comments), /A jam is no web shell/)

    // Back again, the whole of it.
    await page.getByRole('button', { name: 'Merge', exact: true }).click()
    const merge = page.getByRole('alertdialog', { name: `Merge incident ${own} into another` })
    await merge.getByLabel('Incident number').fill(`INC-${from}`)
    await merge.getByText(`INC-${from} `).waitFor()
    await merge.getByLabel('Reason').fill('It was the same host after all')
    await merge.getByRole('button', { name: `Merge incident ${own}` }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Close', exact: true }).last().click()
    await page.getByText('This incident was merged into').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Merge', exact: true }).count(), 0)

    const merged = await reader.get(`/v1.0/security/incidents/${own}`)
    assert.deepEqual([merged.body.status, merged.body.redirectIncidentId], ['redirected', from])
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'who may not regroup sees what is missing, and an auditor sees no control of it',
  async ({ cordon, tenant, enter }) => {
    const incidentId = await tenant.incident()
    const alertId = await tenant.alert(incidentId, { title: 'Web shell written' })
    const responder = await enter('responder')
    const auditor = await enter('auditor')

    await responder.open(screenOf(cordon, `alerts/${alertId}`))
    await responder.page.getByText('Needs an expert or admin.').waitFor()
    await responder.page.getByRole('button', { name: 'Move this alert' }).click({ force: true })
    assert.equal(await responder.page.getByRole('alertdialog').count(), 0)
    await auditor.open(screenOf(cordon, `incidents/${incidentId}/alerts`))
    await auditor.page.getByText('Web shell written').waitFor()

    assert.equal(await auditor.page.getByRole('checkbox').count(), 0)
    assert.equal(await auditor.page.getByRole('button', { name: /Move|Merge/ }).count(), 0)
    assert.deepEqual([...responder.faults, ...auditor.faults], [])
  },
)
