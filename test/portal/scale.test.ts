import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { systemClock } from '../../src/io/clock.ts'
import { completeEntity } from '../../src/model/graph-validate.ts'
import { allocateIncidentIds, insertIncidents, type StoredIncident } from '../../src/store/incidents.ts'
import type { Cordon } from '../support/cordon.ts'
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

const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)] ?? 0

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly tid: number
  readonly ts: number
  readonly dur?: number
}

const scripts = new Set(['FunctionCall', 'EvaluateScript', 'RunMicrotasks', 'FireAnimationFrame', 'TimerFire'])

/** Milliseconds of script between one frame of the page's thread and the next, from a trace. */
function readFrames(trace: Buffer): number[] {
  const { traceEvents }: { traceEvents: TraceEvent[] } = JSON.parse(trace.toString())
  const begins = traceEvents
    .filter(({ name, ph }) => name === 'AnimationFrame' && ph === 'b')
    .sort((a, b) => a.ts - b.ts)
  const thread = begins[0]?.tid
  const run = traceEvents
    .filter(({ name, ph, tid }) => ph === 'X' && tid === thread && scripts.has(name))
    .sort((a, b) => a.ts - b.ts)
  return begins.slice(0, -1).map(({ ts }, index) => {
    const next = begins[index + 1]?.ts ?? ts
    let [sum, until] = [0, 0]
    // An event within another is counted with that one.
    for (const { ts: at, dur = 0 } of run.filter((event) => event.ts >= ts && event.ts < next)) {
      if (at < until) continue
      sum += dur
      until = at + dur
    }
    return sum / 1_000
  })
}

async function readVitals(page: Page): Promise<{ lcp: number; events: number[] }> {
  const read = await page.evaluate('window.vitals')
  return read as { lcp: number; events: number[] }
}

browserTest(
  `${many.toLocaleString('en')} incidents: the list knows how many there are, keeps few elements, scrolls without a gap, and finds its row again`,
  async ({ cordon, enter }, t) => {
    await seed(cordon, many)
    const { page, open, faults } = await enter('reader')
    await page.addInitScript(
      "window.vitals = { lcp: 0, events: [] }; new PerformanceObserver((l) => { for (const e of l.getEntries()) window.vitals.lcp = e.startTime }).observe({ type: 'largest-contentful-paint', buffered: true }); new PerformanceObserver((l) => { for (const e of l.getEntries()) window.vitals.events.push(e.duration) }).observe({ type: 'event', durationThreshold: 16, buffered: true })",
    )

    await open(screenOf(cordon, 'incidents'))
    const rows = page.locator('[role=grid] [role=row][data-id]')
    await rows.first().waitFor()
    await page.getByText(`${many.toLocaleString('en')} incidents`).waitFor()
    const total = await page.getByRole('grid').getAttribute('aria-rowcount')
    for (let press = 0; press < 20; press++) await page.keyboard.press('j')
    const focused = await page.evaluate("document.activeElement.getAttribute('data-id')")
    const browser = page.context().browser()
    assert.ok(browser)
    await browser.startTracing(page, {
      categories: ['devtools.timeline', 'devtools.timeline.frame', 'disabled-by-default-devtools.timeline'],
    })
    const counts: number[] = []
    const gaps: string[] = []
    for (let step = 0; step < 40; step++) {
      await page.mouse.move(600, 500)
      await page.mouse.wheel(0, 700)
      await page.waitForTimeout(100)
      counts.push(Number(await page.evaluate("document.querySelectorAll('*').length")))
      if ((await rows.count()) < 5) gaps.push(`step ${step}`)
    }
    const frames = readFrames(await browser.stopTracing())
    const far = Number(await rows.last().getAttribute('aria-rowindex'))
    await page.keyboard.press('k')
    const back = await page.evaluate("document.activeElement.getAttribute('aria-rowindex')")
    const { lcp, events } = await readVitals(page)

    t.diagnostic(
      `script per frame: p50 ${percentile(frames, 0.5).toFixed(1)} ms, p95 ${percentile(frames, 0.95).toFixed(1)} ms over ${frames.length} frames (budget 8 ms)`,
    )
    t.diagnostic(`elements at most ${Math.max(...counts)} (budget 1,000); scrolled to row ${far}`)
    t.diagnostic(
      `LCP ${Math.round(lcp)} ms (budget 1,000); key to paint p95 ${percentile(events, 0.95)} ms over ${events.length} events (budget 100)`,
    )
    assert.equal(total, String(many + 1))
    assert.ok(Math.max(...counts) <= 1_000, `${Math.max(...counts)} elements`)
    assert.ok(frames.length > 20)
    assert.ok(far > 200, `row ${far}`)
    assert.deepEqual(gaps, [])
    assert.ok(focused)
    assert.equal(back, '21')
    assert.deepEqual(faults, [])
  },
)

browserTest('a change is on the screen soon after its commit, each of them', async ({ cordon, tenant, enter }, t) => {
  const incidentId = await tenant.incident({ displayName: 'Name 0' })
  const { page, open } = await enter('reader')
  await open(screenOf(cordon, `incidents/${incidentId}`))
  await page.locator('[data-live=live]').waitFor()
  const client = await tenant.as('responder')
  const took: number[] = []

  for (let change = 1; change <= 20; change++) {
    const shown = page.getByRole('heading', { name: `Name ${change}`, exact: true }).waitFor()
    const { status } = await client.patch(`/beta/security/incidents/${incidentId}`, { displayName: `Name ${change}` })
    const at = performance.now()
    assert.equal(status, 200)
    await shown
    took.push(performance.now() - at)
  }

  t.diagnostic(
    `event to screen: p50 ${Math.round(percentile(took, 0.5))} ms, p95 ${Math.round(percentile(took, 0.95))} ms over 20 (budget 500)`,
  )
  assert.equal(took.length, 20)
})
