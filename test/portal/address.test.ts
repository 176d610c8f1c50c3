import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { Page } from 'playwright-core'
import { waitUntil } from '../support/answers.ts'
import { bearWeather, browserTest } from './browser.ts'

/** What the list shows, as a person and their keys find it. */
const probe = `({
  search: location.search,
  pressed: [...document.querySelectorAll('main [aria-pressed=true]')].map((one) => one.textContent),
  order: document.querySelector('main select').value,
  name: document.querySelector('main [type=search]').value,
  focused: document.activeElement.getAttribute('data-id'),
  heading: document.title,
  count: document.querySelector('[role=grid]').getAttribute('aria-rowcount'),
  stops: document.querySelectorAll('[role=grid] [tabindex="0"]').length,
})`

const offset = "document.querySelector('[role=grid] > [role=rowgroup]:last-child').scrollTop"

/** What the list shows once that is `wanted`, or what it shows when that never comes: the title and the count come after the row. */
function probeUntil(page: Page, wanted: unknown): Promise<unknown> {
  const read = (): Promise<unknown> => page.evaluate(probe)
  return waitUntil(read, (state) => isDeepStrictEqual(state, wanted), 20).catch(read)
}

async function focusOn(page: Page, id: string): Promise<void> {
  await page.locator(`[role=row][data-id="${id}"]:focus`).waitFor()
}

browserTest(
  'the address alone brings a list back in another browser; Back finds the row and the place, and the brackets walk the filtered order',
  async ({ tenant, enter }) => {
    const ids: string[] = []
    const names = new Map<string, string>()
    for (let at = 0; at < 70; at++) {
      const displayName = `Beacon ${at}`
      const id = await tenant.incident({ displayName, severity: at % 10 === 9 ? 'low' : 'high' })
      ids.unshift(id)
      names.set(id, displayName)
    }
    const waiting = await tenant.incident({ displayName: 'Waits', status: 'awaitingAction', severity: 'low' })
    const shown = ids.filter((_id, at) => at % 10 !== 0)
    // Between these two stands one that the filter leaves out.
    const [target, after] = [shown[44] ?? '', shown[45] ?? '']
    const taskId = await tenant.task(target, { displayName: 'Ask the owner' })
    const { page, context, faults } = await enter('responder')
    const heading = async (id: string): Promise<void> => {
      await page.waitForURL(new RegExp(`/incidents/${id}(/story)?$`))
      // The address comes before the screen, and the keys come with the screen.
      await page
        .locator('main h1')
        .getByText(names.get(id) ?? '', { exact: true })
        .waitFor()
    }

    await page.locator(`[role=row][data-id="${waiting}"]`).waitFor()
    const byItself = new URL(page.url()).search
    await page.getByRole('button', { name: 'high' }).click()
    await page.getByRole('searchbox').fill('beacon')
    await page.getByLabel('Order').selectOption('severity')
    await page.waitForURL(/\?severity=high&q=beacon&sort=severity$/)
    await page.locator('[role=grid][aria-rowcount="64"]').waitFor()
    await page.locator(`[role=row][data-id="${shown[0]}"]`).focus()
    for (let at = 1; at <= 44; at++) {
      await page.keyboard.press('j')
      await focusOn(page, shown[at] ?? '')
    }
    await page.waitForURL(new RegExp(`&sel=${target}$`))
    const before = await page.evaluate(probe)
    const scrolled = Number(await page.evaluate(offset))
    const browser = context.browser()
    assert.ok(browser)
    const elsewhere = await browser.newContext({
      storageState: await context.storageState(),
      viewport: page.viewportSize(),
    })
    const copy = await elsewhere.newPage()
    copy.setDefaultTimeout(60_000)
    bearWeather(copy)
    await copy.goto(page.url())
    await focusOn(copy, target)
    await copy.locator('[role=grid][aria-rowcount="64"]').waitFor()
    const there = await probeUntil(copy, before)
    await elsewhere.close()
    await page.keyboard.press('Enter')
    await heading(target)
    await page.keyboard.press('2')
    await page.waitForURL(/\/tasks$/)
    await page.getByRole('link', { name: 'Ask the owner' }).click()
    await page.waitForURL(new RegExp(`/tasks/${taskId}$`))
    await page.locator(`[data-task-id="${taskId}"]`).waitFor()
    await page.goBack()
    await page.waitForURL(/\/tasks$/)
    await page.goBack()
    await heading(target)
    await page.goBack()
    await focusOn(page, target)
    const afterTask = await probeUntil(page, before)
    const scrolledAfterTask = Number(await page.evaluate(offset))
    await page.goForward()
    await heading(target)
    await page.keyboard.press(']')
    await heading(after)
    await page.keyboard.press('[')
    await heading(target)
    for (const id of [after, target]) {
      await page.goBack()
      await heading(id)
    }
    await page.goBack()
    await focusOn(page, target)
    const back = await probeUntil(page, before)
    const scrolledBack = Number(await page.evaluate(offset))
    await page.goForward()
    await heading(target)

    assert.equal(byItself, '', 'what awaits action is there without any filter')
    assert.deepEqual(there, before)
    assert.deepEqual(back, before)
    assert.deepEqual(afterTask, before)
    assert.ok(Math.abs(scrolledAfterTask - scrolled) <= 40, `${scrolled}, then ${scrolledAfterTask}`)
    assert.ok(scrolled > 300 && Math.abs(scrolledBack - scrolled) <= 40, `${scrolled}, then ${scrolledBack}`)
    assert.deepEqual(faults, [])
  },
)
