import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { openStage, type Stage, screenOf } from '../../test/portal/browser.ts'
import { waitUntil } from '../../test/support/answers.ts'
import { enrolDevice, makeResult } from '../../test/support/device.ts'
import { fittingAction } from '../../test/support/given.ts'
import { setPolicy } from '../../test/support/policies.ts'

// `npm run screenshots`: pictures of the portal in both themes, of a server with made-up incidents, into docs/images.

const folder = join(import.meta.dirname, '../../docs/images')
/** Larger ones make every clone pay. */
const maxBytes = 150 * 1024

interface Made {
  readonly incidentId: string
  readonly alertId: string
  readonly deviceId: string
  readonly runId: string
  readonly waiting: string
  readonly done: string
}

const titles = [
  ['Beacon to a known bad host on ws-20', 'high', 'active'],
  ['Password spraying against 14 accounts', 'medium', 'inProgress'],
  ['New administrator outside of office hours', 'medium', 'active'],
  ['Port scan from the guest network', 'low', 'resolved'],
  ['Unusual sign-in of kai', 'low', 'active'],
  ['Test file of the scanner was found', 'informational', 'resolved'],
] as const

async function make({ cordon, tenant }: Stage): Promise<Made> {
  const critical = { name: 'crown jewels', ids: [], names: ['dc-01'], tags: [], critical: true }
  await setPolicy(cordon.store, tenant.id, { assetGroups: [critical] })
  for (const [displayName, severity, status] of titles) await tenant.incident({ displayName, severity, status })
  const device = await enrolDevice(cordon, tenant.id, 'web-07')
  const other = await enrolDevice(cordon, tenant.id, 'db-02')
  const controller = await enrolDevice(cordon, tenant.id, 'dc-01')
  const sender = await tenant.as('admin')
  const evidence = [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: 'web-07' }]
  const first = await sender.post('/v1.0/security/alerts_v2', {
    title: 'Web shell written to the document root',
    severity: 'high',
    providerAlertId: 'picture-1',
    productName: 'Suricata',
    mitreTechniques: ['T1505.003', 'T1190'],
    evidence,
  })
  await sender.post('/v1.0/security/alerts_v2', {
    title: 'Shell started by the web server',
    severity: 'high',
    providerAlertId: 'picture-2',
    productName: 'Wazuh',
    mitreTechniques: ['T1059.004'],
    evidence,
  })
  const incidentId: string = first.body.incidentId
  const summary = 'A web shell was written through an upload form, and the web server has started a shell since.'
  await sender.patch(`/beta/security/incidents/${incidentId}`, { displayName: 'Web shell on web-07', summary })
  const expert = await tenant.as('expert')
  const propose = async (displayName: string, target: string): Promise<string> => {
    const task = await expert.post('/beta/security/incidentTasks', {
      displayName,
      description:
        'It talks to an address that only this group uses. Isolation stops the shell without losing what is in memory.',
      actionType: 'isolateDevice',
      incident: { id: incidentId },
      responseAction: fittingAction('isolateDevice', target),
    })
    return task.body.id
  }
  const done = await propose('Isolate db-02', other.id)
  await (await tenant.as('responder')).post(`/beta/security/incidentTasks/${done}/executeResponseAction`)
  const [command] = await waitUntil(
    () => other.fetch(),
    (commands) => commands.length > 0,
  )
  if (command === undefined) throw new Error('no command came')
  await other.acknowledge(command.commandId)
  await other.report(makeResult(command))
  const guarded = await propose('Isolate dc-01', controller.id)
  await (await tenant.as('responder')).post(`/beta/security/incidentTasks/${guarded}/executeResponseAction`)
  const runs = await expert.get(`/api/v1/tasks/${done}/executions`)
  return {
    incidentId,
    alertId: first.body.id,
    deviceId: other.id,
    runId: runs.body.value[0].id,
    done,
    waiting: await propose('Isolate web-07', device.id),
  }
}

async function shoot(page: Page, name: string, theme: string): Promise<void> {
  await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' })
  await page.waitForTimeout(600)
  const path = join(folder, `${name}-${theme}.png`)
  await page.screenshot({ path })
  const { size } = statSync(path)
  if (size > maxBytes) throw new Error(`${path} has ${size} bytes; at most ${maxBytes}`)
  process.stderr.write(`${name}-${theme}.png ${Math.round(size / 1024)} KB\n`)
}

mkdirSync(folder, { recursive: true })
await openStage(async (stage) => {
  const made = await make(stage)
  const incident = `incidents/${made.incidentId}`
  for (const theme of ['light', 'dark'] as const) {
    const look = { width: 1200, height: 720, dark: theme === 'dark' }
    const stranger = await stage.visit(look)
    await stranger.page.goto(`${stage.cordon.url}/login`)
    await shoot(stranger.page, 'sign-in', theme)
    const { page, open } = await stage.enter('admin', look)
    for (const [name, rest] of [
      ['queue', 'incidents'],
      ['beside', `incidents?panel=values&preview=${made.incidentId}`],
      ['incident', incident],
      ['activity', `${incident}/activity`],
      ['proof', `${incident}/tasks/${made.done}`],
      ['tasks', 'tasks'],
      ['history', 'tasks?tab=history'],
      ['approvals', 'approvals'],
      ['run', `runs/${made.runId}`],
      ['devices', 'devices'],
      ['device', `devices/${made.deviceId}`],
      ['users', 'users'],
      ['alerts', 'alerts'],
      ['alert', `alerts/${made.alertId}`],
      ['report', `${incident}/report`],
      ['reports', 'reports'],
      ['start', 'start'],
      ['audit', 'audit'],
      ['connectors', 'connectors'],
      ['policies', 'policies'],
      ['settings', 'settings'],
      ['task', `${incident}/tasks/${made.waiting}`],
    ] as const) {
      await open(screenOf(stage.cordon, rest))
      if (name === 'task') await page.getByText('Reversible').waitFor()
      await shoot(page, name, theme)
    }
    await page
      .getByRole('button', { name: /^Review and run/ })
      .first()
      .click()
    await page.getByRole('alertdialog').getByLabel(/^Why/).fill('It talks to a known bad address.')
    await shoot(page, 'confirm', theme)
  }
})
