import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { writeInstant } from '../../src/portal/shown/time-text.ts'
import { waitUntil } from '../support/answers.ts'
import { browserTest, screenOf } from './browser.ts'

const rows = (page: Page) => page.locator('[role=row][data-id]')

const count = (page: Page, wanted: number) =>
  waitUntil(
    () => rows(page).count(),
    (found) => found === wanted,
  )

/** Keeps what the list shows under a name. @returns the address of the view */
async function keep(page: Page, name: string): Promise<string> {
  await page.getByRole('button', { name: 'Save as a view' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill(name)
  await page.getByRole('dialog').getByRole('button', { name: 'Save the view' }).click()
  await page.waitForURL(/\?view=[0-9a-f-]{36}$/)
  return page.url()
}

browserTest(
  'a filter is kept as a view, opens by its address alone, says when it is changed, and a role begins with its own',
  async ({ cordon, tenant, enter }) => {
    await tenant.incident({ displayName: 'Beacon', severity: 'high' })
    await tenant.incident({ displayName: 'Scan', severity: 'low' })
    const admin = await enter('admin')
    const { page, faults } = admin

    await count(page, 2)
    await page.getByRole('button', { name: 'high' }).click()
    await count(page, 1)
    await page.getByRole('button', { name: 'Save as a view' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('What burns')
    await dialog.getByLabel('Everybody in the tenant sees it').check()
    await dialog.getByLabel('reader').check()
    await dialog.getByRole('button', { name: 'Save the view' }).click()
    await page.waitForURL(/\?view=[0-9a-f-]{36}$/)
    const address = page.url()
    await count(page, 1)
    await page.getByRole('button', { name: 'low' }).click()
    await page.waitForURL(/severity=high&severity=low&view=/)
    await count(page, 2)
    await page.getByText('changed', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Reset' }).click()
    await page.waitForURL(address)
    await count(page, 1)
    const reader = await enter('reader')
    await reader.page.waitForURL(/\?view=/)
    await count(reader.page, 1)
    const deletable = await reader.page.getByRole('button', { name: 'Delete this view' }).count()
    await reader.open(screenOf(cordon, 'incidents?severity=low'))
    await count(reader.page, 1)

    assert.equal(deletable, 0)
    assert.equal(new URL(reader.page.url()).search, '?severity=low', 'a wish of one’s own comes first')
    assert.deepEqual([...faults, ...reader.faults], [])
  },
)

browserTest(
  'tasks, alerts and the audit log have views of their own, and a filter that leaves nothing says which, and goes with one press',
  async ({ cordon, tenant, enter }) => {
    const id = await tenant.incident({ displayName: 'Beacon', severity: 'high' })
    await tenant.incident({ displayName: 'Scan', severity: 'low' })
    for (const displayName of ['Take web-07 off', 'Ask the owner']) {
      await tenant.task(id, { displayName })
    }
    const { page, faults, open } = await enter('auditor')
    const named = page.getByRole('searchbox', { name: 'Filter by name' })

    await open(screenOf(cordon, 'tasks'))
    await count(page, 2)
    await named.fill('WEB')
    await count(page, 1)
    const ofTasks = await keep(page, 'Servers')
    await page.getByRole('link', { name: 'Running' }).click()
    await page.getByText('No task matches.').waitFor()
    const says = await page.locator('main').innerText()
    await page.getByRole('button', { name: 'Clear the filters' }).click()
    await page.getByText('Nothing here.').waitFor()
    const cleared = page.url()
    await open(screenOf(cordon, 'alerts'))
    await page.getByRole('button', { name: 'high' }).click()
    const ofAlerts = await keep(page, 'What burns')
    const shownThere = await page.getByRole('navigation', { name: 'Views' }).innerText()
    await open(screenOf(cordon, 'audit'))
    await page.getByLabel('Action').fill('createView')
    await page.getByRole('button', { name: 'Filter', exact: true }).click()
    await count(page, 2)
    const ofAudit = await keep(page, 'Views')
    const written: unknown[] = []
    for (const zone of ['UTC', 'Asia/Kolkata', 'America/St_Johns']) {
      await page.evaluate(`localStorage.setItem('cordon.preferences', JSON.stringify({ zone: '${zone}' }))`)
      await page.reload()
      await rows(page).first().waitFor()
      const times = await page.evaluate<[string, string][]>(
        "[...document.querySelectorAll('main time')].map((one) => [one.dateTime, one.textContent])",
      )
      written.push(times.length > 0 && times.every(([at, text]) => at.endsWith('Z') && text === writeInstant(at, zone)))
    }
    const again = await Promise.all(
      (
        [
          [ofTasks, 1],
          [ofAudit, 3],
        ] as const
      ).map(async ([address, wanted]) => {
        const other = await page.context().newPage()
        await other.goto(address)
        await count(other, wanted)
        return rows(other).allInnerTexts()
      }),
    )

    assert.deepEqual(written, [true, true, true], 'each instant in the zone that is set')
    assert.match(says, /hidden by: name\./)
    assert.match(cleared, /tasks\?tab=running&view=/)
    assert.match(ofAlerts, /\/alerts\?view=/)
    assert.ok(!shownThere.includes('Servers'), shownThere)
    assert.match(again[0]?.join() ?? '', /^Take web-07 off/)
    assert.equal(again[1]?.length, 3)
    assert.ok(again[1]?.every((row) => row.includes('createView')))
    assert.deepEqual(faults, [])
  },
)
