import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { readRange } from '../../src/portal/app/lists/range.ts'
import { settle } from './axe.ts'
import { browserTest, screenOf } from './browser.ts'
import { give, giveSecondTenant, listScreens } from './screens.ts'

/** The first day of that month that is a Sunday, and so many weeks later. */
function sundayOf(year: number, month: number, weeks: number): number {
  const first = new Date(Date.UTC(year, month, 1)).getUTCDay()
  return Date.UTC(year, month, 1 + ((7 - first) % 7) + 7 * weeks)
}

/**
 * Minutes a zone is ahead of UTC, and what it calls that, by its rule alone.
 * @source the zones' laws as the tz database has them: St. John's is at -3:30, and at -2:30 from the second Sunday of March to the first of
 * November, each at 2 in the morning by its own clocks
 */
const rules: Readonly<Record<string, (ms: number) => readonly [minutes: number, name: string]>> = {
  UTC: () => [0, 'UTC'],
  'Asia/Kolkata': () => [330, 'GMT+5:30'],
  'America/St_Johns': (ms) => {
    const year = new Date(ms).getUTCFullYear()
    const isSummer = ms >= sundayOf(year, 2, 1) + 330 * 60_000 && ms < sundayOf(year, 10, 0) + 270 * 60_000
    return isSummer ? [-150, 'GMT-2:30'] : [-210, 'GMT-3:30']
  },
}

/** An instant of the wire as the page has to write it in that zone. */
function expectInstant(instant: string, zone: string): string {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = instant.split(/[^0-9]/).map(Number)
  const ms = Date.UTC(year, month - 1, day, hour, minute, second)
  const [ahead, name] = rules[zone]?.(ms) ?? [Number.NaN, zone]
  const there = new Date(ms + ahead * 60_000)
  const two = (number: number): string => String(number).padStart(2, '0')
  const date = [there.getUTCFullYear(), two(there.getUTCMonth() + 1), two(there.getUTCDate())].join('-')
  return `${date} ${[there.getUTCHours(), there.getUTCMinutes(), there.getUTCSeconds()].map(two).join(':')} ${name}`
}

/** What is wrong with the instants of the page in that zone, and how many there are. */
async function readTimes(page: Page, zone: string): Promise<{ readonly seen: number; readonly wrong: string[] }> {
  const times = await page
    .locator('time')
    .evaluateAll((all) =>
      all.map((one) => [one.getAttribute('datetime') ?? '', one.getAttribute('title'), one.textContent ?? ''] as const),
    )
  const wrong = times.flatMap(([at, title, text]) => {
    const expected = expectInstant(at, zone)
    const isRecent = Math.abs(Date.now() - Date.parse(at)) < 86_460_000
    const isAge = isRecent && /^(now|in .+|.+ ago)$/.test(text)
    const isWell = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(at) && title === expected && (text === expected || isAge)
    return isWell ? [] : [`${zone}: ${at} ${title} ${text}`]
  })
  return { seen: times.length, wrong }
}

/** Presses the key that goes on to the next zone. */
async function turnZone(page: Page, shown: string): Promise<void> {
  await page.keyboard.press('z')
  await page.getByRole('button', { name: `Time zone ${shown}, change` }).waitFor()
}

const instantsIn = (page: Page, within: string): Promise<string[]> =>
  page.locator(`${within} time`).evaluateAll((all) => all.map((one) => one.getAttribute('datetime') ?? ''))

/** Both sides of each change of the clocks, some of them apart by the last digit alone, which no Date of a browser holds. */
const turns = [
  '2026-03-08T05:29:59.9999998Z',
  '2026-03-08T05:29:59.9999999Z',
  '2026-03-08T05:30:00.0000001Z',
  '2026-03-08T05:30:00.0000002Z',
  '2025-11-02T04:29:59.7433333Z',
  '2025-11-02T04:30:00.7433333Z',
  '2025-11-02T04:30:00.7433334Z',
]

