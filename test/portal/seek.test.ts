import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { writeLog } from '../audit/given.ts'
import { waitUntil } from '../support/answers.ts'
import { browserTest, type Stage, screenOf } from './browser.ts'

const offset = "document.querySelector('[role=grid] > [role=rowgroup]:last-child').scrollTop"
/** In CSS pixels. */
const rowHeight = 36

async function focusOn(page: Page, id: string): Promise<void> {
  await page.locator(`[role=row][data-id="${id}"]:focus`).waitFor()
}

/** More of each list than a page of it; returns the last row of each. */
async function fill({ cordon, tenant }: Stage) {
  const incidentId = await tenant.incident({ displayName: 'Beacon 0' })
  const at = (minutes: number): string => new Date(Date.UTC(2026, 0, 1, 0, minutes)).toISOString().replace('Z', '0000Z')
  const times = (minutes: number) => ({ createdDateTime: at(minutes), lastUpdateDateTime: at(minutes) })
  const alert = await tenant.alert(incidentId, times(0))
  for (let n = 1; n < 120; n++) await tenant.alert(incidentId, times(n))
  const tasks: string[] = []
  for (let n = 0; n < 120; n++) tasks.push(await tenant.task(incidentId, { createdDateTime: at(n) }))
  const runs: string[] = []
  for (const task of tasks.slice(0, 70)) runs.push(await tenant.execution(task, 'failed'))
  await writeLog(cordon.store, 120, tenant.id)
  return { alert, task: tasks.at(-1) ?? '', run: runs[0] ?? '' }
}

browserTest(
  'an address finds its row again however far down the list it stands, in each list, and where the list was scrolled to',
  async (stage) => {
    const { cordon, tenant, enter } = stage
    const last = await fill(stage)
    const ids: string[] = []
    for (let n = 0; n < 130; n++) ids.unshift(await tenant.incident({ displayName: `Beacon ${n}`, severity: 'high' }))
    const [target = '', beside = ''] = [ids.at(-5), ids.at(-6)]
    const { page, context, open, faults } = await enter('admin')
    await open(screenOf(cordon, 'incidents?severity=high&q=beacon'))
    await page.locator(`[role=row][data-id="${ids[0]}"]`).focus()
    // The end of what is loaded, which moves on as it is reached.
    await waitUntil(
      async () => {
        await page.keyboard.press('End')
        return page.evaluate<string | undefined>('document.activeElement.dataset.id')
      },
      (id) => id === ids.at(-1),
      60,
    )
    for (const id of ids.slice(-5, -1).reverse()) {
      await page.keyboard.press('k')
      await focusOn(page, id)
    }
    await page.waitForURL(new RegExp(`&sel=${target}$`))
    const scrolled = Number(await page.evaluate(offset))

    const copy = await context.newPage()
    await copy.goto(page.url())
    await focusOn(copy, target)
    const there = await copy.evaluate(`[location.search, document.activeElement.dataset.index]`)
    const isSeen = await copy.locator(`[data-id="${target}"]`).evaluate((row) => {
      const [inner, outer] = [row, row.parentElement?.parentElement].map((one) => one?.getBoundingClientRect())
      return inner !== undefined && outer !== undefined && inner.top >= outer.top && inner.bottom <= outer.bottom
    })
    await copy.keyboard.press('k')
    await focusOn(copy, beside)
    await copy.close()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Beacon 4', exact: true }).waitFor()
    await page.goBack()
    await focusOn(page, target)
    const back = Number(await page.evaluate(offset))
    for (const [path, id] of [
      ['alerts?', last.alert],
      ['tasks?', last.task],
      ['tasks?tab=history&', last.run],
      ['audit?', '3'],
    ] as const) {
      await open(screenOf(cordon, `${path}sel=${id}`))
      await focusOn(page, id)
    }
    await open(`/t/all/incidents?sel=default%2F${target}`)
    await focusOn(page, `default/${target}`)

    assert.deepEqual(there, [`?severity=high&q=beacon&sel=${target}`, '125'])
    assert.ok(isSeen)
    assert.ok(scrolled > 100 * rowHeight && Math.abs(back - scrolled) <= rowHeight, `${scrolled}, then ${back}`)
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'a row that is not in the list any more is told in words, and nobody has to wait for one that is looked for',
  async ({ cordon, tenant, enter }) => {
    const first = await tenant.incident({ displayName: 'Beacon', severity: 'high' })
    const low = await tenant.incident({ severity: 'low' })
    let newest = ''
    for (let n = 0; n < 60; n++) newest = await tenant.incident({ severity: 'high' })
    const { page, open, faults } = await enter('admin')

    await open(screenOf(cordon, `incidents?severity=high&sel=${low}`))
    await page.getByRole('status').getByText(`Row ${low} is not in this list any more.`, { exact: true }).waitFor()
    await focusOn(page, newest)
    await open(screenOf(cordon, `audit?sel=999999`))
    await page.getByRole('status').getByText('Row 999999 is not in this list any more.', { exact: true }).waitFor()
    const held: (() => void)[] = []
    await page.route(/\/incidents\?.*skiptoken/, (route) => {
      held.push(() => void route.continue().catch(() => undefined))
    })
    await open(screenOf(cordon, `incidents?severity=high&sel=${first}`))
    await page.getByRole('status').getByText(`Looking for row ${first} in this list.`, { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Show the list', exact: true }).click()
    await focusOn(page, newest)
    await page.getByRole('status').getByText(`Row ${first} was not looked for any further.`, { exact: true }).waitFor()
    for (const go of held) go()

    assert.deepEqual(faults, [])
  },
)
