import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { settle } from './axe.ts'
import { browserTest, screenOf } from './browser.ts'
import { ask, visitDialogs } from './measure.ts'
import { give, giveSecondTenant, listScreens } from './screens.ts'

const source = readFileSync(new URL('pseudo.js', import.meta.url), 'utf8')

/** In the page as it is: everything that a longer language or the other direction must not do to it. */
const faults =
  'findClipped().concat(measure.findBroken(), measure.findCramped(), measure.findOverlaps(), measure.findPushedOut(), measure.findCovered())'

/** Turns every text of the page into longer words, in one direction and the other, and says what does not bear it. */
async function readFaults(page: Page, where: string): Promise<string[]> {
  if (!(await page.evaluate<boolean>("'pseudo' in window"))) await page.evaluate(source)
  const found: string[] = []
  for (const direction of ['ltr', 'rtl'] as const) {
    await page.evaluate(`pseudo.speak('${direction}')`)
    const over = await ask<number>(page, 'overWidth()')
    const lines = [...(over > 0 ? [`${over} px too wide`] : []), ...(await ask<string[]>(page, faults))]
    found.push(...new Set(lines.map((line) => `${where} ${direction}: ${line}`)))
  }
  return found
}

for (const width of [1440, 390]) {
  browserTest(
    `at ${width} pixels every screen and the main dialogs bear words that are longer by two fifths, and the other direction: nothing is cut off, covered, pushed out or too wide`,
    async ({ cordon, tenant, enter }) => {
      const { page, open } = await enter('admin', { width, height: 844 })
      await giveSecondTenant(cordon, 'admin')
      const given = { ...(await give(cordon, tenant)), tenantId: tenant.id }
      const found: string[] = []
      let longer = 0

      for (const address of listScreens(tenant.id, given)) {
        await open(address)
        await settle(page)
        found.push(...(await readFaults(page, address)))
        longer += Number(/ñ/.test((await page.locator('main h1').first().textContent()) ?? ''))
      }
      await visitDialogs(page, open, given, async (name) => void found.push(...(await readFaults(page, name))))

      assert.equal(longer, listScreens(tenant.id, given).length)
      assert.deepEqual(found, [])
    },
  )
}

browserTest('every document that is served says its language and its direction', async ({ cordon, tenant, enter }) => {
  const incidentId = await tenant.incident()
  const { page } = await enter('responder')
  const paths = ['/', '/login', '/api/v1/docs', screenOf(cordon, `incidents/${incidentId}`)]

  const said = await page.evaluate(
    (all) => Promise.all(all.map(async (path) => (/<html[^>]*>/.exec(await (await fetch(path)).text()) ?? [])[0])),
    paths,
  )

  assert.deepEqual(
    said,
    paths.map(() => '<html lang="en" dir="ltr">'),
  )
})