browserTest(
  'every instant on every screen is right in the zone one turns to, on both sides of a change of the clocks, stays UTC in the document and in what is saved, and sorts by its seventh digit',
  async ({ cordon, tenant, enter }) => {
    const { page, open } = await enter('admin', { zone: 'America/St_Johns' })
    const other = await giveSecondTenant(cordon, 'admin')
    const given = await give(cordon, tenant)
    const facts = (at: string) => ({ createdDateTime: at, firstActivityDateTime: at, lastActivityDateTime: at })
    const incidentId = await tenant.incident({ displayName: 'Clocks', createdDateTime: turns[0] ?? '' })
    for (const [index, at] of turns.entries()) {
      await tenant.alert(incidentId, { title: `Alert ${index}`, ...facts(at) })
      await (index % 2 === 0 ? tenant : other).incident({ createdDateTime: at, lastUpdateDateTime: at })
    }
    const newest = turns.toSorted().toReversed()
    const wrong: string[] = []
    const seenOn: string[] = []
    const read = async (screen: string, zone: string): Promise<void> => {
      const found = await readTimes(page, zone)
      wrong.push(...found.wrong.map((line) => `${screen} ${line}`))
      if (found.seen > 0) seenOn.push(`${screen} ${zone}`)
    }
    await page.addInitScript(
      "localStorage.setItem('cordon.preferences', JSON.stringify({ zone: 'Asia/Kolkata', showStrip: false }))",
    )

    for (const screen of [
      `/t/${tenant.id}/incidents/${incidentId}/activity`,
      `/t/${tenant.id}/incidents/${incidentId}`,
      ...listScreens(tenant.id, given),
    ]) {
      await open(screen)
      await settle(page)
      await page.getByRole('button', { name: 'Time zone Asia/Kolkata, change' }).waitFor()
      await read(screen, 'Asia/Kolkata')
      await turnZone(page, 'UTC')
      await read(screen, 'UTC')
      await turnZone(page, 'local')
      await read(screen, 'America/St_Johns')
    }

    await open(screenOf(cordon, `incidents/${incidentId}/activity`))
    await page.locator('main ol time').nth(turns.length).waitFor()
    const timeline = await instantsIn(page, 'main ol')
    await open(screenOf(cordon, `incidents/${incidentId}`))
    const table = page.getByRole('region', { name: 'Attack story, table' })
    await table
      .locator('time')
      .nth(turns.length - 1)
      .waitFor()
    const story = await instantsIn(page, '[aria-label="Attack story, table"]')
    await open(screenOf(cordon, 'alerts?q=alert'))
    await page
      .locator('[role=grid] time')
      .nth(turns.length - 1)
      .waitFor()
    const alerts = await instantsIn(page, '[role=grid]')
    await open('/t/all/incidents?cols=age&q=suspicious')
    await page.locator(`[role=grid] time[datetime="${newest.at(-1)}"]`).waitFor()
    const everywhere = await instantsIn(page, '[role=grid]')
    const saved: string[] = []
    for (const screen of ['audit', 'tasks?tab=history&from=-24h']) {
      await open(screenOf(cordon, screen))
      await turnZone(page, 'UTC')
      await turnZone(page, 'local')
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Export CSV' }).click(),
      ])
      const [, ...rows] = readFileSync(await file.path(), 'utf8')
        .trim()
        .split('\r\n')
      saved.push(...rows.map((row) => /\d{4}-\d\d-\d\d[^,]*/.exec(row)?.[0] ?? row))
    }

    assert.deepEqual(wrong, [])
    assert.ok(seenOn.length >= 45, seenOn.join('\n'))
    assert.deepEqual(
      timeline.filter((at) => turns.includes(at)),
      [...newest, turns[0]].toSorted().toReversed(),
    )
    assert.deepEqual(story, turns.toSorted())
    assert.deepEqual(
      alerts.filter((at) => turns.includes(at)),
      newest,
    )
    assert.deepEqual(
      everywhere.filter((at) => turns.includes(at)),
      newest,
    )
    assert.ok(
      saved.length > 2 && saved.every((at) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/.test(at)),
      saved.join(),
    )
  },
)

test('a stretch back from now is reckoned once, a day begins at midnight UTC, and what is no time leaves nothing out', () => {
  const nowMs = Date.UTC(2026, 10, 22, 12, 0, 0, 500)
  const read = (from: string, to: string): readonly unknown[] => {
    const range = readRange({ from, to }, nowMs)
    return [range.from, range.to, range.said, range.strange]
  }

  assert.deepEqual(read('-24h', ''), [
    '2026-11-21T12:00:00Z',
    '',
    'from 2026-11-21T12:00:00Z to 2026-11-22T12:00:00Z',
    [],
  ])
  assert.deepEqual(read('-2w', '-30m'), [
    '2026-11-08T12:00:00Z',
    '2026-11-22T11:30:00Z',
    'from 2026-11-08T12:00:00Z to 2026-11-22T11:30:00Z',
    [],
  ])
  assert.deepEqual(read(' 2026-11-20 ', '2026-11-21T08:00:00.1234567Z'), [
    '2026-11-20T00:00:00Z',
    '2026-11-21T08:00:00.1234567Z',
    '',
    [],
  ])
  assert.deepEqual(read('yesterday', '2026-13-40'), ['', '', '', ['from', 'to']])
  assert.deepEqual(read('-99999w', ''), [
    '1970-01-01T00:00:00Z',
    '',
    'from 1970-01-01T00:00:00Z to 2026-11-22T12:00:00Z',
    [],
  ])
})
