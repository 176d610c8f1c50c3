import assert from 'node:assert/strict'
import type { Locator } from 'playwright-core'
import { waitUntil } from '../support/answers.ts'
import { enrolDevice, type FakeDevice, makeResult } from '../support/device.ts'
import { fittingAction } from '../support/given.ts'
import { liftBudgets } from '../support/policies.ts'
import { browserTest, screenOf } from './browser.ts'
import { beginJourney } from './journey.ts'

/** Plays the host: takes the order and reports that outcome. */
async function answer(device: FakeDevice, state: 'succeeded' | 'failed'): Promise<void> {
  const [command] = await waitUntil(
    async () => (await device.fetch()).filter(({ dryRun }) => !dryRun),
    (commands) => commands.length > 0,
  )
  assert.ok(command)
  await device.acknowledge(command.commandId)
  const problem = { code: 'RulesetRejected', detail: 'nft refused the table' }
  const ref = `device:${command.deviceId}`
  const reply = await device.report(
    state === 'succeeded'
      ? makeResult(command)
      : makeResult(command, {
          state,
          proof: null,
          targets: [{ ref, state, changed: false, ...problem }],
        }),
  )
  assert.equal(reply.status, 200, reply.text)
}

function phases(dialog: Locator): Promise<string[]> {
  return dialog.locator('[data-phase]').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-phase') ?? ''))
}

browserTest(
  '21 tasks of one action run from one dialog in three clicks: one is left out, two fail, one waits, and only the failed are sent again',
  async ({ cordon, tenant, enter }, t) => {
    await liftBudgets(cordon.store, tenant.id)
    const incidentId = await tenant.incident({ displayName: 'Worm', status: 'awaitingAction' })
    const devices: FakeDevice[] = []
    for (let n = 0; n < 21; n++) {
      const device = await enrolDevice(cordon, tenant.id, `host-${n}`)
      devices.push(device)
      await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
    }
    const { page, faults, open } = await enter('responder')
    const dialog = page.getByRole('alertdialog')
    const journey = beginJourney(t, 'J1 approve 20 tasks at once', { clicks: 4, seconds: 4.0 })

    await open(screenOf(cordon, 'tasks'))
    await page.locator('[role=row][data-id]').nth(11).waitFor()
    await journey.press(page.getByRole('checkbox', { name: 'Select all loaded rows' }))
    await journey.see(page.getByText('21 selected'))
    await journey.press(page.getByRole('button', { name: 'Review and run 21' }))
    await journey.see(dialog)
    // None of the hosts answers what it would do, and the browser asks a few at a time.
    await dialog.getByText('tier 2').nth(20).waitFor({ timeout: 60_000 })
    await dialog.getByLabel(/^Why/).fill('The worm spreads.')
    const off = await dialog.getByRole('button', { name: 'Isolate 21 targets' }).getAttribute('aria-disabled')
    await dialog.getByLabel(/^Type 21/).fill('21')
    await dialog.getByRole('checkbox', { name: 'host-20' }).uncheck()
    const offAgain = await dialog.getByRole('button', { name: 'Isolate 20 targets' }).getAttribute('aria-disabled')
    await dialog.getByLabel(/^Type 20/).fill('20')
    await journey.press(dialog.getByRole('button', { name: 'Isolate 20 targets' }))
    await journey.see(page.getByRole('heading', { name: 'Isolate: 0/20 done' }))
    journey.end()
    await Promise.all(devices.slice(0, 17).map((device) => answer(device, 'succeeded')))
    await Promise.all(devices.slice(17, 19).map((device) => answer(device, 'failed')))
    await page.getByRole('heading', { name: 'Isolate: 17/20 done' }).waitFor()
    await dialog.getByRole('button', { name: 'Retry 2 failed' }).waitFor()
    const causes = dialog.locator('[data-phase=failed]', { hasText: 'nft refused the table' })
    await causes.nth(1).waitFor()
    const says = await dialog.innerText()
    const before = await phases(dialog)
    await dialog.getByRole('button', { name: 'Retry 2 failed' }).click()
    await Promise.all(devices.slice(17, 19).map((device) => answer(device, 'succeeded')))
    await page.getByRole('heading', { name: 'Isolate: 19/20 done' }).waitFor()
    await Promise.all(devices.slice(19, 20).map((device) => answer(device, 'succeeded')))
    await page.getByRole('heading', { name: 'Isolate: 20/20 done' }).waitFor()
    await open(screenOf(cordon, 'tasks?tab=history'))
    await page.locator('[role=grid][aria-rowcount="21"]').waitFor()

    assert.deepEqual([off, offAgain], ['true', 'true'], 'the count of what is really sent is typed')
    assert.deepEqual(
      ['done', 'failed', 'running', 'ready'].map((phase) => before.filter((one) => one === phase).length),
      [17, 2, 1, 1],
    )
    assert.match(says, /default/)
    const runs = await cordon.store.read.selectFrom('executions').select(['task_id', 'state']).execute()
    assert.equal(runs.length, 22, 'twenty, and two once more')
    const { body } = await (await tenant.as('reader')).get(`/beta/security/incidents/${incidentId}`)
    assert.equal(body.comments.length, 2)
    assert.match(body.comments[0].comment, /run\. The worm spreads\.$/)
    assert.deepEqual(faults, [])
  },
)

