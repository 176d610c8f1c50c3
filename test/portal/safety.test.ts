import assert from 'node:assert/strict'
import type { Locator } from 'playwright-core'
import { waitUntil } from '../support/answers.ts'
import type { Cordon } from '../support/cordon.ts'
import { enrolDevice, type FakeDevice, makeResult } from '../support/device.ts'
import { fittingAction, type Tenant } from '../support/given.ts'
import { liftBudgets, setPolicy } from '../support/policies.ts'
import { browserTest, type Person, screenOf } from './browser.ts'
import { beginJourney } from './journey.ts'

/** Waits until the host has an order, and has it recorded. */
async function takeOrder(device: FakeDevice) {
  const [command] = await waitUntil(
    // What would happen is asked of the host as well.
    async () => (await device.fetch()).filter(({ dryRun }) => !dryRun),
    (commands) => commands.length > 0,
  )
  assert.ok(command)
  assert.equal((await device.acknowledge(command.commandId)).status, 204)
  return command
}

const focused = ({ page }: Person): Promise<string> =>
  page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")

const isOff = async (control: Locator): Promise<boolean> => (await control.getAttribute('aria-disabled')) === 'true'

/** Both hosts of the test are what the company lives on. */
const crownJewels = {
  assetGroups: [{ name: 'crown jewels', ids: [], names: ['web-07', 'db-02'], tags: [], critical: true }],
}

