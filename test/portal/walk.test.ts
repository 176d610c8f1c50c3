import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { bindings } from '../../src/portal/app/keys/table.ts'
import { waitUntil } from '../support/answers.ts'
import { anyDialog } from './axe.ts'
import { browserTest, screenOf } from './browser.ts'
import { give } from './screens.ts'

/** What the sheet of keys lists, by what each does. */
async function readSheet(page: Page): Promise<string[]> {
  await page.keyboard.press('?')
  const sheet = page.getByRole('dialog', { name: 'Keys' })
  await sheet.waitFor()
  const listed = await sheet.locator('dd').allTextContents()
  await page.keyboard.press('Escape')
  await sheet.waitFor({ state: 'detached' })
  return listed
}

/** What the table holds of these places, but for commands that need what is not here. */
function listed(places: readonly string[], absent: readonly string[]): string[] {
  return bindings.filter(({ where, id }) => places.includes(where) && !absent.includes(id)).map(({ does }) => does)
}

/** All that a key could have changed. */
function readState(page: Page): Promise<unknown> {
  return page.evaluate(
    `[location.href, document.querySelectorAll('${anyDialog}').length, document.documentElement.innerText.includes('Press the keys'), document.querySelectorAll('[aria-selected=true]').length, [...document.querySelectorAll('header button')].map((one) => one.textContent).join()]`,
  )
}

/** What each key asks on a task's card: the question is left as it came. */
async function askByKeys(page: Page, taskId: string, keys: readonly string[]): Promise<Record<string, string>> {
  const question = page.getByRole('alertdialog')
  const titles: Record<string, string> = {}
  for (const key of keys) {
    await page.locator(`article[data-task-id="${taskId}"]`).focus()
    await page.keyboard.press(key)
    await question.getByRole('button', { name: 'Not now' }).and(page.locator(':focus')).waitFor()
    titles[key] = await question.getByRole('heading').first().innerText()
    await page.keyboard.press('Escape')
    await question.waitFor({ state: 'detached' })
  }
  return titles
}

/**
 * Sends every key of the table to what has the focus, as the browser would with that held or repeated, and waits until the page has drawn what
 * came of it. With Ctrl or Meta, K is left out: it opens the palette, as it should.
 */
async function sendAll(page: Page, how: 'plain' | 'altKey' | 'ctrlKey' | 'metaKey' | 'repeat'): Promise<void> {
  const all = bindings.flatMap(({ keys }) => (keys.startsWith('Ctrl+') ? [] : keys.split(' ')))
  const keys = how === 'ctrlKey' || how === 'metaKey' ? all.filter((key) => key !== 'k') : all
  await page.evaluate(
    `for (const key of ${JSON.stringify(keys)}) (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...${JSON.stringify(how === 'plain' ? {} : { [how]: true })} }))`,
  )
  await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
}

