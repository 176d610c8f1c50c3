import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Locator } from 'playwright-core'
import { waitUntil } from '../support/answers.ts'
import { enrolDevice, type FakeDevice, keepHostsHeard, makeResult } from '../support/device.ts'
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
    await keepHostsHeard(cordon)
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
    await dialog.getByText('tier 2').nth(20).waitFor({ timeout: 180_000 })
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
    // The last one is sent while others are done already.
    await dialog.locator('[data-phase=running]').waitFor()
    const says = await dialog.innerText()
    const before = await phases(dialog)
    await keepHostsHeard(cordon)
    await dialog.getByRole('button', { name: 'Retry 2 failed' }).click()
    await Promise.all(devices.slice(17, 19).map((device) => answer(device, 'succeeded')))
    await page.getByRole('heading', { name: 'Isolate: 19/20 done' }).waitFor()
    await Promise.all(devices.slice(19, 20).map((device) => answer(device, 'succeeded')))
    await page.getByRole('heading', { name: 'Isolate: 20/20 done' }).waitFor()
    await open(screenOf(cordon, 'tasks?tab=history'))
    await page.locator('[role=grid][aria-rowcount="23"]').waitFor()
    await page.getByRole('button', { name: 'failed', exact: true }).click()
    await page.locator('[role=grid][aria-rowcount="3"]').waitFor()
    const address = new URL(page.url()).search
    const [csv] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export CSV' }).click(),
    ])
    const file = readFileSync(await csv.path(), 'utf8')
    await page.getByText(`2 rows, SHA-256 ${createHash('sha256').update(file).digest('hex')}`).waitFor()
    await page.getByRole('textbox', { name: 'From' }).fill('-24h')
    await page.getByRole('textbox', { name: 'To', exact: true }).fill('tomorrow')
    await page.getByRole('button', { name: 'Filter', exact: true }).click()
    await page.getByRole('button', { name: 'Remove to tomorrow, which is not understood' }).click()
    await page.waitForURL(/\?tab=history&state=failed&from=-24h$/)
    await page.reload()
    await page.locator('[role=grid][aria-rowcount="3"]').waitFor()
    const [ranged] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export CSV' }).click(),
    ])
    const rangedFile = readFileSync(await ranged.path(), 'utf8')
    const note = page.getByText(/^2 rows from \d{4}-\d\d-\d\dT[\d:]{8}Z to \d{4}-\d\d-\d\dT[\d:]{8}Z, SHA-256/)
    await note.waitFor()
    await page.getByRole('combobox', { name: 'Action' }).selectOption('runAntiVirusScan')
    await page.getByText('No run matches.').waitFor()
    await page.getByRole('button', { name: 'Clear the filters' }).click()
    await page.locator('[role=grid][aria-rowcount="23"]').waitFor()
    await page.locator('[role=row][data-id]').first().click()
    await page.locator('[data-run-id][data-run-state=succeeded]').waitFor()

    assert.deepEqual([off, offAgain], ['true', 'true'], 'the count of what is really sent is typed')
    assert.deepEqual(
      ['done', 'failed', 'running', 'ready'].map((phase) => before.filter((one) => one === phase).length),
      [17, 2, 1, 1],
    )
    assert.match(says, /default/)
    assert.equal(address, '?tab=history&state=failed')
    assert.equal(rangedFile, file)
    assert.match(ranged.suggestedFilename(), /^runs from \d{4}-\d\d-\d\dT\d{6}Z to \d{4}-\d\d-\d\dT\d{6}Z\.csv$/)
    const [header = '', ...failed] = file.trim().split('\r\n')
    assert.match(header, /^id,requestedAt,actionType,kind,state,target,requestedBy,/)
    assert.deepEqual(
      failed.map((row) => /,isolateDevice,run,failed,/.test(row)),
      [true, true],
    )
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
    await dialog.getByLabel('Classification').selectOption('truePositive')
    await dialog.getByLabel('Determination').selectOption('malware')
    await dialog.getByRole('button', { name: 'Assign to me' }).click()
    await dialog.getByLabel('Tag to add').fill('worm')
    await dialog.getByRole('button', { name: 'Change 3' }).click()
    await page.getByRole('heading', { name: '2/3 changed' }).waitFor()
    await dialog.getByRole('button', { name: 'Retry 1 failed' }).waitFor()

    const rows = await Promise.all(ids.map(async (id) => (await expert.get(`/beta/security/incidents/${id}`)).body))
    assert.deepEqual(
      rows
        .slice(0, 2)
        .map(({ status, classification, determination, customTags }) => [
          status,
          classification,
          determination,
          customTags.includes('worm'),
        ]),
      [
        ['inProgress', 'truePositive', 'malware', true],
        ['inProgress', 'truePositive', 'malware', true],
      ],
    )
    assert.match(rows[0].assignedTo, /^responder /)
    assert.ok(rows[1].customTags.includes('old 1'))
    assert.equal(faults.filter((fault) => !fault.includes('409')).length, 0)
  },
)

