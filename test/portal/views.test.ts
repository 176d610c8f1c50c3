import assert from 'node:assert/strict'
import { waitUntil } from '../support/answers.ts'
import { browserTest, screenOf } from './browser.ts'

browserTest(
  'a filter is kept as a view, opens by its address alone, says when it is changed, and a role begins with its own',
  async ({ cordon, tenant, enter }) => {
    await tenant.incident({ displayName: 'Beacon', severity: 'high' })
    await tenant.incident({ displayName: 'Scan', severity: 'low' })
    const admin = await enter('admin')
    const { page, faults } = admin
    const count = (of: typeof page, wanted: number) =>
      waitUntil(
        () => of.locator('[role=row][data-id]').count(),
        (found) => found === wanted,
      )

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