browserTest('tasks of different actions are not run together', async ({ cordon, tenant, enter }) => {
  const incidentId = await tenant.incident()
  const tasks = [
    await tenant.task(incidentId),
    await tenant.task(incidentId, {
      actionType: 'runAntiVirusScan',
      responseAction: fittingAction('runAntiVirusScan', 'web-07'),
    }),
  ]
  const { page, open } = await enter('responder')

  await open(screenOf(cordon, 'tasks'))
  for (const id of tasks) await page.getByRole('checkbox', { name: `Select ${id}`, exact: true }).check()

  await page.getByText('Select tasks of one action only.').waitFor()
  assert.equal(await page.getByRole('button', { name: /^Review and run/ }).getAttribute('aria-disabled'), 'true')
})

browserTest(
  'several incidents change at once; the one somebody else merged away is refused by itself, and can be sent again',
  async ({ cordon, tenant, enter }) => {
    const ids: string[] = []
    for (let n = 0; n < 3; n++)
      ids.push(await tenant.incident({ displayName: `Beacon ${n}`, customTags: [`old ${n}`] }))
    const expert = await tenant.as('expert')
    const { page, faults, open } = await enter('responder')
    await open(screenOf(cordon, 'incidents'))
    for (const id of ids) await page.getByRole('checkbox', { name: `Select ${id}`, exact: true }).check()
    const merged = await expert.post('/beta/security/incidents/mergeIncidents', { incidentIds: [ids[0], ids[2]] })
    assert.equal(merged.status, 200, merged.text)

    await page.getByRole('button', { name: 'Change 3' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Status').selectOption('inProgress')
    await dialog.getByRole('button', { name: 'Assign to me' }).click()
    await dialog.getByLabel('Tag to add').fill('worm')
    await dialog.getByRole('button', { name: 'Change 3' }).click()
    await page.getByRole('heading', { name: '2/3 changed' }).waitFor()
    await dialog.getByRole('button', { name: 'Retry 1 failed' }).waitFor()

    const rows = await Promise.all(ids.map(async (id) => (await expert.get(`/beta/security/incidents/${id}`)).body))
    assert.deepEqual(
      rows.slice(0, 2).map(({ status, customTags }) => [status, customTags.includes('worm')]),
      [
        ['inProgress', true],
        ['inProgress', true],
      ],
    )
    assert.match(rows[0].assignedTo, /^responder /)
    assert.ok(rows[1].customTags.includes('old 1'))
    assert.equal(faults.filter((fault) => !fault.includes('409')).length, 0)
  },
)

browserTest('nobody who only reads can mark rows', async ({ cordon, tenant, enter }) => {
  const incidentId = await tenant.incident()
  await tenant.task(incidentId)
  const { page, open } = await enter('reader')

  for (const screen of ['incidents', 'tasks']) {
    await open(screenOf(cordon, screen))
    await page.locator('[role=row][data-id]').first().waitFor()
    await page.locator('[role=row][data-id]').first().focus()
    await page.keyboard.press('x')
    assert.equal(await page.getByRole('checkbox', { name: /^Select/ }).count(), 0)
  }
})
