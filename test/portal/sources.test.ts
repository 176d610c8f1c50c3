import assert from 'node:assert/strict'
import { waitUntil } from '../support/answers.ts'
import { browserTest, screenOf } from './browser.ts'

const rows = '[role=grid] [role=row][data-id]'

browserTest(
  'the queue is filtered by the source of any alert: counted beside the list, in the address, taken away again, kept in a view',
  async ({ cordon, tenant, enter }) => {
    const both = await tenant.incident({ displayName: 'Of two sources' })
    await tenant.alert(both, { serviceSource: 'dataLossPrevention' })
    await tenant.alert(both, { serviceSource: 'microsoftSentinel' })
    const one = await tenant.incident({ displayName: 'Of one source' })
    await tenant.alert(one, { serviceSource: 'microsoftSentinel' })
    const other = await tenant.incident({ displayName: 'Of another' })
    await tenant.alert(other, { serviceSource: 'microsoftDefenderForEndpoint' })
    const { page, faults, open } = await enter('responder', { width: 1440, height: 900 })
    const see = (ids: readonly string[]): Promise<unknown> =>
      waitUntil(
        () => page.evaluate<string[]>(`[...document.querySelectorAll('${rows}')].map((row) => row.dataset.id)`),
        (found) => found.join(' ') === ids.join(' '),
        60,
      )

    await see([other, one, both])
    await page.getByRole('button', { name: 'Values', exact: true }).click()
    const source = page.getByRole('group', { name: 'Source', exact: true })
    await source.getByRole('checkbox', { name: /^microsoftSentinel (at least )?2$/ }).check()
    await page.waitForURL(/\?source=microsoftSentinel&panel=values$/)
    await see([one, both])
    await source.getByRole('checkbox', { name: /^dataLossPrevention (at least )?1$/ }).check()
    await page.getByRole('button', { name: 'Remove the filter source microsoftSentinel', exact: true }).click()
    await page.waitForURL(/\?source=dataLossPrevention&panel=values$/)
    await see([both])
    await page.getByRole('button', { name: 'Save as a view' }).click()
    const naming = page.getByRole('dialog', { name: 'Save as a view' })
    await naming.getByLabel('Name').fill('What leaks')
    await naming.getByRole('button', { name: 'Save the view' }).click()
    await page.waitForURL(/\?view=[0-9a-f-]{36}/)
    await see([both])
    await open(screenOf(cordon, 'incidents?source=dataLossPrevention&source=microsoftDefenderForEndpoint'))
    await see([other, both])
    await page.getByText('2 incidents').waitFor()
    await open(screenOf(cordon, 'incidents?source=microsoft365Defender'))
    await page.getByText('No incident matches.').waitFor()
    // A value that is none leaves nothing out, and says so.
    await open(screenOf(cordon, 'incidents?source=dataLossPrevention&source=junk'))
    await see([both])
    await page.getByRole('button', { name: 'Remove the filter source dataLossPrevention', exact: true }).waitFor()
    await page
      .getByRole('button', { name: 'Remove the filter source junk, which is not understood', exact: true })
      .click()
    await page.waitForURL(/\?source=dataLossPrevention$/)

    assert.deepEqual(faults, [])
  },
)
