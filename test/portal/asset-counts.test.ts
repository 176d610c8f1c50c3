import assert from 'node:assert/strict'
import { browserTest, listenForRequests, screenOf } from './browser.ts'

const device = '#microsoft.graph.security.deviceEvidence' as const

browserTest(
  'a row of the queue says how many assets its alerts name, counted after the rows stand and without moving them; no card asks for it',
  async ({ cordon, tenant, enter }) => {
    const incident = await tenant.incident({ displayName: 'Two hosts' })
    for (const hostName of ['web-01', 'web-02']) {
      await tenant.alert(incident, { evidence: [{ '@odata.type': device, hostName }] })
    }
    const busy = await tenant.incident({ displayName: 'Many alerts' })
    for (let number = 0; number < 26; number++) {
      await tenant.alert(busy, { evidence: [{ '@odata.type': device, hostName: 'web-03' }] })
    }
    const { page, faults, open } = await enter('responder', { width: 1600, height: 900 })
    const cell = (id: string) => page.locator(`[role=row][data-id="${id}"]`)
    // Signing in led to a queue that may ask until it is left; one without the column asks for nothing.
    await open(screenOf(cordon, 'incidents?cols=name&cols=alerts'))
    await cell(incident).waitFor()
    const columns = await page.getByRole('columnheader').allInnerTexts()
    const asked = listenForRequests(page, '/assets/counts')
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await page.route('**/api/v1/assets/counts*', async (route) => {
      await held
      await route.continue()
    })
    await open(screenOf(cordon, 'incidents'))
    await page.getByRole('columnheader', { name: 'Assets', exact: true }).waitFor()
    await cell(incident).waitFor()
    // The strip above the rows has an answer of its own, and so has the number of incidents.
    await page.getByText(/^2 incidents/).waitFor()
    await page.getByText(/^Last 24 h/).waitFor()
    const boxes = (): Promise<unknown> =>
      page.evaluate(
        `[...document.querySelectorAll('[role=row][data-id] > [role=gridcell]')].map((one) => JSON.stringify(one.getBoundingClientRect()))`,
      )
    const before = await boxes()
    release()
    await cell(incident).getByText('2 assets', { exact: true }).waitFor()
    await cell(busy).getByText('at least 1 asset', { exact: true }).waitFor()
    const after = await boxes()
    const all = asked.length
    await tenant.alert(incident, { evidence: [{ '@odata.type': device, hostName: 'web-04' }] })
    const responder = await tenant.as('responder')
    await responder.patch(`/beta/security/incidents/${incident}`, { displayName: 'Three hosts' })
    await cell(incident).getByText('3 assets', { exact: true }).waitFor()
    await page.setViewportSize({ width: 390, height: 844 })
    await open(screenOf(cordon, 'incidents?cols=name&cols=alerts'))
    await open(screenOf(cordon, 'incidents'))
    await cell(incident).getByText('needs', { exact: false }).or(cell(incident).getByText('none open')).waitFor()
    const cards = await cell(incident).innerText()

    assert.deepEqual(after, before, 'nothing moves when the counts come')
    assert.equal(all, 1, 'one request for all rows in sight')
    assert.deepEqual(columns.slice(1), ['Name', 'Alerts'])
    assert.doesNotMatch(cards, /asset/)
    assert.equal(asked.length, 0, 'a list without the column asks for nothing')
    assert.deepEqual(faults, [])
  },
)
