import assert from 'node:assert/strict'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import type { Cordon } from '../support/cordon.ts'
import { enrolDevice } from '../support/device.ts'
import { fittingAction, type Tenant } from '../support/given.ts'
import { setPolicy } from '../support/policies.ts'
import { browserTest, screenOf } from './browser.ts'

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** A dialog: where it is opened, by which button, and what comes before; its name tells the finding. */
interface Opening {
  readonly name: string
  /** Absent: where the one before it was. */
  readonly screen?: string
  readonly button: string | RegExp
  readonly prepare?: (page: Page) => Promise<void>
}

function listDialogs({ incidentId, taskId }: Given): readonly Opening[] {
  return [
    { name: 'run', screen: `incidents/${incidentId}/tasks/${taskId}`, button: /^Review and run/ },
    { name: 'by hand', button: /^Done by hand/ },
    { name: 'edit', button: /^Edit$/ },
    { name: 'palette', button: /^Commands/ },
    { name: 'view', screen: 'incidents?severity=high', button: 'Save as a view' },
    {
      name: 'bulk',
      screen: 'tasks',
      button: 'Review and run 1',
      prepare: (page) => page.getByRole('checkbox', { name: 'Select all loaded rows' }).check(),
    },
    {
      name: 'policy',
      screen: 'policies',
      button: 'Review the change',
      prepare: async (page) => {
        const text = page.getByLabel('The document')
        await text.fill((await text.inputValue()).replace('"approvalHours": 24', '"approvalHours": 12'))
      },
    },
    { name: 'pause managed response', screen: 'approvals', button: 'Pause managed response' },
  ]
}

interface Given {
  readonly incidentId: string
  readonly taskId: string
  readonly alertId: string
  readonly deviceId: string
  readonly runId: string
}

async function give(cordon: Cordon, tenant: Tenant): Promise<Given> {
  const device = await enrolDevice(cordon, tenant.id, 'web-07')
  for (const severity of ['high', 'medium', 'low', 'informational', 'unknown'] as const)
    await tenant.incident({ severity })
  const incidentId = await tenant.incident({
    displayName: 'Web shell on web-07',
    status: 'awaitingAction',
    severity: 'high',
  })
  const alertId = await tenant.alert(incidentId, {
    mitreTechniques: ['T1505.003'],
    evidence: [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: 'web-07' } as never],
  })
  const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
  await tenant.task(incidentId, { status: 'completed', actionStatus: 'notStarted' })
  await giveApproval(cordon, tenant, incidentId)
  const failed = await tenant.task(incidentId, { status: 'failed', actionStatus: 'completed' })
  const runId = await tenant.execution(failed, 'failed', { connector: 'cordon-agent' })
  return { incidentId, taskId, alertId, deviceId: device.id, runId }
}

/** An isolation of a critical host, which waits for a second person. */
async function giveApproval(cordon: Cordon, tenant: Tenant, incidentId: string): Promise<void> {
  const critical = { name: 'crown jewels', ids: [], names: ['db-02'], tags: [], critical: true }
  await setPolicy(cordon.store, tenant.id, { assetGroups: [critical] })
  const device = await enrolDevice(cordon, tenant.id, 'db-02')
  const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
  await (await tenant.as('responder')).post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
}

/** Every screen; on a narrow window those that are laid out otherwise there. */
function listScreens({ incidentId, taskId, alertId, deviceId, runId }: Given, width: number = 320): string[] {
  if (width === 390) return ['incidents', `incidents/${incidentId}/tasks/${taskId}`, 'audit']
  const tabs = ['story', 'tasks', 'alerts', 'evidence', 'activity', `tasks/${taskId}`, 'report']
  return [
    'incidents',
    'incidents?q=nothing-has-this-name',
    ...tabs.map((tab) => `incidents/${incidentId}/${tab}`),
    'tasks',
    'alerts',
    `alerts/${alertId}`,
    `runs/${runId}`,
    'approvals',
    'devices',
    `devices/${deviceId}`,
    'connectors',
    'audit',
    'policies',
    'settings',
    'start',
    'reports',
    'incidents/999999',
  ]
}

/** Waits until the first answers are painted. */
async function settle(page: Page): Promise<void> {
  await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' })
}

/** What axe finds, one line each. */
async function look(page: Page, where: string): Promise<string[]> {
  const { violations, passes } = await new AxeBuilder({ page }).withTags(tags).analyze()
  if (passes.length < 10) return [`${where}: only ${passes.length} rules were looked at`]
  return violations.map(
    ({ id, nodes }) => `${where}: ${id} at ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`,
  )
}

