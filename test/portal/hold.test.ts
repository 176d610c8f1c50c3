import assert from 'node:assert/strict'
import { enrolDevice, keepHostsHeard } from '../support/device.ts'
import { fittingAction } from '../support/given.ts'
import { setPolicy } from '../support/policies.ts'
import { browserTest, screenOf } from './browser.ts'

const crownJewels = [{ name: 'crown jewels', ids: [], names: ['web-07'], tags: [], critical: true }]

browserTest(
  'an admin lets phones hold the button; there 1.5 s of a finger or a fresh key confirm and nothing less, and the audit says so',
  async ({ cordon, tenant, enter }) => {
    const device = await enrolDevice(cordon, tenant.id, 'web-07')
    await keepHostsHeard(cordon)
    await setPolicy(cordon.store, tenant.id, { assetGroups: crownJewels })
    const incidentId = await tenant.incident({ displayName: 'Web shell' })
    const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
    const task = screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`)
    const responder = await enter('responder', { width: 390, height: 844 })
    const { page, faults } = responder
    const dialog = page.getByRole('alertdialog')
    const run = dialog.getByRole('button', { name: 'Isolate web-07' })
    const review = page.locator(`[data-task-id="${taskId}"]`).getByRole('button', { name: /^Review and run/ })
    await responder.open(task)
    await review.click()
    const typed = dialog.getByLabel(/^Type/)
    await typed.waitFor()
    const field = await typed.evaluate((e) =>
      ['autocapitalize', 'autocorrect', 'spellcheck'].map((n) => e.getAttribute(n)),
    )
    await page.keyboard.press('Escape')

    const admin = await enter('admin')
    await admin.open(screenOf(cordon, 'policies'))
    await admin.page.getByRole('checkbox', { name: /^On phones, holding the button/ }).check()
    await admin.page.getByRole('button', { name: 'Review the change' }).click()
    const question = admin.page.getByRole('alertdialog')
    await question.getByText('easier to do by mistake').waitFor()
    const changes = await question.getByRole('listitem').count()
    await question.getByRole('button', { name: 'Put it in force' }).click()
    await question.waitFor({ state: 'detached' })

    await page.emulateMedia({ reducedMotion: 'reduce' })
    await responder.open(task)
    await review.click()
    await dialog.getByText('Say why, in one line.').waitFor()
    await dialog.getByLabel(/^Why/).fill('It talks to a known bad address.')
    await dialog.getByText('Hold it for 1.5 seconds.').waitFor()
    const typedBeside = await typed.count()
    const motion = await page.evaluate(
      "getComputedStyle(document.querySelector('[data-held-step]')).transitionProperty",
    )
    const requests: string[] = []
    const checks: string[] = []
    page.on('request', (request) => {
      if (request.url().endsWith('executeResponseAction')) requests.push(request.url())
      if (request.url().endsWith('/preview')) checks.push(request.url())
    })
    await page.clock.install()
    // Longer than what was checked holds.
    await page.clock.pauseAt(Date.now() + 120_000)
    const finger = { pointerType: 'touch', isPrimary: true, button: 0 }
    await run.dispatchEvent('pointerdown', finger)
    await page.clock.runFor(1_400)
    await dialog.getByText('Keep holding: 2 of 3').waitFor()
    await run.dispatchEvent('pointerup', finger)
    await dialog.getByText('Let go too early: nothing was sent.').waitFor()
    // A key that was down before it came here only repeats.
    await run.focus()
    for (let n = 0; n < 20; n++) await run.dispatchEvent('keydown', { key: ' ', repeat: true })
    await page.clock.runFor(3_000)
    const afterRepeats = await dialog.locator('[data-held-step]').getAttribute('data-held-step')
    await run.dispatchEvent('click', { detail: 0 })
    await dialog.getByText('A press is not enough.').waitFor()
    await page.keyboard.down('Enter')
    await page.clock.runFor(1_000)
    for (let n = 0; n < 20; n++) await run.dispatchEvent('keydown', { key: 'Enter', repeat: true })
    await dialog.getByText('Keep holding: 2 of 3').waitFor()
    const early = [...requests, ...checks]
    await page.clock.runFor(500)
    await page.keyboard.up('Enter')
    await page.clock.resume()
    await dialog.waitFor({ state: 'detached' })
    await page.locator(`[data-task-id="${taskId}"][data-status="inProgress"]`).waitFor()

    const audit = await (await tenant.as('auditor')).get(
      `/api/v1/audit?action=executeResponseAction&objectId=${taskId}`,
    )
    assert.deepEqual(field, ['off', 'off', 'false'])
    assert.equal(changes, 1)
    assert.deepEqual([typedBeside, motion, afterRepeats], [0, 'none', '0'])
    assert.deepEqual(early, [])
    assert.equal(requests.length, 1)
    assert.ok(checks.length > 0, 'what was checked two minutes ago is checked again before it is run')
    assert.equal(audit.body.value[0].details.confirmation, 'held')
    assert.deepEqual([...faults, ...admin.faults], [])
  },
)
