import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { waitUntil } from '../support/answers.ts'
import type { Cordon } from '../support/cordon.ts'
import { enrolDevice, type FakeDevice, makeResult } from '../support/device.ts'
import { fittingAction, type Tenant } from '../support/given.ts'
import { browserTest, screenOf } from './browser.ts'

/** Counts what a person presses; typing costs no click. */
function countClicks(page: Page): { press(name: string | RegExp): Promise<void>; clicks(): number } {
  let clicks = 0
  return {
    press: async (name) => {
      clicks += 1
      await page.getByRole('button', { name }).first().click()
    },
    clicks: () => clicks,
  }
}

async function giveTask(tenant: Tenant, device: FakeDevice): Promise<{ incidentId: string; taskId: string }> {
  const incidentId = await tenant.incident({ displayName: 'Web shell on web-07', status: 'awaitingAction' })
  const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
  return { incidentId, taskId }
}

/** Plays the host: takes the order and reports what a good host reports. */
async function obey(device: FakeDevice): Promise<void> {
  const [command] = await waitUntil(
    async () => (await device.fetch()).filter(({ body }) => body.action === 'contain' || body.action === 'allow'),
    (commands) => commands.length > 0,
  )
  assert.ok(command)
  assert.equal((await device.acknowledge(command.commandId)).status, 204)
  const reply = await device.report(makeResult(command))
  assert.equal(reply.status, 200, reply.text)
}

async function readRuns(cordon: Cordon, tenant: Tenant, taskId: string): Promise<Record<string, unknown>[]> {
  assert.ok(cordon)
  return (await (await tenant.as('reader')).get(`/api/v1/tasks/${taskId}/executions`)).body.value
}

