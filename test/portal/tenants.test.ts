import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { hasMore, type Stream, takePage } from '../../src/portal/app/screens/all/merge.ts'
import { waitUntil } from '../support/answers.ts'
import type { Client } from '../support/cordon.ts'
import { fittingAction, giveTenant, type Tenant } from '../support/given.ts'
import { look } from './axe.ts'
import { browserTest, type Person, pressPair, type Stage, screenOf } from './browser.ts'
import { listProbe, probeCopy, writeCalm } from './copied.ts'
import { beginJourney } from './journey.ts'

/** A provider's person with roles at two customers, and how each customer is asked. */
interface World extends Person {
  readonly acme: Tenant
  readonly birch: Tenant
  readonly admin: Client
  readonly personId: string
}

const minute = (at: number): string => `2026-03-01T10:${String(at).padStart(2, '0')}:00.0000000Z`

/** Every tenant has an incident of every third minute. */
async function openWorld({ cordon, tenant, enter }: Stage, each: number, dark: boolean = false): Promise<World> {
  const [acme, birch] = [
    await giveTenant(cordon, await cordon.createTenant('Acme Works')),
    await giveTenant(cordon, await cordon.createTenant('Birch')),
  ]
  for (const [at, one] of [tenant, acme, birch].entries()) {
    const word = ['Home', 'Acme', 'Birch'][at] ?? ''
    for (let n = 0; n < each; n++) {
      const createdDateTime = minute(3 * n + at)
      await one.incident({ displayName: `${word} ${n}`, createdDateTime, lastUpdateDateTime: createdDateTime })
    }
  }
  const person = await enter('expert')
  if (dark) await person.page.emulateMedia({ colorScheme: 'dark' })
  const found = cordon.store.read.selectFrom('users').select('id').where('role', '=', 'expert')
  const { id: personId } = await found.executeTakeFirstOrThrow()
  const admin = await acme.as('admin')
  for (const client of [admin, await birch.as('admin')]) {
    const headers = { 'Content-Type': 'application/json' }
    const added = await client.send('PUT', `/api/v1/members/${personId}`, '{"role":"expert"}', headers)
    assert.equal(added.status, 200, added.text)
  }
  return { ...person, acme, birch, admin, personId }
}

const rows = (page: Page) => page.locator('[role=row][data-id]')

/** The rows on the page from top to bottom, as tenant and number. */
async function namesOf(page: Page): Promise<string[]> {
  await rows(page).first().waitFor()
  const found = await rows(page).evaluateAll((all) =>
    all
      .map((row) => [Number(row.getAttribute('data-index')), row.querySelector('a')?.textContent ?? ''] as const)
      .sort(([a], [b]) => a - b)
      .map(([, name]) => name),
  )
  return found
}

const here = (page: Page) => page.locator('header [data-tenant]').getAttribute('data-tenant')

