import assert from 'node:assert/strict'
import { systemClock } from '../../src/io/clock.ts'
import { completeEntity } from '../../src/model/graph-validate.ts'
import { allocateIncidentIds, insertIncidents, type StoredIncident } from '../../src/store/incidents.ts'
import { chunksOf } from '../../src/store/record.ts'
import { readTask, toTaskRow } from '../../src/store/tasks.ts'
import { waitUntil } from '../support/answers.ts'
import type { Cordon } from '../support/cordon.ts'
import { fittingAction, type Tenant } from '../support/given.ts'
import { browserTest, screenOf } from './browser.ts'

const many = 100_000
const severities = ['high', 'medium', 'low', 'informational'] as const

/** Puts incidents straight into the store: through the API it would take minutes. */
async function seed(cordon: Cordon, count: number): Promise<void> {
  const now = systemClock.now()
  const {
    incidentWebUrl: _link,
    alerts: _alerts,
    recommendedActions: _a,
    recommendedHuntingQueries: _q,
    ...blank
  } = completeEntity('incident', { id: '0', tenantId: cordon.tenantId, status: 'active', severity: 'low' }, now)
  for (let done = 0; done < count; done += 20_000) {
    await cordon.store.transaction(async (tx) => {
      const ids = await allocateIncidentIds(tx, 20_000)
      const rows = ids.map((id, index): StoredIncident => {
        const severity = severities[index % severities.length] ?? 'low'
        const doc = { ...blank, id, severity, displayName: `Incident number ${id}` }
        return { doc, firstActivityAt: null, lastActivityAt: null, alertCount: 0, personSet: [], version: 0 }
      })
      await insertIncidents(tx, rows)
    })
  }
}

/** In the page: the part of the list that scrolls. */
const box = "document.querySelector('[role=grid] [role=rowgroup]:last-child')"

/** In the page: true when every place of the list that is looked at shows a row. */
const isCovered = `(() => {
  const { top, left, bottom } = ${box}.getBoundingClientRect()
  const height = Math.min(bottom, innerHeight) - top
  const places = Array.from({ length: 24 }, (_, at) => top + 4 + ((height - 8) * at) / 23)
  return places.every((y) => document.elementFromPoint(left + 300, y)?.closest('[role=row][data-id]'))
})()`

/** In the page: id and place of the first row in sight. */
const firstInSight = `(() => {
  const { top, left } = ${box}.getBoundingClientRect()
  const row = document.elementFromPoint(left + 300, top + 4).closest('[role=row][data-id]')
  return [row.dataset.id, row.getBoundingClientRect().top]
})()`

/** Alerts that belong to nothing that is there. Returns how many incidents they opened. */
async function openIncidents(tenant: Tenant, count: number): Promise<number> {
  const sender = await tenant.as('admin')
  const opened = new Set<string>()
  for (let number = 0; number < count; number++) {
    const alert = { title: `Beacon ${number}`, severity: 'high', providerAlertId: `late-${number}` }
    const { body } = await sender.post('/v1.0/security/alerts_v2', alert)
    opened.add(body.incidentId)
  }
  return opened.size
}