browserTest(
  'tier 3 takes the exact name and nothing less, then a second person, whose agreement runs it and whose refusal is told',
  async ({ cordon, tenant, enter }, t) => {
    const [web, db] = [await enrolDevice(cordon, tenant.id, 'web-07'), await enrolDevice(cordon, tenant.id, 'db-02')]
    await setPolicy(cordon.store, tenant.id, crownJewels)
    const incidentId = await tenant.incident({ displayName: 'Web shell' })
    const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', web.id) })
    const refusedId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', db.id) })
    const requester = await enter('responder')
    const { page, context } = requester
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    const card = page.locator(`[data-task-id="${taskId}"]`)
    const dialog = page.getByRole('alertdialog')
    const run = dialog.getByRole('button', { name: 'Isolate web-07' })

    await requester.open(screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
    await card.getByText('Reversible').waitFor()
    await card.getByRole('button', { name: /^Review and run/ }).click()
    await dialog.getByText('Tier 3').waitFor()
    const initial = await focused(requester)
    const says = await dialog.innerText()
    const approver = await enter('approver')
    const second = await enter('approver')
    await page.reload()
    await card.getByRole('button', { name: /^Review and run/ }).click()
    await dialog.getByText(/May approve: approver .*\(gets no message\), approver .*\(gets no message\)/).waitFor()
    await dialog.getByText('Not you: Whoever requested an action does not approve it.').waitFor()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await page.waitForFunction("document.activeElement.textContent === 'Review and run'")
    await card.getByRole('button', { name: /^Review and run/ }).click()
    await dialog.getByLabel(/^Why/).fill('It talks to a known bad address.')
    const withoutName = await isOff(run)
    await dialog.getByLabel(/^Type/).fill('WEB-07')
    const wrongCase = await isOff(run)
    await page.evaluate("navigator.clipboard.writeText('web-07')")
    await dialog.getByLabel(/^Type/).fill('')
    await dialog.getByLabel(/^Type/).focus()
    await page.keyboard.press('Control+V')
    // What is pasted comes after the keys.
    const pasted = await waitUntil(
      () => isOff(run),
      (off) => !off,
    )
    await page.keyboard.press('Enter')
    const afterEnter = [
      await dialog.count(),
      (await cordon.store.read.selectFrom('executions').select('id').execute()).length,
    ]
    await run.click()
    await card.getByText('Waiting for approval: 0 of 1.').waitFor()
    await card.getByText(/May approve: approver .*, approver /).waitFor()
    await card.getByText(/It expires at .*UTC/).waitFor()
    await card.getByText(/Approval pending, 0 of 1 agreed, until .*UTC/).waitFor()

    assert.equal(initial, 'Not now')
    const impact = ['default', 'web-07', 'cordon-agent', 'All network connections are cut', 'Connections', 'Reversible']
    for (const part of [...impact, 'Nobody may approve it']) assert.ok(says.includes(part), part)
    assert.deepEqual([withoutName, wrongCase, pasted], [true, true, false])
    assert.deepEqual(afterEnter, [1, 0])

    const ballot = approver.page.getByRole('alertdialog')
    const opener = approver.page.getByRole('button', { name: 'Approve: Isolate web-07' })
    const approving = beginJourney(t, 'approvals: agree to what waits', { clicks: 3, seconds: 2.0 })
    await approving.press(approver.page.getByRole('link', { name: '1 to approve' }))
    await approving.see(opener)
    await approving.press(opener)
    await approving.see(ballot)
    await ballot.getByText('Checked').waitFor()
    await ballot.getByText('Isolate web-07: run. It talks to a known bad address.').waitFor()
    const asked = await ballot.innerText()
    const before = await focused(approver)
    await ballot.getByLabel(/^Why/).press('Enter')
    await approver.page.keyboard.press('Escape')
    await ballot.waitFor({ state: 'detached' })
    await approver.page.waitForFunction(
      "document.activeElement.getAttribute('aria-label') === 'Approve: Isolate web-07'",
    )
    await opener.click()
    await approving.press(ballot.getByRole('button', { name: 'Approve: Isolate web-07' }))
    await approving.see(card.locator('[data-run-state="dispatching"]'))
    approving.end()
    const command = await takeOrder(web)
    await web.report(makeResult(command))
    await page.locator(`[data-task-id="${taskId}"][data-action-status="completed"]`).waitFor()

    assert.equal(before, 'Approve: Isolate web-07?', 'the heading')
    for (const part of [...impact, 'responder', '0 of 1 agreed', 'needs a second person'])
      assert.ok(asked.includes(part), part)

    await (await tenant.as('responder')).post(`/beta/security/incidentTasks/${refusedId}/executeResponseAction`)
    await approver.open(screenOf(cordon, `incidents/${incidentId}/tasks/${refusedId}`))
    await approver.page.getByRole('button', { name: /^Review the approval/ }).click()
    await ballot.getByRole('button', { name: 'Reject: Isolate db-02' }).waitFor()
    await second.open(screenOf(cordon, 'approvals'))
    await second.page.getByRole('button', { name: 'Reject: Isolate db-02' }).click()
    await second.page.getByRole('alertdialog').getByLabel(/^Why/).fill('The shop would stand still.')
    await second.page.getByRole('alertdialog').getByRole('button', { name: 'Reject: Isolate db-02' }).click()
    await ballot.getByText(/^approver .* rejected it \d{4}-.* UTC$/).waitFor()
    await ballot.getByText('The shop would stand still.').waitFor()
    await requester.open(screenOf(cordon, `incidents/${incidentId}/tasks/${refusedId}`))
    await page.locator(`[data-task-id="${refusedId}"]`).getByText('The shop would stand still.').waitFor()

    assert.equal(await ballot.getByRole('button', { name: /^(Approve|Reject):/ }).count(), 0)
    assert.deepEqual([...requester.faults, ...approver.faults, ...second.faults], [])
  },
)

/** Ten isolations that went well: nine in 8 s, one in 40. */
async function giveHistory(cordon: Cordon, tenant: Tenant): Promise<void> {
  const taskId = await tenant.task(await tenant.incident())
  const ids: string[] = []
  for (let n = 0; n < 10; n++) ids.push(await tenant.execution(taskId, 'succeeded', { connector: 'cordon-agent' }))
  await cordon.store.transaction(async (tx) => {
    const day = '2026-01-01T00:00:'
    const set = (finished_at: string, which: readonly string[]) =>
      tx
        .updateTable('executions')
        .set({ queued_at: `${day}00.0000000Z`, finished_at })
        .where('id', 'in', which)
        .execute()
    await set(`${day}08.0000000Z`, ids.slice(1))
    await set(`${day}40.0000000Z`, ids.slice(0, 1))
  })
}

browserTest(
  'an action for a host that is away tells who was quicker, how long such ones take and until when it waits, can be cancelled, and cannot once the host has it',
  async ({ cordon, tenant, enter }) => {
    const device = await enrolDevice(cordon, tenant.id, 'web-07')
    const incidentId = await tenant.incident()
    const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
    const execute = `/beta/security/incidentTasks/${taskId}/executeResponseAction`
    const responder = await tenant.as('responder')
    await liftBudgets(cordon.store, tenant.id)
    await giveHistory(cordon, tenant)
    const { page, faults, open } = await enter('responder')
    const card = page.locator(`[data-task-id="${taskId}"]`)
    const dialog = page.getByRole('alertdialog')
    const askToCancel = async (): Promise<void> => {
      await card.locator('[data-run-state="dispatching"]').waitFor()
      await card.getByRole('button', { name: /^Cancel/ }).click()
      await dialog.getByRole('button', { name: 'Cancel the action' }).waitFor()
    }

    const address = screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`)
    const slow = await enter('responder')
    // Nothing tells this person that somebody else was quicker until they press.
    await slow.page.route('**/api/v1/events**', (route) => route.abort())
    for (const person of [slow, { page, open }]) {
      await person.open(address)
      await person.page.getByRole('button', { name: /^Review and run/ }).click()
      await person.page.getByRole('alertdialog').getByText('Tier 2').waitFor()
      await person.page.getByRole('alertdialog').getByLabel(/^Why/).fill('It talks to a known bad address.')
    }
    await responder.post(execute)
    await dialog.getByText(/API-App:responder test ran this .*Nothing of yours was sent\./).waitFor()
    const locked = await isOff(dialog.getByRole('button', { name: 'Isolate web-07' }))
    await page.keyboard.press('Escape')
    const loser = slow.page.getByRole('alertdialog')
    await loser.getByRole('button', { name: 'Isolate web-07' }).click()
    await loser.getByText(/API-App:responder test ran this .*Nothing of yours was sent\./).waitFor()
    const leads = await loser.getByRole('link', { name: 'Open the run' }).getAttribute('href')
    await slow.context.close()
    await askToCancel()
    const waits = await card.innerText()
    await dialog.getByRole('button', { name: 'Cancel the action' }).click()
    await page.locator(`[data-task-id="${taskId}"][data-status="open"][data-action-status="notStarted"]`).waitFor()
    await card.locator('[data-run-state="cancelled"]').waitFor()
    await responder.post(execute)
    await askToCancel()
    await takeOrder(device)
    await dialog.getByRole('button', { name: 'Cancel the action' }).click()
    const refusal = await dialog.getByRole('alert').innerText()

    assert.equal(locked, true)
    assert.match(leads ?? '', /\/runs\/[0-9a-f-]{36}$/)
    assert.match(waits, /Queued; retries until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(in 7[12] h\)/)
    assert.match(waits, /Usually 8 s \(p50\), 40 s \(p95\), from 10 before\./)
    assert.match(refusal, /^Too late: the action is delivered/)
    assert.equal(await page.locator(`[data-task-id="${taskId}"]`).getAttribute('data-action-status'), 'inProgress')
    assert.deepEqual(
      faults.filter((fault) => !fault.includes('409')),
      [],
    )
  },
)

browserTest(
  'an admin sees place by place what a new policy changes before it is in force',
  async ({ cordon, tenant, enter }, t) => {
    const { page, faults, open } = await enter('admin')
    const dialog = page.getByRole('alertdialog')
    const text = page.getByLabel('The document')
    const journey = beginJourney(t, 'policies: change one and see what changes', { clicks: 3, seconds: 1.5 })

    await open(screenOf(cordon, 'policies'))
    await text.waitFor()
    await text.fill((await text.inputValue()).replace('"approvalHours": 24', '"approvalHours": 12'))
    await journey.press(page.getByRole('button', { name: 'Review the change' }))
    await journey.see(dialog.getByText('fourEyes.approvalHours'))
    const says = await dialog.innerText()
    await journey.press(dialog.getByRole('button', { name: 'Put it in force' }))
    await journey.see(page.getByText('Nothing is changed.'))
    journey.end()

    assert.match(says, /One place changes/)
    assert.match(says, /24 → 12/)
    const { body } = await (await tenant.as('reader')).get('/api/v1/policies')
    assert.deepEqual([body.version, body.fourEyes.approvalHours], [2, 12])
    assert.deepEqual(faults, [])
  },
)