browserTest(
  'one list of several tenants: in order, filtered by tenant, and back to the same row; a tenant is switched by two presses or by keys',
  async (stage, t) => {
    const { page, open, faults, acme, birch, admin, personId } = await openWorld(stage, 19)
    const box = page.locator('[role=rowgroup]').nth(1)
    const scrolled = () => box.evaluate((element) => element.scrollTop)

    await open('/t/all/incidents')
    const first = (await namesOf(page)).slice(0, 7)
    // The second page of 50 comes by itself as the end of the first comes near.
    await waitUntil(
      async () => {
        await box.evaluate((element) => element.scrollTo(0, element.scrollHeight))
        return namesOf(page)
      },
      (names) => names.at(-1) === 'Home 0',
      60,
    )
    await box.evaluate((element) => element.scrollTo(0, 1_000))
    const target = page.locator('[role=row]', { has: page.getByText('Acme 8', { exact: true }) })
    await target.waitFor()
    const before = await scrolled()
    await target.click()
    await page.getByRole('heading', { level: 1, name: 'Acme 8' }).waitFor()
    const opened = [new URL(page.url()).pathname.split('/')[2], await here(page), page.context().pages().length]
    const title = await waitUntil(
      () => page.title(),
      (said) => said.includes('Acme 8'),
    )
    await page.goBack()
    await target.waitFor()
    await waitUntil(
      () => target.evaluate((row) => row.ownerDocument.activeElement === row),
      (isFocused) => isFocused,
      60,
    )
    const after = await scrolled()

    const journey = beginJourney(t, 'J6 another tenant', { clicks: 2, seconds: 2.0 })
    await journey.press(page.getByRole('button', { name: 'Tenant All tenants, switch' }))
    await journey.press(page.getByRole('option', { name: /Birch/ }))
    await journey.see(page.locator(`header [data-tenant="${birch.id}"]`), page.getByText('Birch 18', { exact: true }))
    await page.waitForURL(`**/t/${birch.id}/incidents`)
    journey.end()
    const atBirch = await namesOf(page)
    const birchTitle = await waitUntil(
      () => page.title(),
      (said) => said.includes(' - Birch - '),
    )
    await pressPair(page, 'g', 's')
    await page.getByRole('combobox', { name: 'Tenant' }).fill('works')
    await page.keyboard.press('Enter')
    await page.waitForURL(`**/t/${acme.id}/incidents`)
    await page.getByText('Acme 18', { exact: true }).waitFor()
    const atAcme = await namesOf(page)

    // By the short code, straight into a tenant that is not where the person signed in.
    await open('/t/birch/incidents')
    const byCode = await namesOf(page)
    const markedByCode = await page.locator('nav[aria-label=Screens] a[aria-current=page]').allTextContents()
    await open('/t/all/incidents')
    await page.getByRole('button', { name: 'acmeworks', exact: true }).click()
    await page.waitForURL('**/t/all/incidents?tenant=acmeworks')
    await waitUntil(
      () => namesOf(page),
      (names) => names.length === 19,
      60,
    )
    const filtered = await namesOf(page)

    // All of a list stands in its address: filter, order, columns, the row with the focus, and what is open beside it.
    await open('/t/all/incidents?severity=medium&sort=updated&cols=tenant&cols=name&cols=severity&panel=values')
    await rows(page).nth(2).waitFor()
    await rows(page).first().focus()
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    await page.waitForURL(/&sel=default%2F\d+$/)
    await page.keyboard.press('o')
    const seePanels = async (shown: Page): Promise<void> => {
      const preview = shown.getByRole('complementary', { name: 'Preview' })
      await preview.getByRole('link', { name: 'Home 18' }).waitFor()
      await preview.getByText('0 tasks').waitFor()
      await preview.getByRole('heading', { name: 'Preview' }).and(shown.locator(':focus')).waitFor()
      await shown.getByRole('checkbox', { name: /^active (at least )?57$/ }).waitFor()
      await shown.getByRole('group', { name: 'Classification' }).getByRole('checkbox').first().waitFor()
      // All groups come with the panel, and each counts by itself.
      await shown.getByText('Counting …').first().waitFor({ state: 'detached' })
      await shown.locator('[role=grid][aria-rowcount="58"]').waitFor()
      await rows(shown).nth(8).waitFor()
    }
    await seePanels(page)
    const stated = await page.evaluate(listProbe)
    const copied = await probeCopy(page, seePanels)
    await open('/t/all/incidents')
    await rows(page).first().waitFor()
    // What happens in any of them comes to the list by itself, over one stream.
    await page.locator('[data-live=live]').waitFor()
    const { body } = await admin.get('/v1.0/security/incidents?$filter=displayName%20eq%20%27Acme%2018%27')
    const changed = await (await acme.as('responder')).patch(`/v1.0/security/incidents/${body.value[0].id}`, {
      displayName: 'Acme renamed',
    })
    await page.getByText('Acme renamed', { exact: true }).waitFor()
    const marked = await page.locator('nav[aria-label=Screens] a[aria-current=page]').allTextContents()
    const faultsBefore = [...faults]
    await admin.send('DELETE', `/api/v1/members/${personId}`)
    // The list is read anew until this tenant refuses, which it does within a second.
    const order = page.getByLabel('Order')
    const missing = page.getByText('Not all tenants are in this list.')
    for (let turn = 0; turn < 30 && (await missing.count()) === 0; turn++) {
      await order.selectOption(['severity', 'updated', 'newest'][turn % 3] ?? 'newest')
      await missing.waitFor({ timeout: 2_000 }).catch(() => undefined)
    }
    await page.getByText('Not all tenants are in this list.').waitFor()
    const named = await page.locator('main li [data-tenant]').first().getAttribute('data-tenant')
    const left = await waitUntil(
      () => namesOf(page),
      (names) => !names.some((name) => name.startsWith('Acme')),
    )
    await open(`/t/${acme.id}/incidents`)
    await page.getByRole('heading', { name: 'Nothing is here', exact: true }).waitFor()
    const gone = await page.locator('main h1').innerText()

    assert.deepEqual(first, ['Birch 18', 'Acme 18', 'Home 18', 'Birch 17', 'Acme 17', 'Home 17', 'Birch 16'])
    assert.equal(writeCalm(copied), writeCalm(stated))
    assert.deepEqual(opened, [acme.id, acme.id, 1])
    assert.match(title, /Acme 8.* - Acme Works - Cordon$/)
    assert.ok(Math.abs(after - before) <= 44, `scrolled to ${after} instead of ${before}`)
    assert.match(birchTitle, / - Birch - Cordon$/)
    for (const [names, word] of [
      [atBirch, 'Birch'],
      [byCode, 'Birch'],
      [atAcme, 'Acme'],
      [filtered, 'Acme'],
    ] as const) {
      assert.ok(names.length > 5 && names.every((name) => name.startsWith(word)), names.join())
    }
    assert.equal(changed.status, 200)
    assert.deepEqual([marked, markedByCode], [['▤Incidents'], ['▤Incidents']])
    assert.equal(gone, 'Nothing is here')
    assert.equal(named, acme.id)
    assert.ok(left.length > 5 && !left.some((name) => name.startsWith('Acme')), left.join())
    assert.deepEqual(faultsBefore, [])
  },
)

