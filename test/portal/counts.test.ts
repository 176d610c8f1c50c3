import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import type { Cordon } from '../support/cordon.ts'
import { enrolDevice } from '../support/device.ts'
import { fittingAction, type Tenant } from '../support/given.ts'
import { setPolicy } from '../support/policies.ts'
import { anyDialog, settle } from './axe.ts'
import { browserTest, screenOf } from './browser.ts'
import { type Given, listScreens } from './screens.ts'

/** Exactly one of what the portal counts. */
async function giveOne(cordon: Cordon, tenant: Tenant): Promise<Given> {
  const one = { ids: [], names: ['dc-01'], tags: [] }
  await setPolicy(cordon.store, tenant.id, {
    protectedAssets: [{ ...one, name: 'controllers', actionTypes: null, reason: 'They run the domain.' }],
    fourEyes: {
      approvalHours: 24,
      rules: [{ name: 'all', actionTypes: null, assetGroup: null, minTier: null, approvals: 1 }],
    },
    managedResponse: {
      paused: false,
      excluded: [{ ...one, name: 'controllers', since: null }],
      consent: [{ name: 'all', actionTypes: null, assetGroup: null, experts: null, hours: null }],
    },
  })
  const device = await enrolDevice(cordon, tenant.id, 'web-07')
  const incidentId = await tenant.incident({ displayName: 'Web shell', status: 'awaitingAction', severity: 'high' })
  const alertId = await tenant.alert(incidentId, {
    mitreTechniques: ['T1505.003'],
    evidence: [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: 'web-07' } as never],
  })
  for (const kind of ['user', 'mailbox'] as const) await tenant.knows(kind, 'ada@contoso.example')
  const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
  const runId = await tenant.execution(taskId, 'awaitingApproval', { connector: 'cordon-agent' })
  return { incidentId, taskId, alertId, deviceId: device.id, runId }
}

/** What the page says of one in the words for several, or the other way round; what is read out among it. */
async function readWrong(page: Page): Promise<string[]> {
  const said = await page.evaluate<string[]>(`[
    ...[...document.querySelectorAll('body *:not(script, style)')]
      .filter((one) => ![...one.children].some((child) => getComputedStyle(child).display !== 'inline'))
      .map((one) => one.textContent),
    ...[...document.querySelectorAll('[aria-label], [title]')].flatMap((one) => [one.getAttribute('aria-label') ?? '', one.getAttribute('title') ?? '']),
  ]`)
  // A guid can end in a one as well, and stand before a verb.
  const several =
    /(?<![\w.,:/-])1 (?!needs\b|waits\b|is\b|has\b|was\b|access\b|this\b)(?:[a-z]{2,}(?<!s)s|people|entries|need|wait|are|have)\b/
  return [...new Set(said.flatMap((text) => several.exec(text.replaceAll(/\s+/g, ' '))?.[0] ?? []))]
}

browserTest('where there is one of everything, no screen speaks of several', async ({ cordon, tenant, enter }) => {
  const { page, open } = await enter('admin', { width: 1440, height: 900 })
  const given = await giveOne(cordon, tenant)
  const wrong: string[] = []
  const look = async (where: string): Promise<void> => {
    wrong.push(...(await readWrong(page)).map((text) => `${where}: ${text}`))
  }

  for (const address of listScreens(tenant.id, given)) {
    await open(address)
    await settle(page)
    await look(address)
  }
  await open(screenOf(cordon, 'incidents'))
  await settle(page)
  const strip = await page.getByText(/^Last 24 h/).innerText()
  await page.getByText(/^1 incident(?!s)/).waitFor()
  await page.getByRole('checkbox', { name: `Select ${given.incidentId}`, exact: true }).check()
  await look('one row is selected')
  await page
    .getByRole('button', { name: /^Change|^Classify/ })
    .first()
    .click()
  await page.locator(anyDialog).waitFor()
  await look('the dialog for one incident')
  await open(screenOf(cordon, 'audit'))
  await page.getByRole('button', { name: /^Verify/ }).click()
  await page.getByText(/^Holds:/).waitFor()
  await look('the log is verified')

  assert.equal(strip, 'Last 24 h: 1 incident, 1 alert')
  assert.deepEqual(wrong, [])
})
