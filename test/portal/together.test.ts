import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { waitUntil } from '../support/answers.ts'
import { browserTest, screenOf } from './browser.ts'

/** What is marked as changed in a part of a page. */
interface Seen {
  readonly note: string
  readonly marked: readonly string[]
  readonly bars: readonly string[]
  readonly height: number
}

/** In the page, at once: marks go away by themselves. */
const look = `(part) => {
  const all = [...document.querySelectorAll(part + ' [data-changed]')]
  const bars = all.map((one) => getComputedStyle(one, '::before')).map((bar) => bar.animationName + ' ' + bar.borderInlineStartWidth)
  const note = document.querySelector(part + ' [data-changed-by]')?.innerText ?? ''
  return { note, marked: all.map((one) => one.innerText), bars, height: document.querySelector(part)?.offsetHeight ?? 0 }
}`

function readMarks(page: Page, part: string): Promise<Seen> {
  return page.evaluate<Seen>(`(${look})(${JSON.stringify(part)})`)
}

browserTest(
  'two people on one incident: what one changes is marked for the other with who and when, and what the other has typed stays; both see per field what they wrote',
  async ({ cordon, tenant, enter }) => {
    const incidentId = await tenant.incident({ displayName: 'Beacon on web-07', severity: 'low' })
    const taskId = await tenant.task(incidentId, {
      displayName: 'Ask the owner',
      actionType: 'text',
      responseAction: null,
    })
    const [ada, bo] = await Promise.all([enter('responder'), enter('responder')])
    for (const { open, page } of [ada, bo]) {
      await open(screenOf(cordon, `incidents/${incidentId}`))
      await page.getByRole('button', { name: 'Edit', exact: true }).click()
      await page.getByRole('dialog').getByLabel('Name').waitFor()
    }

    await ada.page.getByRole('dialog').getByLabel('Name').fill('Beacon on web-07, confirmed')
    await ada.page.getByRole('button', { name: 'Save', exact: true }).click()
    await ada.page.getByRole('dialog').waitFor({ state: 'detached' })
    const dialog = bo.page.getByRole('dialog')
    await dialog.getByLabel('Summary').fill('Bo looks at it.')
    await dialog.getByRole('button', { name: 'Save', exact: true }).click()
    await dialog.getByText('Somebody changed it meanwhile.').waitFor()
    await dialog.getByText('Now there: Beacon on web-07, confirmed').waitFor()
    const kept = await dialog.getByLabel('Summary').inputValue()
    await dialog.getByRole('button', { name: 'Save mine over it' }).click()
    await dialog.waitFor({ state: 'detached' })

    await bo.page.getByRole('main').getByText('Bo looks at it.').waitFor()
    await bo.open(screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
    await ada.open(screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
    for (const { page } of [ada, bo]) {
      await page.locator('[data-live=live]').waitFor()
      await page
        .locator(`[data-task-id="${taskId}"][data-status=open]`)
        .getByRole('button', { name: /^Done/ })
        .waitFor()
    }
    await ada.page.getByRole('button', { name: 'Acknowledge' }).click()
    const head = await waitUntil(
      () => readMarks(bo.page, 'main > div > header'),
      ({ note }) => note !== '',
      60,
    )
    await ada.page.getByText('no owner').waitFor({ state: 'detached' })
    const own = await readMarks(ada.page, 'main')
    const later = await waitUntil(
      () => readMarks(bo.page, 'main'),
      ({ note }) => note === '',
      60,
    )
    await bo.page.locator(`[data-task-id="${taskId}"]`).getByRole('button', { name: /^Done/ }).click()
    await bo.page.getByRole('alertdialog').getByRole('textbox').fill('Bo was there.')
    await ada.page.locator(`article[data-task-id="${taskId}"]`).focus()
    await ada.page.keyboard.press('d')
    await ada.page.getByRole('alertdialog').getByRole('button', { name: 'Yes, done' }).click()
    const card = await waitUntil(
      () => readMarks(bo.page, `[data-task-id="${taskId}"][data-status=completed]`),
      ({ note }) => note !== '',
      60,
    )
    const typed = await bo.page.getByRole('alertdialog').getByRole('textbox').inputValue()

    const { body } = await (await tenant.as('reader')).get(`/beta/security/incidents/${incidentId}`)
    assert.equal(kept, 'Bo looks at it.')
    assert.match(head.note, /^Owner changed by responder \S+ (under )?\d+ s ago$/)
    assert.match(head.marked.join('|'), /^responder \S+$/)
    assert.deepEqual(head.bars, ['none 2px'], 'a bar that does not move')
    assert.ok(head.height <= 96, `the head is ${head.height} pixels high`)
    assert.deepEqual([own.marked, own.note], [[], ''], 'own changes are not marked')
    assert.deepEqual(later.marked, [])
    assert.match(card.note, /^Task state changed by responder \S+ (under )?\d+ s ago$/)
    assert.deepEqual(card.marked, ['Task: completed'])
    assert.equal(typed, 'Bo was there.')
    // Only what Bo touched was sent: Ada's name stays.
    assert.deepEqual([body.displayName, body.summary], ['Beacon on web-07, confirmed', 'Bo looks at it.'])
  },
)

browserTest(
  'two people of one name are two: what one changes is marked for the other, and not for the same person in another tab',
  async ({ cordon, tenant, enter }) => {
    const incidentId = await tenant.incident({ displayName: 'Beacon on web-07', severity: 'low' })
    const [ada, bo] = await Promise.all([enter('responder'), enter('responder')])
    await cordon.store.transaction((tx) =>
      tx.updateTable('users').set({ name: 'Alex Meyer' }).where('role', '=', 'responder').execute(),
    )
    const beside = await ada.context.newPage()
    for (const page of [ada.page, beside, bo.page]) {
      await page.goto(`${cordon.url}${screenOf(cordon, `incidents/${incidentId}`)}`)
      await page.locator('[data-live=live]').waitFor()
      await page.getByText('no owner').waitFor()
    }

    await ada.page.getByRole('button', { name: 'Acknowledge' }).click()
    const head = await waitUntil(
      () => readMarks(bo.page, 'main > div > header'),
      ({ note }) => note !== '',
      60,
    )
    for (const page of [ada.page, beside]) await page.getByText('no owner').waitFor({ state: 'detached' })
    // News come in their order: where this change is marked, what came before it has been decided.
    await (await tenant.as('responder')).patch(`/beta/security/incidents/${incidentId}`, { severity: 'high' })
    // Side by side: a mark that is looked for late has gone by itself.
    const own = await Promise.all(
      [ada.page, beside].map((page) =>
        waitUntil(
          () => readMarks(page, 'main > div > header'),
          ({ note }) => note !== '',
          60,
        ),
      ),
    )

    assert.match(head.note, /^Owner changed by Alex Meyer (under )?\d+ s ago$/)
    for (const { note } of own) assert.match(note, /^Severity changed by \S+ .*ago$/)
  },
)