browserTest('a person of one tenant has nothing to switch, and sees no row of another one anywhere', async (stage) => {
  const { acme } = await openWorld(stage, 2)
  const { page, open, faults } = await stage.enter('reader')

  await open('/t/all/incidents')
  const all = await namesOf(page)
  const switches = await page.getByRole('button', { name: /switch$/ }).count()
  await pressPair(page, 'g', 's')
  const dialogs = await page.getByRole('dialog').count()
  await open(`/t/${acme.id}/incidents`)
  await page.getByRole('heading', { name: 'Nothing is here', exact: true }).waitFor()
  const foreign = await page.locator('main').innerText()

  assert.deepEqual(all, ['Home 1', 'Home 0'])
  assert.deepEqual([switches, dialogs], [0, 0])
  assert.match(foreign, /^Nothing is here/)
  assert.deepEqual(faults, [])
})

for (const dark of [false, true]) {
  browserTest(
    `what is changed in several tenants at once, and what is run: one confirmation for each tenant; axe finds nothing (${dark ? 'dark' : 'light'})`,
    async (stage) => {
      const { page, open, faults, acme, birch } = await openWorld(stage, 2, dark)
      const found: string[] = []
      const lookAt = async (where: string): Promise<void> => void found.push(...(await look(page, where)))
      const runs: string[] = []
      for (const tenant of [acme, birch]) {
        const incidentId = await tenant.incident({ displayName: 'Worm', status: 'awaitingAction' })
        const device = await tenant.agent({ hostName: 'web-07', can: ['isolateDevice'] })
        await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device) })
        const failed = await tenant.task(incidentId, { status: 'failed', actionStatus: 'failed' })
        runs.unshift(await tenant.execution(failed, 'failed'))
      }

      await open('/t/all/incidents')
      await page.getByRole('checkbox', { name: 'Select acmeworks/' }).first().check()
      await page.getByRole('checkbox', { name: 'Select birch/' }).first().check()
      await lookAt('the list')
      await page.getByRole('button', { name: 'Change 2' }).click()
      const change = page.getByRole('dialog')
      await change.locator('[data-tenant]').nth(1).waitFor()
      const concerned = await change.locator('[data-tenant]').evaluateAll((all) => all.map((one) => one.textContent))
      await change.getByLabel('Status').selectOption('inProgress')
      await change.getByLabel('Classification').selectOption('truePositive')
      await change.getByRole('button', { name: 'Assign to me' }).click()
      await lookAt('the change')
      await change.getByRole('button', { name: 'Change 2' }).click()
      await page.getByRole('heading', { name: '2/2 changed' }).waitFor()
      await page.keyboard.press('Escape')
      await change.waitFor({ state: 'detached' })
      const owners = await Promise.all([acme, birch].map(async (tenant) => ownersOf(await tenant.as('reader'))))
      await page.getByRole('checkbox', { name: 'Select acmeworks/' }).first().check()
      await page.getByRole('checkbox', { name: 'Select birch/' }).first().check()
      await page.keyboard.press('e')
      const menu = page.getByRole('dialog', { name: 'Assign 2 incidents' })
      await menu.locator('[data-tenant]').nth(1).waitFor()
      await menu.getByRole('option').nth(2).waitFor()
      const choices = await menu.getByRole('option').allInnerTexts()
      await lookAt('the menu')
      await menu.getByRole('option', { name: 'Customer' }).click()
      await menu.waitFor({ state: 'detached' })
      const given = await waitUntil(
        () => Promise.all([acme, birch].map(async (tenant) => ownersOf(await tenant.as('reader')))),
        (all) => all.flat().every((name) => name === 'Customer'),
      )

      await open('/t/all/tasks?tab=history&from=-24h')
      await rows(page).nth(1).waitFor()
      const history = await rows(page).evaluateAll((all) => all.map((row) => row.getAttribute('data-id')))
      await lookAt('the runs')
      await page.getByRole('button', { name: 'acmeworks', exact: true }).click()
      await page.waitForURL('**/t/all/tasks?tab=history&tenant=acmeworks&from=-24h')
      await page.locator('[role=grid][aria-rowcount="2"]').waitFor()
      await rows(page).first().click()
      await page.waitForURL(`**/t/${acme.id}/runs/${runs[1]}`)
      await open('/t/all/tasks')
      await rows(page).nth(1).waitFor()
      await rows(page).first().focus()
      await page.keyboard.press('o')
      const card = page.getByRole('complementary', { name: 'Preview' }).locator('[data-task-id]')
      await card.getByRole('button', { name: /^Review and run/ }).waitFor()
      await page.keyboard.press('Escape')
      await card.waitFor({ state: 'detached' })
      for (const at of [0, 1]) await rows(page).nth(at).getByRole('checkbox').check()
      await lookAt('the tasks')
      await page.getByRole('button', { name: 'Review and run 2' }).click()
      const dialog = page.getByRole('alertdialog')
      const asked: (string | null)[] = []
      for (const tenant of [acme, birch]) {
        const chip = dialog.locator(`[data-tenant="${tenant.id}"]`)
        await chip.waitFor()
        asked.push(await chip.textContent(), await dialog.getByRole('heading', { level: 2 }).textContent())
        if (tenant === acme) await lookAt('the run')
        await dialog.getByRole('button', { name: 'Not now' }).click()
        await chip.waitFor({ state: 'detached' })
      }
      await dialog.waitFor({ state: 'detached' })
      await page.getByRole('button', { name: 'Tenant All tenants, switch' }).click()
      await page.getByRole('option').nth(3).waitFor()
      const patterns = await page
        .locator('[role=option] svg')
        .evaluateAll((all) => all.map((mark) => `${mark.getAttribute('data-pattern')} ${mark.getAttribute('class')}`))
      await lookAt('the switch')
      await page.keyboard.press('Escape')
      await open(screenOf(stage.cordon, 'reports'))
      const panel = page.getByRole('region', { name: 'Waiting by tenant' })
      await panel.locator('[data-tenant]').nth(2).waitFor()
      const waiting = await waitUntil(
        () => panel.getByRole('listitem').allTextContents(),
        (all) => /Acme Works1 since .*Birch1 since .*0/.test(all.join('; ')),
      )
      await lookAt('the reports')
      await open('/t/all/tasks')
      await rows(page).nth(1).waitFor()
      await page.setViewportSize({ width: 320, height: 640 })
      const wide = await page.evaluate('document.documentElement.scrollWidth > window.innerWidth')

      assert.deepEqual(concerned, ['acmeworksAcme Works', 'Birch'])
      assert.deepEqual(
        owners.flat().map((name) => /^expert .* \(default\)$/.test(name)),
        [true, true],
      )
      assert.deepEqual(
        [choices, given.flat()],
        [
          ['Me', 'Nobody', 'Customer'],
          ['Customer', 'Customer'],
        ],
      )
      // The fullest first; of equals in the order of the switch.
      assert.match(waiting.join('; '), /Acme Works1 since .*Birch1 since .*0/)
      assert.deepEqual(history, [`birch/${runs[0]}`, `acmeworks/${runs[1]}`])
      assert.deepEqual(asked, ['acmeworksAcme Works', 'Isolate 1 target?', 'Birch', 'Isolate 1 target?'])
      assert.equal(new Set(patterns.map((text) => text.split(' ')[0])).size, 3)
      assert.equal(new Set(patterns.map((text) => text.slice(2))).size, 3)
      assert.equal(wide, false)
      assert.deepEqual(found, [])
      assert.deepEqual(faults, [])
    },
  )
}