browserTest(
  'e and s open a menu for the selection or the row: nothing is written before something is chosen, and what is refused says why',
  async ({ cordon, tenant, enter }) => {
    const ids: string[] = []
    for (let n = 0; n < 3; n++) ids.push(await tenant.incident({ displayName: `Beacon ${n}`, assignedTo: null }))
    const owned = await tenant.incident({ displayName: 'Owned', assignedTo: 'Bo of the night' })
    const alertId = await tenant.alert(owned, { title: 'Odd process', status: 'new' })
    const taskId = await tenant.task(owned, { displayName: 'Ask the owner', actionType: 'text', responseAction: null })
    const reader = await tenant.as('reader')
    const read = async (path: string): Promise<unknown> => (await reader.get(`/beta/security/${path}`)).body
    const stateOf = async (path: string) => {
      const { status, assignedTo } = Object(await read(path))
      return [status, assignedTo]
    }
    const { page, faults, open } = await enter('responder')
    const row = (id: string) => page.locator(`[role=row][data-id="${id}"]`)
    const dialog = page.getByRole('dialog')
    const field = dialog.getByRole('combobox')
    const begin = async (key: 'e' | 's', title: string): Promise<void> => {
      await page.keyboard.press(key)
      await page.getByRole('dialog', { name: title }).waitFor()
      await field.and(page.locator(':focus')).waitFor()
    }
    const [first = '', second = '', third = ''] = ids

    await open(screenOf(cordon, 'incidents'))
    await row(owned).focus()
    await page.keyboard.press('End')
    await row(first).and(page.locator(':focus')).waitFor()
    await begin('e', `Assign incident ${first}`)
    await dialog.getByRole('option', { name: 'Bo of the night' }).waitFor()
    const offered = await dialog.getByRole('option').allInnerTexts()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await row(first).and(page.locator(':focus')).waitFor()
    const untouched = await stateOf(`incidents/${first}`)
    await begin('e', `Assign incident ${first}`)
    await page.keyboard.type('night')
    await dialog.getByRole('option', { name: 'Bo of the night' }).first().waitFor()
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    await row(first).getByText('Bo of the night').waitFor()
    await row(first).and(page.locator(':focus')).waitFor()
    for (const id of [second, third]) await page.getByRole('checkbox', { name: `Select ${id}`, exact: true }).check()
    await begin('s', 'Status of 2 incidents')
    const statuses = await dialog.getByRole('option').allInnerTexts()
    const expert = await tenant.as('expert')
    const merged = await expert.post('/beta/security/incidents/mergeIncidents', { incidentIds: [first, third] })
    assert.equal(merged.status, 200, merged.text)
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await dialog.getByRole('button', { name: 'Retry 1 failed' }).waitFor()
    await dialog.getByText('changed', { exact: true }).waitFor()
    const results = await dialog.getByRole('listitem').allInnerTexts()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    const changed = await Promise.all([stateOf(`incidents/${first}`), stateOf(`incidents/${second}`)])

    await open(screenOf(cordon, 'alerts'))
    await page.getByRole('checkbox', { name: `Select ${alertId}`, exact: true }).check()
    await page.getByRole('button', { name: 'Assign 1', exact: true }).click()
    await dialog.getByRole('option', { name: 'Nobody' }).waitFor()
    await field.and(page.locator(':focus')).waitFor()
    await page.keyboard.type('Cy Young')
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    await page.getByText('1 selected').waitFor({ state: 'detached' })
    // The dialog gives the focus back a moment after it has gone.
    await page.locator(':focus').waitFor()
    await row(alertId).focus()
    await begin('s', `Status of alert ${alertId}`)
    await dialog.getByRole('option', { name: 'in progress' }).click()
    await dialog.waitFor({ state: 'detached' })
    await row(alertId).getByText('in progress').waitFor()
    const alert = await stateOf(`alerts_v2/${alertId}`)

    await open(screenOf(cordon, 'tasks'))
    await row(taskId).focus()
    await page.keyboard.press('e')
    await begin('s', `Status of task ${taskId}`)
    await page.keyboard.type('completed')
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    await row(taskId).waitFor({ state: 'detached' })
    const [task] = await stateOf(`incidentTasks/${taskId}`)

    assert.match(offered.join('|'), /^Me \(responder [^|]+\)\|Nobody\|Customer\|Bo of the night$/)
    assert.deepEqual(untouched, ['active', null])
    assert.deepEqual(statuses, ['Active', 'in progress', 'Resolved'])
    assert.deepEqual(
      results.map((text) => text.split('\n')),
      [
        [third, 'Beacon 2', `Incident ${third} was merged into ${first}; change that one.`],
        [second, 'Beacon 1', 'changed'],
      ],
    )
    assert.deepEqual(changed, [
      ['active', 'Bo of the night'],
      ['inProgress', null],
    ])
    assert.deepEqual(alert, ['inProgress', 'Cy Young'])
    assert.equal(task, 'completed')
    assert.equal(faults.filter((fault) => !fault.includes('409')).length, 0)
  },
)

browserTest('nobody who only reads can mark rows or open their menus', async ({ cordon, tenant, enter }) => {
  const incidentId = await tenant.incident()
  await tenant.task(incidentId)
  const { page, open } = await enter('reader')

  for (const screen of ['incidents', 'tasks']) {
    await open(screenOf(cordon, screen))
    await page.locator('[role=row][data-id]').first().waitFor()
    await page.locator('[role=row][data-id]').first().focus()
    for (const key of ['x', 'e', 's']) await page.keyboard.press(key)
    assert.equal(await page.getByRole('checkbox', { name: /^Select/ }).count(), 0)
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    assert.equal(await page.getByRole('dialog').count(), 1)
    assert.doesNotMatch(await page.getByRole('dialog').innerText(), /Choose/)
    await page.keyboard.press('Escape')
  }
})
