import assert from 'node:assert/strict'
import type { Locator, Page } from 'playwright-core'
import type { Cordon } from '../support/cordon.ts'
import { enrolDevice } from '../support/device.ts'
import type { Tenant } from '../support/given.ts'
import { browserTest, screenOf } from './browser.ts'
import { beginJourney } from './journey.ts'

const of = (type: string, facts: object): never =>
  ({ '@odata.type': `#microsoft.graph.security.${type}Evidence`, ...facts }) as never

async function giveStory(tenant: Tenant): Promise<string> {
  const incidentId = await tenant.incident({ displayName: 'Web shell on web-07' })
  await tenant.alert(incidentId, {
    title: 'Web shell written',
    createdDateTime: '2026-11-21T02:00:00.0000000Z',
    evidence: [of('device', { hostName: 'web-07' }), of('file', { fileDetails: { fileName: 'shell.php' } })],
  })
  await tenant.alert(incidentId, {
    title: 'Sign-in at db-02',
    createdDateTime: '2026-11-21T02:05:00.0000000Z',
    evidence: [of('user', { userAccount: { accountName: 'kai' } }), of('device', { hostName: 'db-02' })],
  })
  return incidentId
}

async function openStory(
  page: Page,
  open: (path: string) => Promise<void>,
  cordon: Cordon,
  id: string,
): Promise<Locator> {
  await open(screenOf(cordon, `incidents/${id}`))
  const picture = page.getByRole('group', { name: 'Attack story, picture' })
  await picture.waitFor()
  return picture
}

const idsIn = (within: Locator): Promise<(string | null)[]> =>
  within.locator('[data-entity-id]').evaluateAll((all) => all.map((one) => one.getAttribute('data-entity-id')))

const focused = (page: Page): Promise<unknown> => page.evaluate("document.activeElement.getAttribute('data-entity-id')")