/** Who has an incident under way. */
async function ownersOf(client: Client): Promise<string[]> {
  const filter = encodeURIComponent("status eq 'inProgress' and classification eq 'truePositive'")
  const { body } = await client.get(`/beta/security/incidents?$filter=${filter}&$select=assignedTo`)
  return body.value.map((one: { assignedTo: string }) => one.assignedTo)
}

test('lists of any lengths are put together in one order, each row once, and one that does not answer is named', async () => {
  const lists = [[1, 4, 4, 9, 12, 30], [], [2, 3, 4, 5, 6, 7, 8, 10, 11], [40], [4]]
  const read = async (tenant: string, path: string) => {
    if (tenant === '3') throw new Error('gone')
    const from = Number(path)
    const all = lists[Number(tenant)] ?? []
    const next = from + 2 < all.length ? String(from + 2) : null
    return { value: all.slice(from, from + 2).map((row) => ({ row, tenant })), next }
  }
  let streams: readonly Stream<{ row: number; tenant: string }>[] = lists.map((_list, at) => ({
    tenant: String(at),
    rows: [],
    next: '0',
  }))
  const taken: { row: number; tenant: string }[] = []
  const failed: string[] = []
  const sizes: number[] = []

  while (hasMore(streams)) {
    const page = await takePage(streams, read, (a, b) => a.row - b.row, 5)
    taken.push(...page.value)
    failed.push(...page.failed.map(({ tenant }) => tenant))
    sizes.push(page.value.length)
    streams = page.streams
  }

  assert.deepEqual(
    taken.map(({ row }) => row),
    [1, 2, 3, 4, 4, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 30],
  )
  assert.deepEqual(
    taken.filter(({ row }) => row === 4).map(({ tenant }) => tenant),
    ['0', '0', '2', '4'],
  )
  assert.deepEqual(failed, ['3'])
  assert.deepEqual(sizes, [5, 5, 5, 1])
})
