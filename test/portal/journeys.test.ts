import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { waitUntil } from '../support/answers.ts'
import { enrolDevice, type FakeDevice, keepHostsHeard, makeResult } from '../support/device.ts'
import { fittingAction, type Tenant } from '../support/given.ts'
import { browserTest, screenOf } from './browser.ts'
import { beginJourney } from './journey.ts'
import { readLargestPaint } from './slow-network.ts'

interface Landing {
  readonly focused: unknown
  readonly badges: readonly string[]
  readonly title: string
  /** Pixels by which what decides lies below the window. */
  readonly scrolled: number
  readonly paintedMs: number
}

/** What stands before a person who has just come by the link of a task. */
async function look(page: Page, taskId: string): Promise<Landing> {
  const card = page.locator(`[data-task-id="${taskId}"]`)
  const box = await card.getByText('Reversible').boundingBox()
  return {
    focused: await page.evaluate("document.activeElement.getAttribute('data-task-id')"),
    badges: await card.locator('.badge').allTextContents(),
    title: await page.title(),
    scrolled: Math.max(0, (box?.y ?? 9_999) - (page.viewportSize()?.height ?? 0)),
    paintedMs: await readLargestPaint(page),
  }
}

/** What the page of a run says, with what was sent and received unfolded. */
async function readRunPage(page: Page): Promise<{ readonly steps: readonly string[]; readonly text: string }> {
  await page.getByRole('region', { name: 'Verification' }).waitFor()
  await page.locator('[data-order-id] summary').click()
  await page.getByText('"action": "contain"').first().waitFor()
  return {
    steps: await page.getByRole('region', { name: 'Steps' }).locator('strong').allTextContents(),
    text: await page.locator('main').innerText(),
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
    async () => (await device.fetch()).filter(({ dryRun }) => !dryRun),
    (commands) => commands.length > 0,
  )
  assert.ok(command)
  assert.equal((await device.acknowledge(command.commandId)).status, 204)
  const reply = await device.report(makeResult(command))
  assert.equal(reply.status, 200, reply.text)
}

async function readRuns(tenant: Tenant, taskId: string): Promise<Record<string, unknown>[]> {
  return (await (await tenant.as('reader')).get(`/api/v1/tasks/${taskId}/executions`)).body.value
}