browserTest(
  'J1: from the link to the proof in two presses after landing, one run, and undo in two more',
  async ({ cordon, tenant, enter }, t) => {
    const device = await enrolDevice(cordon, tenant.id, 'web-07')
    const { incidentId, taskId } = await giveTask(tenant, device)
    const { page, faults, open } = await enter('responder')
    const { press, clicks } = countClicks(page)
    const card = page.locator(`[data-task-id="${taskId}"]`)

    await open(screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
    await card.getByText('Reversible').waitFor()
    const focused = await page.evaluate("document.activeElement.getAttribute('data-task-id')")
    const before = await card.locator('.badge').allTextContents()
    await press(/^Review and run/)
    const dialog = page.getByRole('alertdialog')
    await dialog.getByText('Reversible').waitFor()
    const initial = await page.evaluate('document.activeElement.textContent')
    const says = await dialog.innerText()
    await dialog.getByLabel(/^Why/).fill('It talks to a known bad address.')
    await page.keyboard.press('Enter')
    const openAfterEnter = await dialog.count()
    const startedAt = performance.now()
    await press(/^Isolate web-07$/)
    await page.locator(`[data-task-id="${taskId}"][data-action-status="inProgress"]`).waitFor()
    t.diagnostic(
      `J1: ${clicks()} clicks after landing, in progress after ${Math.round(performance.now() - startedAt)} ms`,
    )
    const clicksToRun = clicks()
    await obey(device)
    await page.locator(`[data-task-id="${taskId}"][data-status="completed"][data-action-status="completed"]`).waitFor()
    await card.getByText('Proof, observed').waitFor()
    await press(/^Undo/)
    await page.getByRole('alertdialog').getByLabel(/^Why/).fill('The host is clean.')
    await page
      .getByRole('alertdialog')
      .getByRole('button', { name: /^Undo on/ })
      .click()
    await obey(device)
    await card.locator('[data-run-state="succeeded"]').nth(1).waitFor()

    assert.equal(focused, taskId)
    assert.deepEqual(before.slice(0, 2), ['Task: open', 'Action: not started'])
    assert.equal(initial, 'Not now')
    for (const part of ['web-07', 'default', 'cordon-agent', 'Tier 2', 'Yes, by unIsolateDevice'])
      assert.ok(says.includes(part), part)
    assert.equal(openAfterEnter, 1)
    assert.equal(clicksToRun, 2)
    const runs = await readRuns(cordon, tenant, taskId)
    assert.deepEqual(
      runs.map(({ kind, state }) => [kind, state]),
      [
        ['undo', 'succeeded'],
        ['run', 'succeeded'],
      ],
    )
    const { body } = await (await tenant.as('reader')).get(`/beta/security/incidents/${incidentId}`)
    assert.match(body.comments[0].comment, /It talks to a known bad address\.$/)
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'a task that cannot run here offers no run, says why, and can be done by hand in two presses',
  async ({ cordon, tenant, enter }) => {
    const incidentId = await tenant.incident()
    const taskId = await tenant.task(incidentId, { actionType: 'disableUser', displayName: 'Disable kai' })
    const { page, faults, open } = await enter('responder')
    const { press, clicks } = countClicks(page)
    const card = page.locator(`[data-task-id="${taskId}"]`)

    await open(screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
    await card.getByText('Cordon cannot run this here').waitFor()
    const runButtons = await card.getByRole('button', { name: /Review and run/ }).count()
    await press(/^Done by hand/)
    await press(/^Yes, done$/)
    await page.locator(`[data-task-id="${taskId}"][data-status="completed"][data-action-status="notStarted"]`).waitFor()

    assert.equal(runButtons, 0)
    assert.equal(clicks(), 2)
    await card.getByText('Cordon ran nothing').waitFor()
    assert.deepEqual(await readRuns(cordon, tenant, taskId), [])
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'J2: an expert proposes a task in three presses, and the customer sees it without a reload',
  async ({ cordon, tenant, enter }) => {
    const incidentId = await tenant.incident({ displayName: 'Beacon' })
    await tenant.alert(incidentId, {
      evidence: [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: 'ws-20' } as never],
    })
    const customer = await enter('responder')
    await customer.open(screenOf(cordon, `incidents/${incidentId}/tasks`))
    const expert = await enter('expert')
    const { press, clicks } = countClicks(expert.page)

    await expert.open(screenOf(cordon, `incidents/${incidentId}`))
    await press('Propose a task')
    const dialog = expert.page.getByRole('dialog')
    await dialog.getByLabel(/^Why/).fill('It talks to an address that only this group uses.')
    await waitUntil(
      () => dialog.getByLabel('Target').inputValue(),
      (value) => value === 'ws-20',
    )
    await press('Send to customer')
    await customer.page.getByRole('heading', { name: 'Isolate ws-20' }).waitFor()

    assert.ok(clicks() <= 4)
    await customer.page.getByText('Awaiting your action').waitFor()
    assert.deepEqual([...expert.faults, ...customer.faults], [])
  },
)

browserTest(
  'J5: an auditor reads one decision whole in two presses, verifies the chain, and sees no control that acts',
  async ({ cordon, tenant, enter }) => {
    const incidentId = await tenant.incident()
    const taskId = await tenant.task(incidentId)
    await (await tenant.as('responder')).patch(`/beta/security/incidentTasks/${taskId}`, { status: 'completed' })
    const { page, faults, open } = await enter('auditor')

    await open(screenOf(cordon, `audit?object=${taskId}`))
    const row = page.locator('[role=row][data-id]').first()
    await row.click()
    const record = await page.getByRole('dialog').innerText()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Verify the chain' }).click()
    await page.getByText(/^Holds: \d+ entries/).waitFor()
    await open(screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
    await page.locator(`[data-task-id="${taskId}"]`).waitFor()

    assert.match(record, /updateIncidentTask/)
    assert.match(record, /[0-9a-f]{64}/)
    assert.equal(await page.locator('main').getByRole('button').count(), 0)
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'a reader sees why each control is off, and pressing it sends nothing',
  async ({ cordon, tenant, enter }) => {
    const incidentId = await tenant.incident()
    const taskId = await tenant.task(incidentId)
    const { page, open } = await enter('reader')
    const sent: string[] = []
    page.on('request', (request) => request.method() !== 'GET' && sent.push(request.url()))

    await open(screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
    const run = page.getByRole('button', { name: /^Review and run/ })
    await run.waitFor()
    sent.length = 0
    await run.click({ force: true })

    assert.equal(await run.getAttribute('aria-disabled'), 'true')
    await page.getByText('Needs a responder, an expert or an admin').first().waitFor()
    assert.equal(await page.getByRole('alertdialog').count(), 0)
    assert.deepEqual(
      // That it was opened is written down, which acts on nothing.
      sent.filter((url) => !/\/auth\/token$|\/seen$/.test(url)),
      [],
    )
  },
)
