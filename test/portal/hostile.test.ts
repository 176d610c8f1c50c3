import assert from 'node:assert/strict'
import type { Tenant } from '../support/given.ts'
import { browserTest, screenOf } from './browser.ts'
import { payloads } from './payloads.ts'

interface Spread {
  readonly incidentId: string
  readonly alertId: string
  readonly taskId: string
  readonly runId: string
}

/** Everything a stranger can write, on one incident and in the lists: each payload once in each place. */
async function spread(tenant: Tenant): Promise<Spread> {
  for (const payload of payloads) await tenant.incident({ displayName: payload, assignedTo: payload })
  const created = '2026-01-01T00:00:00.0000000Z'
  const incidentId = await tenant.incident({
    displayName: payloads[0] ?? '',
    description: payloads.join('\n'),
    customTags: payloads.slice(0, 40),
    comments: payloads.map((comment) => ({ comment, createdByDisplayName: comment, createdDateTime: created })),
  })
  let alertId = ''
  for (const payload of payloads) {
    alertId = await tenant.alert(incidentId, {
      title: payload,
      description: payload,
      productName: payload,
      recommendedActions: payload,
      mitreTechniques: [payload],
      evidence: [
        { '@odata.type': '#microsoft.graph.security.fileEvidence', fileDetails: { fileName: payload } } as never,
      ],
    })
  }
  let taskId = ''
  for (const payload of payloads.slice(0, 60)) {
    taskId = await tenant.task(incidentId, {
      displayName: payload,
      description: payload,
      createdByDisplayName: payload,
      lastModifiedByDisplayName: payload,
    })
  }
  const runId = await tenant.execution(taskId, 'failed', { saying: payloads.join('\n') })
  return { incidentId, alertId, taskId, runId }
}

browserTest(
  `${payloads.length} texts of an attacker stay text on every screen: nothing runs, nothing is loaded`,
  async ({ cordon, tenant, enter }, t) => {
    const { incidentId, alertId, taskId, runId } = await spread(tenant)
    const { page, faults, open } = await enter('admin')
    const foreign: string[] = []
    page.on('request', (request) => !request.url().startsWith(cordon.url) && foreign.push(request.url()))
    const seen: string[] = []
    const screens = ['', '/tasks', '/alerts', '/evidence', '/activity', '/report', `/tasks/${taskId}`].map(
      (tab) => `incidents/${incidentId}${tab}`,
    )

    for (const screen of ['incidents', 'tasks', 'alerts', `alerts/${alertId}`, `runs/${runId}`, 'audit', ...screens]) {
      await open(screenOf(cordon, screen))
      await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' })
      await page.waitForTimeout(300)
      for (let turn = 0; turn < 4; turn++) {
        await page.evaluate("document.querySelector('[role=grid] .overflow-y-auto')?.scrollBy(0, 4000)")
        await page.waitForTimeout(60)
      }
      seen.push(await page.locator('main').innerText())
      const made =
        'main :is(script, style, img, iframe, object, embed, base, meta, form:not(search form), video, audio, marquee, math)'
      assert.equal(await page.locator(made).count(), 0, screen)
      assert.equal(await page.locator('main a[href^="javascript:" i], main a[href^="data:" i]').count(), 0, screen)
      assert.equal(await page.evaluate('window.pwned'), undefined, screen)
    }

    const shown = payloads.filter((payload) => seen.some((text) => text.includes(payload.split('\n')[0] ?? '')))
    t.diagnostic(`${shown.length} of ${payloads.length} payloads were seen as text`)
    assert.ok(payloads.length >= 200)
    assert.ok(shown.length >= 180, `${shown.length} shown`)
    assert.deepEqual(foreign, [])
    assert.deepEqual(faults, [])
  },
)