// What of this takes how long is measured by `npm run bench -- --portal`.
browserTest(
  `${many.toLocaleString('en')} incidents: few elements, no gap, few files from one origin; a hundred new ones move nothing, and the row with the focus is found again`,
  async ({ cordon, tenant, enter }, t) => {
    await seed(cordon, many)
    const { page, open, faults } = await enter('reader')
    const asked: URL[] = []
    page.on('request', (request) => asked.push(new URL(request.url())))

    await open(screenOf(cordon, 'incidents'))
    const rows = page.locator('[role=grid] [role=row][data-id]')
    await rows.first().waitFor()
    await page.getByText(`${many.toLocaleString('en')} incidents`, { exact: true }).waitFor()
    await page.locator('[data-live=live]').waitFor()
    const total = await page.getByRole('grid').getAttribute('aria-rowcount')
    for (let press = 0; press < 20; press++) await page.keyboard.press('j')
    const counts: number[] = []
    await page.mouse.move(600, 500)
    for (let turn = 0; turn < 20; turn++) {
      await page.mouse.wheel(0, 700)
      await waitUntil(
        () => page.evaluate(isCovered),
        (covered) => covered === true,
        60,
      )
      counts.push(Number(await page.evaluate("document.querySelectorAll('*').length")))
    }
    // As far as there are rows by now; each time it asks for more.
    await waitUntil(
      () => page.evaluate(`(() => { ${box}.scrollTop = 50_000; return ${box}.scrollTop })()`),
      (place) => place === 50_000,
      60,
    )
    await waitUntil(
      () => page.evaluate(isCovered),
      (covered) => covered === true,
      60,
    )
    const before = await page.evaluate(firstInSight)
    const opened = await openIncidents(tenant, 100)
    await page.getByRole('button', { name: 'Show 100 new' }).waitFor()
    const after = await page.evaluate(firstInSight)
    await page.keyboard.press('k')
    const back = page.locator('[role=row][aria-rowindex="21"]:focus')
    await back.waitFor()

    t.diagnostic(`elements at most ${Math.max(...counts)} (budget 1,000)`)
    assert.equal(total, String(many + 1))
    assert.ok(Math.max(...counts) <= 1_000, `${Math.max(...counts)} elements`)
    assert.equal(opened, 100)
    assert.deepEqual(after, before)
    assert.deepEqual([...new Set(asked.map(({ origin }) => origin))], [new URL(cordon.url).origin])
    assert.deepEqual(
      asked.map(({ pathname }) => pathname).filter((path) => /attack-story|layout-worker|reports-/.test(path)),
      [],
    )
    assert.deepEqual(faults, [])
  },
)

/** Copies a task so often, each with an id of its own and created a second after the one before. */
async function copyTask(cordon: Cordon, id: string, count: number): Promise<void> {
  const task = await readTask(cordon.store.read, cordon.tenantId, id)
  assert.ok(task)
  const rows = Array.from({ length: count }, (_, at) =>
    toTaskRow({
      ...task,
      doc: {
        ...task.doc,
        id: `task-${at + 1}`,
        displayName: `Task ${at + 1}`,
        createdDateTime: new Date(Date.UTC(2026, 0, 1) + at * 1_000).toISOString().replace('Z', '0000Z'),
      },
    }),
  )
  await cordon.store.transaction(async (tx) => {
    for (const chunk of chunksOf(rows, 500)) {
      await tx
        .insertInto('tasks')
        .values([...chunk])
        .execute()
    }
  })
}

browserTest(
  'ten thousand rows down the row with the focus is still there, and every row says which one of all it is; the list is one stop',
  async ({ cordon, tenant, enter }) => {
    const incident = await tenant.incident()
    const original = await tenant.task(incident, { responseAction: fittingAction('isolateDevice', 'web-07') })
    await copyTask(cordon, original, 10_300)
    const { page, open, faults } = await enter('reader')
    const row = (at: number) => page.locator(`[role=row][data-id="task-${at}"]`)

    await open(screenOf(cordon, 'tasks'))
    await row(1).focus()
    for (let at = 2; at <= 6; at++) {
      await page.keyboard.press('j')
      await page.locator(`[data-id="task-${at}"]:focus`).waitFor()
    }
    await page.locator('[role=grid][aria-rowcount="10302"]').waitFor()
    const far = 10_000 * 36
    await waitUntil(
      () => page.evaluate(`(() => { ${box}.scrollTop = ${far}; return ${box}.scrollTop })()`),
      (place) => place === far,
      120,
    )
    await row(10_001).waitFor()
    const [first] = (await page.evaluate(firstInSight)) as [string, number]
    const index = await row(10_001).getAttribute('aria-rowindex')
    const focused = await page.evaluate('document.activeElement.dataset.id')
    const stops = await page.evaluate(`document.querySelectorAll('[role=grid] [tabindex="0"]').length`)
    await page.keyboard.press('k')
    await page.locator('[data-id="task-5"]:focus').waitFor()
    const back = await page.evaluate(`${box}.scrollTop`)

    assert.deepEqual([first, index], ['task-10001', '10002'])
    assert.deepEqual([focused, stops], ['task-6', 1])
    assert.ok(Number(back) <= 5 * 36, `${back}`)
    assert.deepEqual(faults, [])
  },
)