browserTest(
  'the story is drawn by a worker of our own file, and the table names the same things with the same selection',
  async ({ cordon, tenant, enter }) => {
    const incidentId = await giveStory(tenant)
    const { page, faults, open } = await enter('reader')
    const started: string[] = []
    page.on('worker', (worker) => started.push(new URL(worker.url()).pathname))

    const picture = await openStory(page, open, cordon, incidentId)
    const table = page.getByRole('region', { name: 'Attack story, table' })
    const drawn = await idsIn(picture)
    const listed = await idsIn(table)
    await table.getByRole('button', { name: 'kai' }).click()
    await picture.getByRole('button', { name: /^user kai/, pressed: true }).waitFor()
    const address = new URL(page.url()).search
    await picture.getByRole('button', { name: /^device db-02/ }).click()
    await table.getByRole('button', { name: 'db-02', pressed: true }).waitFor()
    await page.reload()
    await picture.getByRole('button', { name: /^device db-02/, pressed: true }).waitFor()

    assert.equal(
      started.length >= 1 && started.every((path) => /^\/assets\/layout-worker-[0-9a-f]{8}\.js$/.test(path)),
      true,
    )
    assert.deepEqual(new Set(drawn), new Set(listed))
    assert.equal(drawn.length, 6)
    assert.equal(address, '?sel=user+kai')
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'arrow keys follow the lines, one stop for Tab, and a task is proposed from a node in at most four presses',
  async ({ cordon, tenant, enter }, t) => {
    const incidentId = await giveStory(tenant)
    const { page, faults, open } = await enter('expert')
    const picture = await openStory(page, open, cordon, incidentId)

    const stops = await picture.locator('[tabindex="0"]').count()
    await picture.locator('[tabindex="0"]').focus()
    const walk = [await focused(page)]
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowLeft', 'ArrowLeft', 'ArrowDown', 'ArrowRight', 'ArrowRight']) {
      await page.keyboard.press(key)
      walk.push(await focused(page))
    }
    const dialog = page.getByRole('dialog', { name: 'Propose a task' })
    const journey = beginJourney(t, 'J2 propose from a node of the story', { clicks: 4, seconds: 1.5 })
    await journey.key(page, 'Enter')
    await journey.see(page.getByRole('button', { name: 'Propose an action on db-02' }))
    await journey.press(page.getByRole('button', { name: 'Propose an action on db-02' }))
    await journey.see(dialog)
    const target = await dialog.getByLabel('Target').inputValue()
    const actions = await dialog.getByLabel('Action').locator('option').allTextContents()
    await dialog.getByLabel(/^Why/).fill('It was signed in to with a stolen password.')
    await journey.press(dialog.getByRole('button', { name: 'Send to customer' }))
    await journey.see(page.getByText('1 task waits for you'))
    journey.end()

    const { body } = await (await tenant.as('reader')).get('/beta/security/incidentTasks')
    assert.equal(stops, 1)
    assert.deepEqual(
      walk.map((id) => String(id).replace(/^alert .*/, 'alert')),
      ['alert', 'file shell.php', 'device web-07', 'file shell.php', 'alert', 'alert', 'user kai', 'device db-02'],
    )
    assert.equal(target, 'db-02')
    assert.ok(actions.includes('Isolate') && !actions.includes('Disable'), actions.join())
    assert.deepEqual(
      body.value.map((task: Record<string, unknown>) => [task.displayName, task.actionType]),
      [['Isolate db-02', 'isolateDevice']],
    )
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'a host that says it is isolated has a ring, in the picture as in the table; steps take the place of motion',
  async ({ cordon, tenant, enter }) => {
    const incidentId = await giveStory(tenant)
    const device = await enrolDevice(cordon, tenant.id, 'web-07')
    await cordon.store.transaction((tx) =>
      tx
        .updateTable('agents')
        .set({ facts: JSON.stringify({ state: { isolated: true, until: null, restricted: false } }) })
        .where('id', '=', device.id)
        .execute(),
    )
    const { page, open } = await enter('reader')
    await page.emulateMedia({ reducedMotion: 'reduce' })
    const picture = await openStory(page, open, cordon, incidentId)

    await picture.locator('[data-entity-id="device web-07"][data-state=isolated] .story-ring').waitFor()
    const said = await page
      .getByRole('region', { name: 'Attack story, table' })
      .getByRole('row', { name: /web-07/ })
      .last()
      .innerText()
    const plays = await page.getByRole('button', { name: 'Play' }).count()
    await page.getByRole('button', { name: 'Earlier' }).click()
    await picture.locator('.story-later').nth(2).waitFor()
    const later = await picture.locator('.story-later').count()

    assert.match(said, /isolated/)
    assert.equal(plays, 0)
    assert.equal(later, 3)
  },
)

/** Goes from the first node down to the last by that key alone, and has each selected by Enter, in the picture and in the table. */
async function walkDown(page: Page, picture: Locator): Promise<string[]> {
  const table = page.getByRole('region', { name: 'Attack story, table' })
  const walked: string[] = []
  const [first = ''] = await picture.locator('[data-entity-id]').evaluateAll((all) =>
    all
      .map((one) => ({ id: one.getAttribute('data-entity-id') ?? '', box: one.getBoundingClientRect() }))
      .sort((a, b) => a.box.x - b.box.x || a.box.y - b.box.y)
      .map(({ id }) => id),
  )
  await picture.locator(nodeOf(first)).focus()
  for (let at = String(await focused(page)); !walked.includes(at); at = String(await focused(page))) {
    walked.push(at)
    await page.keyboard.press('Enter')
    await picture.locator(`${nodeOf(at)}[aria-pressed=true]`).waitFor()
    await table.locator(`${nodeOf(at)} button[aria-pressed=true]`).waitFor()
    await page.keyboard.press('ArrowDown')
  }
  return walked
}

const nodeOf = (id: string): string => `[data-entity-id=${JSON.stringify(id)}]`

browserTest(
  '500 alerts over 500 things are at most 60 nodes, each reached and selected by arrow keys and Enter, the page answers while they are laid out, and a phone begins with the table',
  async ({ cordon, tenant, enter }, t) => {
    const incidentId = await tenant.incident()
    for (let number = 0; number < 500; number++) {
      await tenant.alert(incidentId, {
        title: `Rule ${number % 90}`,
        evidence: [
          of('device', { hostName: `ws-${number % 250}` }),
          of('user', { userAccount: { accountName: `user-${(number * 7) % 250}` } }),
        ],
      })
    }
    const { page, open } = await enter('reader')
    await page.addInitScript(
      "window.longest = 0; new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration) }).observe({ type: 'longtask', buffered: true })",
    )
    const startedAt = performance.now()
    const picture = await openStory(page, open, cordon, incidentId)
    t.diagnostic(`story of the newest 200 alerts drawn after ${Math.round(performance.now() - startedAt)} ms`)
    t.diagnostic(`longest task on the page's thread ${Math.round(Number(await page.evaluate('window.longest')))} ms`)
    const drawn = (await idsIn(picture)).map(String)
    const nodes = drawn.length
    const listed = (await idsIn(page.getByRole('region', { name: 'Attack story, table' }))).map(String)
    const walked = await walkDown(page, picture)
    const phone = await enter('reader', { width: 390, height: 844 })
    await phone.open(screenOf(cordon, `incidents/${incidentId}`))
    await phone.page.getByRole('button', { name: 'Open the picture' }).waitFor()
    const pictures = await phone.page.getByRole('group', { name: 'Attack story, picture' }).count()
    await phone.page.getByRole('button', { name: 'Open the picture' }).click()
    await phone.page.getByRole('group', { name: 'Attack story, picture' }).waitFor()

    assert.ok(nodes > 20 && nodes <= 60, `${nodes} nodes`)
    assert.deepEqual(listed.toSorted(), drawn.toSorted())
    assert.deepEqual(walked.toSorted(), drawn.toSorted())
    assert.equal(pictures, 0)
  },
)