/** What axe finds in a dialog, which is closed again. */
async function lookIntoDialog(page: Page, { name, button, prepare }: Opening): Promise<string[]> {
  await settle(page)
  await prepare?.(page)
  await page.getByRole('button', { name: button }).first().click()
  await page.locator('[role=dialog], [role=alertdialog]').waitFor()
  const found = await look(page, `dialog ${name}`)
  await page.keyboard.press('Escape')
  await page.locator('[role=dialog], [role=alertdialog]').waitFor({ state: 'detached' })
  return found
}

for (const dark of [false, true]) {
  browserTest(
    `axe finds nothing on any screen and in no dialog, ${dark ? 'dark' : 'light'}, wide and narrow`,
    async ({ cordon, tenant, enter }) => {
      const given = await give(cordon, tenant)
      const found: string[] = []

      for (const width of [1440, 390]) {
        const { page, open } = await enter('admin', { width, height: 900, dark })
        // What differs by width alone is looked at in one theme.
        for (const screen of listScreens(given, dark ? width : 1440)) {
          await open(screenOf(cordon, screen))
          await settle(page)
          found.push(...(await look(page, `${screen} at ${width}`)))
        }
        for (const opening of width === 390 ? [] : listDialogs(given)) {
          if (opening.screen !== undefined) await open(screenOf(cordon, opening.screen))
          found.push(...(await lookIntoDialog(page, opening)))
        }
        await page.context().close()
      }
      const { page, open } = await enter('approver', { width: 1440, height: 900, dark })
      await open(screenOf(cordon, 'approvals'))
      found.push(...(await lookIntoDialog(page, { name: 'approve', button: /^Approve: Isolate/ })))

      assert.deepEqual(found, [])
    },
  )
}

browserTest(
  'axe finds nothing on the sign-in page, the page behind a link and the page of a refused answer',
  async (stage) => {
    const { cordon, visit } = stage
    const issuer = { issuer: 'https://login.example', clientId: 'cordon' }
    const made = await (await cordon.as('admin')).post('/api/v1/connectors', {
      kind: 'oidc',
      name: 'Contoso',
      settings: issuer,
    })
    const pages = [
      '/login',
      cordon.server.signInUrl?.slice(cordon.url.length),
      `/auth/issuers/${cordon.tenantId}/${made.body.id}/callback`,
    ]
    const found: string[] = []

    for (const dark of [false, true]) {
      const { page, context } = await visit({ dark, width: 320 })
      for (const path of pages) {
        await page.goto(`${cordon.url}${path}`)
        found.push(...(await look(page, `${path} ${dark ? 'dark' : 'light'}`)))
      }
      await context.close()
    }

    assert.deepEqual(found, [])
  },
)

browserTest(
  'at 320 pixels no screen scrolls sideways and no control is too small to hit',
  async ({ cordon, tenant, enter }) => {
    const given = await give(cordon, tenant)
    const { page, open } = await enter('admin', { width: 320, height: 640 })
    const wide: string[] = []

    for (const screen of listScreens(given)) {
      await open(screenOf(cordon, screen))
      await settle(page)
      const over = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth')
      if (Number(over) > 0) wide.push(`${screen}: ${over} px too wide`)
      const small = await page.evaluate(
        "[...document.querySelectorAll('main button, main select, main input')].filter((e) => e.getBoundingClientRect().height < 24).length",
      )
      if (Number(small) > 0) wide.push(`${screen}: ${small} controls below 24 px`)
    }

    assert.deepEqual(wide, [])
  },
)

browserTest('from the queue to a run and back by the keyboard alone', async ({ cordon, tenant, enter }) => {
  const given = await give(cordon, tenant)
  const { page, faults } = await enter('responder')
  const first = page.locator('[role=row][data-id]').first()
  await first.waitFor()

  await page.keyboard.press('j')
  await page.keyboard.press('k')
  const focused = await page.evaluate("document.activeElement.getAttribute('data-id')")
  const stops = await page.locator('[role=grid] [tabindex="0"]').count()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Web shell on web-07' }).waitFor()
  await page.keyboard.press('2')
  await page.waitForURL(/\/tasks$/)
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keys' }).waitFor()
  await page.keyboard.press('g')
  await page.keyboard.press('a')
  const underDialog = page.url()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox').fill('approvals')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Approvals' }).waitFor()
  await page.keyboard.press('g')
  await page.keyboard.press('i')
  await page.getByRole('heading', { name: 'Incidents' }).waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('gi?z')

  assert.equal(focused, given.incidentId)
  assert.equal(stops, 1)
  assert.match(underDialog, /\/tasks$/)
  assert.equal(await page.getByRole('searchbox').inputValue(), 'gi?z')
  assert.equal(await page.getByRole('dialog').count(), 0)
  assert.equal(cordon.tenantId, new URL(page.url()).pathname.split('/')[2])
  assert.deepEqual(faults, [])
})
