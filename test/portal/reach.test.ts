import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { settle } from './axe.ts'
import { browserTest } from './browser.ts'
import { ask, visitDialogs } from './measure.ts'
import { give, giveSecondTenant, listScreens } from './screens.ts'

for (const { touch, width, floor } of [
  { touch: false, width: 1440, floor: 28 },
  { touch: true, width: 390, floor: 44 },
]) {
  browserTest(
    `every target on every screen and in the main dialogs is at least ${floor} pixels wide and high with a ${touch ? 'finger' : 'pointer'}, and none is cramped`,
    async ({ cordon, tenant, enter }) => {
      const { page, open } = await enter('admin', { width, height: 844, touch })
      await giveSecondTenant(cordon, 'admin')
      const given = { ...(await give(cordon, tenant)), tenantId: tenant.id }
      const found: string[] = []
      const measure = async (where: string): Promise<void> => {
        const wrong = await ask<string[]>(page, `findSmall(${floor}).concat(measure.findCramped())`)
        found.push(...wrong.map((line) => `${where}: ${line}`))
      }

      for (const address of listScreens(tenant.id, given)) {
        await open(address)
        await settle(page)
        await measure(address)
      }
      await visitDialogs(page, open, given, measure)

      assert.equal(await page.evaluate("matchMedia('(pointer: coarse)').matches"), touch)
      assert.deepEqual(found, [])
    },
  )
}

const spacing =
  '* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }'

/** Sets text as wide apart as WCAG 1.4.12 says a person may. */
async function spreadText(page: Page): Promise<void> {
  const sheet = 'new CSSStyleSheet()'
  await page.evaluate(
    `(() => { const sheet = ${sheet}; sheet.replaceSync(${JSON.stringify(spacing)}); document.adoptedStyleSheets = [sheet] })()`,
  )
}

/** Walks by Tab through everything below the heading, and says what was covered while it had the focus. */
async function tabThrough(page: Page): Promise<string[]> {
  const covered: string[] = []
  await page.evaluate("document.getElementById('main').querySelector('h1').focus()")
  const first = await ask<number>(page, 'focusNumber()')
  for (let stop = 0; stop < 120; stop++) {
    await page.keyboard.press('Tab')
    const { at, cover } = await ask<{ at: number; cover: string | null }>(page, 'whereabouts()')
    if (cover !== null) covered.push(cover)
    if (at === 0 || at <= first) break
  }
  return [...new Set(covered)]
}

browserTest(
  'at 320 by 256 pixels, and with text set apart, no page scrolls sideways, no text is cut off and what has the focus is never covered',
  async ({ cordon, tenant, enter }) => {
    const { page, open } = await enter('admin', { width: 320, height: 256 })
    await giveSecondTenant(cordon, 'admin')
    const given = { ...(await give(cordon, tenant)), tenantId: tenant.id }
    const found: string[] = []
    const measure = async (where: string): Promise<void> => {
      const over = await ask<number>(page, 'overWidth()')
      if (over > 0) found.push(`${where}: ${over} px too wide`)
      found.push(
        ...(await ask<string[]>(page, 'findClipped().concat(measure.findBroken())')).map((line) => `${where}: ${line}`),
      )
    }

    for (const address of listScreens(tenant.id, given)) {
      await page.setViewportSize({ width: 320, height: 256 })
      await open(address)
      await settle(page)
      await measure(address)
      found.push(...(await tabThrough(page)).map((line) => `${address}: ${line}`))
      await spreadText(page)
      await measure(`${address} set apart`)
      await page.setViewportSize({ width: 1440, height: 900 })
      await measure(`${address} set apart, wide`)
    }

    // A phone, with the bar of the thumb over what scrolls.
    await page.setViewportSize({ width: 390, height: 700 })
    await open(`/t/${tenant.id}/incidents/${given.incidentId}/tasks/${given.taskId}`)
    await settle(page)
    found.push(...(await tabThrough(page)).map((line) => `above the bar: ${line}`))

    assert.deepEqual(found, [])
  },
)
