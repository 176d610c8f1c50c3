import assert from 'node:assert/strict'
import type { Page, Route } from 'playwright-core'
import { waitUntil } from '../support/answers.ts'
import { enrolDevice } from '../support/device.ts'
import { fittingAction } from '../support/given.ts'
import { settle } from './axe.ts'
import { browserTest, screenOf } from './browser.ts'
import { give, giveSecondTenant } from './screens.ts'

const readMain = (page: Page): Promise<string> => page.locator('main').innerText()

browserTest(
  'without a network every screen says how old it is, a run fails at once and never happens later, and a newer portal is offered, not forced',
  async ({ cordon, tenant, enter }) => {
    const device = await enrolDevice(cordon, tenant.id, 'web-07')
    const incidentId = await tenant.incident({ displayName: 'Web shell on web-07' })
    const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
    const { context, page, open } = await enter('responder')
    const second = await context.newPage()
    await open(screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
    await page.locator('[data-live=live]').waitFor()
    await second.goto(`${cordon.url}${screenOf(cordon, 'incidents')}`)
    await second.locator('[data-live=live]').waitFor()

    await page
      .getByRole('button', { name: /^Review and run/ })
      .first()
      .click()
    const dialog = page.getByRole('alertdialog')
    await dialog.getByLabel(/^Why/).fill('It talks to a known bad address.')
    await context.setOffline(true)
    await page.getByText('The server cannot be reached: nothing can be done from here.').waitFor({ state: 'attached' })
    // The tab that follows the other one says so as well.
    await second.getByText('The server cannot be reached: nothing can be done from here.').waitFor()
    const age = await second.locator('[data-stale] time').getAttribute('datetime')
    await dialog.getByRole('button', { name: /^Isolate/ }).click()
    await dialog.getByText('The server cannot be reached.').waitFor()
    const kept = await dialog.getByLabel(/^Why/).inputValue()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    const newer = '<!doctype html><script type="module" src="/assets/index-newer.js"></script>'
    await page.route(`${cordon.url}/`, (route) => route.fulfill({ contentType: 'text/html', body: newer }))
    await context.setOffline(false)
    await page.locator('[data-live=live]').waitFor()
    await second.locator('[data-live=live]').waitFor()
    await second.locator('[data-stale]').waitFor({ state: 'detached' })
    await page.getByText('The server has a newer portal.').waitFor()
    const address = page.url()
    await page.getByRole('button', { name: 'Not now' }).click()
    await page.getByText('The server has a newer portal.').waitFor({ state: 'detached' })

    const runs = (await (await tenant.as('reader')).get(`/api/v1/tasks/${taskId}/executions`)).body.value
    assert.match(age ?? '', /Z$/)
    assert.equal(kept, 'It talks to a known bad address.')
    assert.deepEqual(runs, [])
    assert.match(address, new RegExp(taskId))
  },
)

/** Answers as a server does that has too much to do, for as long as it is said to. */
function busy(isBusy: () => boolean): (route: Route) => Promise<void> {
  return async (route) => {
    if (!isBusy()) return route.continue()
    const error = { code: 'ServiceUnavailable', message: 'The server is busy.', innerError: {} }
    await route.fulfill({
      status: 503,
      headers: { 'content-type': 'application/json', 'retry-after': '2', 'request-id': 'b7a4' },
      json: { error },
    })
  }
}

browserTest(
  'a busy server is counted down and asked again; one that does not answer is owned up to and asked anew; the rest of the screen stays',
  async ({ cordon, tenant, enter }) => {
    const incidentId = await tenant.incident({ displayName: 'Web shell on web-07' })
    await tenant.alert(incidentId, { title: 'Beacon to a known bad address' })
    const { page, open } = await enter('responder')
    const alerts = /\/alerts_v2\?/

    let isBusy = true
    await page.route(
      alerts,
      busy(() => isBusy),
    )
    await open(screenOf(cordon, `incidents/${incidentId}/alerts`))
    await page.getByText(/Server busy, next try in \d s/).waitFor()
    const busyPage = await waitUntil(
      () => readMain(page),
      (text) => /next try in \d s/.test(text) && /Web shell on web-07/.test(text),
    )
    isBusy = false
    await page.getByText('Beacon to a known bad address').first().waitFor()
    await page.unroute(alerts)
    let held = 0
    await page.route(alerts, (route) => {
      held += 1
      return held === 1 ? undefined : route.continue()
    })
    await open(screenOf(cordon, `incidents/${incidentId}/alerts`))
    await page.getByText('Still working: the server has not answered yet.').waitFor()
    await page.getByRole('heading', { level: 1, name: 'Web shell on web-07' }).waitFor()
    await page.getByRole('button', { name: 'Ask again' }).click()
    await page.getByText('Beacon to a known bad address').first().waitFor()

    assert.match(busyPage, /The server is busy\./)
    assert.match(busyPage, /Since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/)
    assert.match(busyPage, /Request b7a4/)
    assert.match(busyPage, /Web shell on web-07/)
    assert.equal(held, 2)
  },
)

browserTest(
  'what does not exist and what belongs to another tenant end on the very same page',
  async ({ cordon, tenant, enter }) => {
    const given = await give(cordon, tenant)
    const other = await giveSecondTenant(cordon, 'expert')
    const foreign = await other.incident()
    const foreignAlert = await other.alert(foreign)
    const { page, open } = await enter('reader')
    const pages = new Set<string>()

    for (const path of [
      screenOf(cordon, 'incidents/999999'),
      screenOf(cordon, `incidents/${foreign}`),
      screenOf(cordon, 'alerts/cd00000000'),
      screenOf(cordon, `alerts/${foreignAlert}`),
      screenOf(cordon, `runs/${given.incidentId}`),
      screenOf(cordon, 'devices/nothing'),
      screenOf(cordon, 'users/nobody@contoso.example'),
      `/t/${other.id}/incidents/${foreign}`,
      '/t/nobody/incidents',
    ]) {
      await open(path)
      await settle(page)
      pages.add(await readMain(page))
    }

    assert.deepEqual([...pages].length, 1, [...pages].join('\n---\n'))
  },
)