browserTest(
  'the sheet lists every key of the table that works on a screen; none does anything in a field, in editable text, under a dialog, held down, or with Ctrl, Alt or Meta',
  async ({ cordon, tenant, enter }) => {
    const given = await give(cordon, tenant)
    const doneId = await tenant.task(given.incidentId, { status: 'completed', actionStatus: 'completed' })
    const { page, faults, open } = await enter('admin')
    const rows = page.locator('[role=row][data-id]')
    const states: Record<string, unknown> = {}
    const note = async (name: string): Promise<void> => {
      states[name] = await readState(page)
    }

    await rows.nth(3).waitFor()
    const onQueue = await readSheet(page)
    // Its script is there from now on: a palette that a key opened by mistake is on the page with the next frame.
    await page.keyboard.press('Control+k')
    await page.locator(anyDialog).waitFor()
    await page.keyboard.press('Escape')
    await page.locator(anyDialog).waitFor({ state: 'detached' })
    await page.keyboard.press('j')
    await page.keyboard.press('x')
    await page.locator('[aria-selected=true]').waitFor()
    const marked = await page.locator('[aria-selected=true]').getAttribute('data-id')
    await page.keyboard.press('x')
    await page.locator('[aria-selected=true]').waitFor({ state: 'detached' })
    await waitUntil(
      () => Promise.resolve(page.url()),
      (url) => url.includes('sel='),
    )
    await note('before')
    for (const how of ['altKey', 'ctrlKey', 'metaKey', 'repeat'] as const) {
      await sendAll(page, how)
      await note(how)
    }
    await page.getByRole('searchbox').focus()
    await sendAll(page, 'plain')
    await note('in a field')
    await page.evaluate(
      "(() => { const box = document.createElement('div'); box.contentEditable = 'true'; box.textContent = 'text'; document.querySelector('main').append(box); box.focus() })()",
    )
    await sendAll(page, 'plain')
    await note('in editable text')
    const { before, ...others } = states

    await open(screenOf(cordon, `incidents/${given.incidentId}/tasks/${given.taskId}`))
    await page
      .getByRole('button', { name: /^Done by hand/ })
      .first()
      .waitFor()
    const onTask = await readSheet(page)
    await page
      .getByRole('button', { name: /^Review and run/ })
      .first()
      .click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Not now' }).waitFor()
    const asked = await readState(page)
    await sendAll(page, 'plain')
    await page.keyboard.press('Control+k')
    const underDialog = await readState(page)
    await page.keyboard.press('Escape')
    await page.getByRole('alertdialog').waitFor({ state: 'detached' })
    const titles = await askByKeys(page, given.taskId, ['Enter', 'd', 'n'])
    const cards = page.locator(`[data-task-id="${given.taskId}"]`)
    await cards.getByRole('button', { name: /^Not relevant/ }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('alertdialog', { name: titles.n ?? '' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('alertdialog').waitFor({ state: 'detached' })
    await open(screenOf(cordon, `incidents/${given.incidentId}/tasks/${doneId}`))
    const toUndo = await askByKeys(page, doneId, ['u'])
    const ran = await cordon.store.read
      .selectFrom('executions')
      .select('id')
      .where('task_id', '=', given.taskId)
      .execute()

    assert.deepEqual(onQueue.toSorted(), listed(['Everywhere', 'Lists'], ['go.tenant']).toSorted())
    // An admin proposes nothing, a deep link has no list around it, and nothing has been run that could be undone.
    const absent = ['go.tenant', 'filter', 'propose', 'comment', 'incident.previous', 'incident.next', 'task.undo']
    assert.deepEqual(onTask.toSorted(), listed(['Everywhere', 'Incident', 'Task'], absent).toSorted())
    assert.ok(marked !== null)
    for (const [name, state] of Object.entries(others)) assert.deepEqual(state, before, name)
    assert.deepEqual(underDialog, asked)
    assert.match(titles.Enter ?? '', /^Isolate .+\?$/)
    assert.deepEqual([titles.d, titles.n], ['Done by hand?', 'Not relevant?'])
    assert.match(toUndo.u ?? '', /^Undo on .+\?$/)
    assert.deepEqual(ran, [], 'a key asks and runs nothing')
    assert.deepEqual(faults, [])
  },
)

/** The focus and the name of the window. */
function readFocus(page: Page): Promise<string> {
  return page.evaluate<string>(
    "[document.activeElement.tagName, document.activeElement.textContent.trim(), '|', document.title].join(' ')",
  )
}

browserTest(
  'the focus goes to the heading of a screen one was led to, from a dialog back to what opened it or to what has come into its place; nothing moves for who wants no motion',
  async ({ cordon, tenant, enter }) => {
    const { incidentId, taskId } = await give(cordon, tenant)
    const { page, open } = await enter('admin')
    await page.emulateMedia({ reducedMotion: 'reduce' })
    const name = tenant.id === cordon.tenantId ? await page.title() : ''
    const suffix = name.slice(name.indexOf(' - '))
    const led: string[] = []

    for (const screen of ['Alerts', 'Reports', 'Audit', 'Settings']) {
      await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: screen }).click()
      await page
        .getByRole('heading', { level: 1 })
        .filter({ hasText: screen === 'Audit' ? /^Audit/ : screen })
        .waitFor()
      led.push(
        await waitUntil(
          () => readFocus(page),
          (text) => text.startsWith('H1'),
        ),
      )
    }
    await open(screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
    const byHand = page.locator(`[data-task-id="${taskId}"]`).getByRole('button', { name: /^Done by hand/ })
    await byHand.click()
    await page.getByRole('alertdialog').waitFor()
    await page.keyboard.press('Escape')
    const back = await waitUntil(
      () => readFocus(page),
      (text) => text.startsWith('BUTTON Done by hand'),
    )
    await byHand.click()
    const dialog = page.getByRole('alertdialog')
    for (const field of await dialog.getByRole('textbox').all()) await field.fill('It was done at the console.')
    await dialog.getByRole('button', { name: /^(Yes, done|Done by hand)/ }).click()
    await dialog.waitFor({ state: 'detached' })
    await page.locator(`[data-task-id="${taskId}"][data-status=completed]`).waitFor()
    const inCard = await waitUntil(
      () =>
        page.evaluate<string>(
          "document.activeElement.closest('[data-task-id]')?.dataset.taskId ?? document.activeElement.tagName",
        ),
      (where) => where !== 'BODY',
    )
    const moving = await page.evaluate(
      "[...document.querySelectorAll('*')].filter((one) => { const { transitionDuration, animationName } = getComputedStyle(one); return animationName !== 'none' || transitionDuration.split(', ').some((time) => time !== '0s') }).length",
    )

    assert.deepEqual(
      led.map((text) => /^H1 (.+) \| \1 - .+ - Cordon$/.test(text)),
      [true, true, true, true],
      `${led.join('\n')} ${suffix}`,
    )
    assert.match(back, /^BUTTON Done by hand/)
    assert.equal(inCard, taskId)
    assert.equal(moving, 0)
  },
)
