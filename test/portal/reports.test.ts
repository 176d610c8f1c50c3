import assert from 'node:assert/strict'
import { instantOf } from '../../src/io/clock.ts'
import { browserTest, screenOf } from './browser.ts'

const hourMs = 3_600_000
const hourNow = (): number => Math.floor(Date.now() / hourMs)

browserTest(
  'without data every report says so in words; with data the picture and its table say the same',
  async ({ cordon, tenant, enter }) => {
    const { page, open, faults } = await enter('reader')

    await open(screenOf(cordon, 'reports'))
    await page.getByText('No incident is open.').waitFor()
    await page.getByText('No action has run yet.').waitFor()
    await page.getByText('There was no incident.').waitFor()
    await page.getByText('Not enough data yet (n = 0; 5 are needed).').first().waitFor()
    const emptyCharts = await page.locator('main svg').count()
    const incidentId = await tenant.incident({ severity: 'high' })
    for (let number = 1; number <= 6; number++) {
      const createdDateTime = instantOf(Date.now() - number * 60_000)
      const taskId = await tenant.task(await tenant.incident({ createdDateTime, severity: 'low' }))
      await tenant.execution(taskId, number < 5 ? 'succeeded' : 'failed')
    }
    await open(screenOf(cordon, 'reports'))
    const chart = page.getByRole('img', {
      name: 'Time of the experts, p50 and p90 by week, 6 cases; the table says the same',
    })
    await chart.waitFor()
    const dots = await chart.locator('circle').count()
    await page.getByText('isolateDevice: 4 done, 2 failed').waitFor()
    const experts = page.locator('[aria-label="Time of the experts, table"]')
    await page.locator('details', { has: experts }).locator('summary').click()
    const cases = (await experts.locator('td:nth-child(2)').allTextContents()).map(Number)
    const ageing = page.getByRole('region', { name: 'Age of the queue, table' })
    await ageing.getByRole('link', { name: `INC-${incidentId}` }).waitFor()
    const high = await ageing.getByRole('row', { name: /High/ }).locator('td').allTextContents()
    await ageing.getByRole('link', { name: `INC-${incidentId}` }).click()
    await page.waitForURL(new RegExp(`/incidents/${incidentId}$`))

    assert.equal(emptyCharts, 0)
    assert.equal(
      cases.reduce((sum, one) => sum + one, 0),
      6,
    )
    assert.equal(cases.filter((count) => count > 0).length, dots)
    assert.deepEqual(high.slice(1, 7), ['1', '0', '0', '0', '0', '0'])
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'the queue begins with what came in the last 24 hours, which can be put away for good',
  async ({ cordon, tenant, enter }) => {
    const hour = hourNow()
    const incidentId = await tenant.incident({ displayName: 'Web shell on web-07' })
    await tenant.alert(incidentId, { title: 'Web shell written' })
    const { page, open, faults } = await enter('reader')

    await open(screenOf(cordon, 'incidents'))
    await page.getByText('Last 24 h: 1 incident, 1 alert').waitFor()
    await page.getByRole('img', { name: 'Alerts by the hour, at most 1; the table says the same' }).waitFor()
    await page.getByText('As a table').click()
    const rows = page.getByRole('region', { name: 'The last 24 hours, table' }).locator('tbody tr')
    await rows.last().waitFor()
    const counted = (await rows.locator('td:nth-child(3)').allTextContents()).map(Number)
    // The last hour, or one before it when the hour has changed since the alert came.
    const late = counted.slice(-1 - (hourNow() - hour)).reduce((sum, one) => sum + one, 0)
    assert.deepEqual([counted.length, counted.reduce((sum, one) => sum + one, 0), late], [24, 1, 1])
    await page.getByRole('button', { name: 'Hide the last 24 hours' }).click()
    await page.reload()
    await page.getByRole('button', { name: 'Show the last 24 hours' }).waitFor()

    assert.equal(await page.getByText('Last 24 h:').count(), 0)
    assert.deepEqual(faults, [])
  },
)