browserTest(
  'J1: from the link to the running action in three clicks, one run, with proof, and undo by a run of its own',
  async ({ cordon, tenant, enter }, t) => {
    const device = await enrolDevice(cordon, tenant.id, 'web-07')
    await keepHostsHeard(cordon)
    const { incidentId, taskId } = await giveTask(tenant, device)
    const responder = await enter('responder')
    const { page, faults } = responder
    const card = page.locator(`[data-task-id="${taskId}"]`)
    const dialog = page.getByRole('alertdialog')
    const journey = beginJourney(t, 'J1 approve a guided task', { clicks: 3, seconds: 2.2 })

    await journey.follow(responder, screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
    await journey.see(card.getByText('Waiting for you'))
    // What would happen is asked of the host, and how long that takes is the host's.
    await card.getByText('Reversible').waitFor()
    const landing = await look(page, taskId)
    await journey.press(card.getByRole('button', { name: /^Review and run/ }))
    await journey.see(dialog.getByText('Reversible'))
    const initial = dialog.getByRole('button', { name: 'Not now', exact: true }).and(page.locator(':focus'))
    await initial.waitFor()
    const says = await dialog.innerText()
    await dialog.getByLabel(/^Why/).fill('It talks to a known bad address.')
    await page.keyboard.press('Enter')
    const openAfterEnter = await dialog.count()
    await journey.press(dialog.getByRole('button', { name: 'Isolate web-07' }))
    await journey.see(
      page.locator(`[data-task-id="${taskId}"][data-action-status="inProgress"]`),
      card.locator('[data-run-id]'),
    )
    journey.end()
    await obey(device)
    await page.locator(`[data-task-id="${taskId}"][data-status="completed"][data-action-status="completed"]`).waitFor()
    await card.getByText('Proof, observed').waitFor()
    await card.getByRole('button', { name: /^Undo/ }).click()
    await dialog.getByText('cordon-agent').waitFor()
    const undoing = await dialog.innerText()
    await initial.waitFor()
    await dialog.getByLabel(/^Why/).fill('The host is clean.')
    await dialog.getByRole('button', { name: /^Undo on/ }).click()
    await obey(device)
    await card.locator('[data-run-state="succeeded"]').nth(1).waitFor()
    await card.getByRole('link', { name: 'Run', exact: true }).click()
    const whole = await readRunPage(page)
    await page.getByRole('link', { name: 'Taken back by an undo (succeeded)' }).click()
    await page.getByRole('heading', { name: 'Undo: Isolate web-07' }).waitFor()
    await page.getByRole('link', { name: 'Takes this run back' }).click()
    await page.getByRole('heading', { name: 'Run: Isolate web-07' }).waitFor()

    assert.deepEqual(whole.steps, ['requested', 'dispatching', 'delivered', 'running', 'verifying', 'succeeded'])
    assert.match(whole.text, /1 of 1 done/)
    assert.match(whole.text, /"action": "contain"/)
    assert.match(whole.text, /"method": "nft-list\+probe"/)
    assert.equal(landing.focused, taskId)
    assert.deepEqual(landing.badges.slice(0, 2), ['Task: open', 'Action: not started'])
    assert.equal(landing.title, `1 pending - INC-${incidentId} Web shell on web-07 - default - Cordon`)
    assert.equal(landing.scrolled, 0, 'why, what and how far stand on one screen')
    t.diagnostic(`J1: largest paint of the landing after ${Math.round(landing.paintedMs)} ms`)
    for (const part of ['web-07', 'default', 'cordon-agent', 'Tier 2', 'Yes, by unIsolateDevice'])
      assert.ok(says.includes(part), part)
    for (const part of ['web-07', 'default', 'cordon-agent', 'Effect']) assert.ok(undoing.includes(part), part)
    assert.equal(openAfterEnter, 1)
    const runs = await readRuns(tenant, taskId)
    assert.deepEqual(
      runs.map(({ kind, state }) => [kind, state]),
      [
        ['undo', 'succeeded'],
        ['run', 'succeeded'],
      ],
    )
    assert.equal(runs[0]?.undoes, runs[1]?.id)
    const { body } = await (await tenant.as('reader')).get(`/beta/security/incidents/${incidentId}`)
    assert.match(body.comments[0].comment, /It talks to a known bad address\.$/)
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'a task that cannot run here offers no run, says why, and can be done by hand in two presses',
  async ({ cordon, tenant, enter }, t) => {
    const incidentId = await tenant.incident()
    const taskId = await tenant.task(incidentId, { actionType: 'disableUser', displayName: 'Disable kai' })
    const responder = await enter('responder')
    const { page, faults, open } = responder
    const card = page.locator(`[data-task-id="${taskId}"]`)
    const journey = beginJourney(t, 'J1 done by hand', { clicks: 2, seconds: 1.0 })

    await open(screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
    await card.getByText('Cordon cannot run this here').waitFor()
    const runButtons = await card.getByRole('button', { name: /Review and run/ }).count()
    await journey.press(card.getByRole('button', { name: /^Done by hand/ }))
    await journey.see(page.getByRole('alertdialog'))
    await journey.press(page.getByRole('button', { name: 'Yes, done' }))
    await journey.see(
      page.locator(`[data-task-id="${taskId}"][data-status="completed"][data-action-status="notStarted"]`),
    )
    journey.end()

    assert.equal(runButtons, 0)
    await card.getByText('Cordon ran nothing').waitFor()
    assert.deepEqual(await readRuns(tenant, taskId), [])
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'a task that is not relevant asks for the reason, is closed in two presses, and can be opened again',
  async ({ cordon, tenant, enter }, t) => {
    const incidentId = await tenant.incident()
    const taskId = await tenant.task(incidentId)
    const { page, faults, open } = await enter('responder')
    const card = page.locator(`[data-task-id="${taskId}"]`)
    const dialog = page.getByRole('alertdialog')
    const journey = beginJourney(t, 'J1 not relevant', { clicks: 2, seconds: 1.0 })

    await open(screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
    await journey.press(card.getByRole('button', { name: /^Not relevant/ }))
    const close = dialog.getByRole('button', { name: 'Not relevant' })
    await journey.see(close)
    const off = await close.getAttribute('aria-disabled')
    await dialog.getByLabel(/^Why \(required\)/).fill('A planned test.')
    await journey.press(close)
    await journey.see(page.locator(`[data-task-id="${taskId}"][data-status="notRelevant"]`))
    journey.end()
    await card.getByRole('button', { name: /^Reopen/ }).click()
    await dialog.getByRole('button', { name: 'Reopen' }).click()
    await page.locator(`[data-task-id="${taskId}"][data-status="open"]`).waitFor()

    assert.equal(off, 'true')
    const { body } = await (await tenant.as('reader')).get(`/beta/security/incidents/${incidentId}`)
    assert.match(body.comments[0].comment, /A planned test\.$/)
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'J2: an expert proposes a task in two clicks, and the customer sees it without a reload',
  async ({ cordon, tenant, enter }, t) => {
    const incidentId = await tenant.incident({ displayName: 'Beacon' })
    await tenant.alert(incidentId, {
      evidence: [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: 'ws-20' } as never],
    })
    const customer = await enter('responder')
    await customer.open(screenOf(cordon, `incidents/${incidentId}/tasks`))
    await customer.page.locator('[data-live="live"]').waitFor()
    const expert = await enter('expert')
    const dialog = expert.page.getByRole('dialog')
    const journey = beginJourney(t, 'J2 propose a guided task', { clicks: 4, seconds: 1.5 })

    await expert.open(screenOf(cordon, `incidents/${incidentId}`))
    await expert.page.getByRole('group', { name: 'Attack story, picture' }).waitFor()
    await journey.key(expert.page, 't')
    await journey.see(dialog.getByLabel('Target'))
    await waitUntil(
      () => dialog.getByLabel('Target').inputValue(),
      (value) => value === 'ws-20',
    )
    await dialog.getByLabel(/^Why/).fill('It talks to an address that only this group uses.')
    await journey.press(dialog.getByRole('button', { name: 'Send to customer' }))
    await journey.see(customer.page.getByRole('heading', { name: 'Isolate ws-20' }))
    journey.end()

    await customer.page.getByText('Awaiting your action').waitFor()
    assert.deepEqual([...expert.faults, ...customer.faults], [])
  },
)

browserTest(
  'J3: an expert acts in two clicks, the customer sees it without one, undoes it in two, and pauses managed response in two',
  async ({ cordon, tenant, enter }, t) => {
    const device = await enrolDevice(cordon, tenant.id, 'web-07')
    await keepHostsHeard(cordon)
    const incidentId = await tenant.incident({ displayName: 'Beacon' })
    await tenant.alert(incidentId, {
      evidence: [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: 'web-07' } as never],
    })
    const customer = await enter('responder')
    const { page } = customer
    await customer.open(screenOf(cordon, `incidents/${incidentId}/tasks`))
    await page.locator('[data-live="live"]').waitFor()
    await page.evaluate('document.stays = true')
    const expert = await enter('expert')
    await expert.open(screenOf(cordon, `incidents/${incidentId}`))
    await expert.page.getByRole('group', { name: 'Attack story, picture' }).waitFor()
    const acting = beginJourney(t, 'J3 an expert acts as managed response', { clicks: 4, seconds: 1.5 })
    const dialog = expert.page.getByRole('dialog')
    const card = page.locator('[data-task-id]')

    await acting.key(expert.page, 't')
    await acting.see(dialog.getByLabel('Target'))
    await dialog.getByLabel(/^Why/).fill('It talks to an address that only this group uses.')
    await acting.press(dialog.getByRole('button', { name: 'Run now as managed response' }))
    await acting.see(card.getByRole('heading', { name: 'Isolate web-07' }), card.locator('[data-run-id]'))
    acting.end('until the customer sees it')
    await obey(device)
    await page.locator('[data-task-id][data-status="completed"][data-action-status="completed"]').waitFor()
    const watching = beginJourney(t, 'J3 a customer opens and undoes a managed action', { clicks: 3, seconds: 2.0 })
    await watching.press(card.getByRole('link', { name: 'Isolate web-07' }))
    await watching.see(card.getByText('Proof, observed'), card.getByText('acts here without asking first'))
    const says = await card.innerText()
    await watching.press(card.getByRole('button', { name: /^Undo/ }))
    await watching.see(page.getByRole('alertdialog'))
    await page.getByRole('alertdialog').getByLabel(/^Why/).fill('It was a planned test.')
    await watching.press(page.getByRole('alertdialog').getByRole('button', { name: 'Undo on web-07' }))
    await watching.see(card.locator('[data-run-id]').nth(1))
    watching.end()
    await obey(device)
    const pausing = beginJourney(t, 'J3 a customer pauses managed response', { clicks: 2, seconds: 1.0 })
    await pausing.press(card.getByRole('button', { name: 'Pause managed response' }))
    await pausing.see(page.getByRole('alertdialog'))
    await pausing.press(page.getByRole('alertdialog').getByRole('button', { name: 'Pause managed response' }))
    await pausing.see(card.getByText('Managed response is paused.'))
    pausing.end()
    const next = await (await tenant.as('expert')).post('/beta/security/incidentTasks', managedTask(incidentId))
    await page.locator(`[data-task-id="${next.body.id}"][data-status="open"]`, { hasText: 'Guided' }).waitFor()

    const stays = await page.evaluate('document.stays')
    await page.getByRole('link', { name: 'Run', exact: true }).first().click()
    await page.getByRole('link', { name: 'Taken back by an undo (succeeded)' }).click()
    await page.getByRole('heading', { name: 'Undo: Isolate web-07' }).waitFor()
    await page.getByRole('link', { name: 'Takes this run back' }).click()
    await page.getByRole('heading', { name: 'Run: Isolate web-07' }).waitFor()

    assert.equal(stays, true, 'nothing was reloaded')
    assert.match(says, /Managed/)
    assert.match(says, /proposed by expert/)
    assert.match(says, /It talks to an address that only this group uses\./)
    assert.deepEqual([...expert.faults, ...customer.faults], [])
  },
)

/** A task that an expert would run at once. */
function managedTask(incidentId: string): object {
  return {
    incident: { id: incidentId },
    displayName: 'Isolate web-07 again',
    description: 'It does so still.',
    actionType: 'isolateDevice',
    source: 'defenderExpertsManagedResponse',
    responseAction: fittingAction('isolateDevice', 'web-07'),
  }
}

browserTest(
  'J5: an auditor reads one decision whole in two clicks, verifies the chain, and sees no control that acts',
  async ({ cordon, tenant, enter }, t) => {
    const incidentId = await tenant.incident()
    const taskId = await tenant.task(incidentId)
    await (await tenant.as('responder')).patch(`/beta/security/incidentTasks/${taskId}`, { status: 'completed' })
    const { page, faults, open } = await enter('auditor')
    const journey = beginJourney(t, 'J5 read one decision', { clicks: 3, seconds: 2.0 })

    await journey.press(page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: 'Audit' }))
    await journey.see(page.locator('[role=row][data-id]', { hasText: 'updateIncidentTask' }))
    await journey.press(page.locator('[role=row][data-id]', { hasText: 'updateIncidentTask' }))
    await journey.see(
      page
        .getByRole('dialog')
        .getByText(/[0-9a-f]{64}/)
        .first(),
    )
    journey.end()
    const record = await page.getByRole('dialog').innerText()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Verify the chain' }).click()
    await page.getByText(/^Holds: \d+ entries/).waitFor()
    await open(screenOf(cordon, `audit?object=${taskId}`))
    await page.locator('[role=row][data-id]').first().waitFor()
    const filtered = await page.locator('[role=row][data-id]').count()
    await open(screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
    await page.locator(`[data-task-id="${taskId}"]`).waitFor()

    assert.match(record, /updateIncidentTask/)
    assert.match(record, /[0-9a-f]{64}/)
    assert.equal(filtered, 1)
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

browserTest(
  'an incident that was merged names the one it went into, leads nobody there by itself, and one press opens it',
  async ({ cordon, tenant, enter }) => {
    const survivor = await tenant.incident({ displayName: 'Beacon on many hosts' })
    const merged = await tenant.incident({ status: 'redirected', redirectIncidentId: survivor })
    const { page, faults, open } = await enter('responder')
    await page.clock.install()

    await open(screenOf(cordon, `incidents/${merged}`))
    const link = page.getByRole('link', { name: `INC-${survivor}` })
    await link.waitFor()
    await page.clock.fastForward(6_000)
    const stays = new URL(page.url()).pathname
    await link.click()
    await page.getByRole('heading', { name: 'Beacon on many hosts' }).waitFor()

    assert.equal(stays, screenOf(cordon, `incidents/${merged}`))
    assert.deepEqual(faults, [])
  },
)
