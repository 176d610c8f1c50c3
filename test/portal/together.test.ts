import assert from 'node:assert/strict'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { browserTest, screenOf } from './browser.ts'

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

browserTest(
  'two people edit one incident: the second sees per field what the first wrote, and keeps what was typed',
  async ({ cordon, tenant, enter }) => {
    const incidentId = await tenant.incident({ displayName: 'Beacon on web-07', severity: 'low' })
    const [ada, bo] = await Promise.all([enter('responder'), enter('responder')])
    for (const { open, page } of [ada, bo]) {
      await open(screenOf(cordon, `incidents/${incidentId}`))
      await page.getByRole('button', { name: 'Edit', exact: true }).click()
      await page.getByRole('dialog').getByLabel('Name').waitFor()
    }

    await ada.page.getByRole('dialog').getByLabel('Name').fill('Beacon on web-07, confirmed')
    await ada.page.getByRole('button', { name: 'Save', exact: true }).click()
    await ada.page.getByRole('dialog').waitFor({ state: 'detached' })
    const dialog = bo.page.getByRole('dialog')
    await dialog.getByLabel('Summary').fill('Bo looks at it.')
    await dialog.getByRole('button', { name: 'Save', exact: true }).click()
    await dialog.getByText('Somebody changed it meanwhile.').waitFor()
    await dialog.getByText('Now there: Beacon on web-07, confirmed').waitFor()
    const kept = await dialog.getByLabel('Summary').inputValue()
    await dialog.getByRole('button', { name: 'Save mine over it' }).click()
    await dialog.waitFor({ state: 'detached' })

    const { body } = await (await tenant.as('reader')).get(`/beta/security/incidents/${incidentId}`)
    assert.equal(kept, 'Bo looks at it.')
    // Only what Bo touched was sent: Ada's name stays.
    assert.deepEqual([body.displayName, body.summary], ['Beacon on web-07, confirmed', 'Bo looks at it.'])
  },
)

/** What axe finds in the dialog that a press opens, with the page's own colours and with forced ones. */
async function lookInto(page: Page, opener: string | RegExp): Promise<string[]> {
  await page.getByRole('button', { name: opener }).first().click()
  await page.locator('[role=dialog], [role=alertdialog]').waitFor()
  const found: string[] = []
  for (const forcedColors of ['none', 'active'] as const) {
    await page.emulateMedia({ forcedColors })
    const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze()
    found.push(
      ...violations.map(({ id, nodes }) => `${opener} ${forcedColors}: ${id} at ${nodes[0]?.html.slice(0, 120)}`),
    )
  }
  await page.keyboard.press('Escape')
  await page.locator('[role=dialog], [role=alertdialog]').waitFor({ state: 'detached' })
  return found
}

browserTest(
  'axe finds nothing in the dialogs that propose, pause dispatch and show an audit entry, nor on screens with forced colours',
  async ({ cordon, tenant, enter }) => {
    const incidentId = await tenant.incident({ displayName: 'Web shell on web-07' })
    await tenant.alert(incidentId, {
      evidence: [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: 'web-07' } as never],
    })
    await (await tenant.as('responder')).patch(`/beta/security/incidents/${incidentId}`, { severity: 'high' })
    const found: string[] = []

    const expert = await enter('expert')
    await expert.open(screenOf(cordon, `incidents/${incidentId}`))
    await expert.page.getByRole('group', { name: 'Attack story, picture' }).waitFor()
    found.push(...(await lookInto(expert.page, 'Propose a task')))
    const admin = await enter('admin')
    await admin.open(screenOf(cordon, 'approvals'))
    found.push(...(await lookInto(admin.page, /^Pause all dispatch/)))
    await admin.page.emulateMedia({ forcedColors: 'active' })
    for (const screen of ['incidents', `incidents/${incidentId}`, 'reports', 'audit', 'start']) {
      await admin.open(screenOf(cordon, screen))
      await admin.page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' })
      const { violations } = await new AxeBuilder({ page: admin.page }).withTags(tags).analyze()
      found.push(...violations.map(({ id, nodes }) => `${screen} forced: ${id} at ${nodes[0]?.html.slice(0, 120)}`))
    }
    await admin.open(screenOf(cordon, 'audit'))
    await admin.page.locator('[role=row][data-id]').first().click()
    await admin.page.getByRole('dialog').waitFor()
    const { violations } = await new AxeBuilder({ page: admin.page }).withTags(tags).analyze()
    found.push(...violations.map(({ id, nodes }) => `entry: ${id} at ${nodes[0]?.html.slice(0, 120)}`))

    assert.deepEqual(found, [])
  },
)
