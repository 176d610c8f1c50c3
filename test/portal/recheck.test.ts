import assert from 'node:assert/strict'
import type { Locator } from 'playwright-core'
import { waitUntil } from '../support/answers.ts'
import { enrolDevice } from '../support/device.ts'
import { fittingAction } from '../support/given.ts'
import { setPolicy } from '../support/policies.ts'
import { browserTest, screenOf } from './browser.ts'

browserTest(
  'dry runs older than a minute are checked again before anything is sent: one answer that changed stops them all, shows both, and is confirmed anew',
  async ({ cordon, tenant, enter }) => {
    const incidentId = await tenant.incident()
    const awake = await enrolDevice(cordon, tenant.id, 'host-away')
    const give = (host: string): Promise<string> =>
      tenant.task(incidentId, { displayName: host, responseAction: fittingAction('isolateDevice', host) })
    const ids: string[] = []
    for (const host of ['host-same', 'host-vital', 'host-spared']) {
      await tenant.knows('device', host)
      ids.push(await give(host))
    }
    const away = await give(awake.id)
    const [same = '', vital = '', spared = ''] = ids
    const { page, faults, open } = await enter('responder')
    const dialog = page.getByRole('alertdialog')
    const sent: string[] = []
    page.on('request', (request) => {
      if (request.url().endsWith('/executeResponseAction'))
        sent.push(new URL(request.url()).pathname.split('/')[4] ?? '')
    })
    const listRuns = async (): Promise<string[]> =>
      (await cordon.store.read.selectFrom('executions').select('task_id').execute())
        .map(({ task_id }) => task_id)
        .sort()
    const rowOf = (id: string): Locator => dialog.locator(`[data-bulk-id="${id}"]`)

    const seeAt = async (last_seen_at: string): Promise<void> => {
      await cordon.store.transaction(async (tx) => {
        await tx.updateTable('agents').set({ last_seen_at }).where('id', '=', awake.id).execute()
      })
    }

    await seeAt('2099-01-01T00:00:00.0000000Z')
    await page.clock.install()
    await open(screenOf(cordon, 'tasks'))
    for (const id of [...ids, away]) await page.getByRole('checkbox', { name: `Select ${id}`, exact: true }).check()
    await page.getByRole('button', { name: 'Review and run 4' }).click()
    await dialog.getByText('tier 2').nth(3).waitFor()
    await dialog.getByLabel(/^Why/).fill('The worm spreads.')
    await setPolicy(cordon.store, tenant.id, {
      assetGroups: [{ name: 'vital', ids: [], names: ['host-vital'], tags: [], critical: true }],
      protectedAssets: [
        { name: 'core', ids: [], names: ['host-spared'], tags: [], actionTypes: null, reason: 'It carries the mail.' },
      ],
    })
    await seeAt('2020-01-01T00:00:00.0000000Z')
    await page.clock.fastForward(61_000)
    await dialog.getByRole('button', { name: 'Isolate 4 targets' }).click()
    await dialog.getByText('for 3 of 4 targets the answer is another one now. Nothing was sent.').waitFor()
    const stopped = { sent: [...sent], runs: await listRuns() }
    const says = await Promise.all([vital, spared, away, same].map((id) => rowOf(id).innerText()))
    // What is of tier 3 now takes the number as well.
    const again = dialog.getByRole('button', { name: 'Isolate 3 targets' })
    const off = await again.getAttribute('aria-disabled')
    await dialog.getByLabel(/^Type 3/).fill('3')
    await again.click()
    await page.getByRole('heading', { name: /^Isolate: 0\/3 done/ }).waitFor()
    await waitUntil(listRuns, (runs) => runs.length === 3)

    assert.deepEqual(stopped, { sent: [], runs: [] })
    assert.match(says[0] ?? '', /Tier: was 2, now 3[\s\S]*Approvals: was 0, now 1/)
    assert.match(says[1] ?? '', /Answer: was allowed, now refused: protectedAssets: core/)
    assert.match(says[2] ?? '', /Host: was online, now offline/)
    assert.doesNotMatch(says[3] ?? '', /was/)
    assert.equal(off, 'true')
    assert.deepEqual(await listRuns(), [same, vital, away].sort())
    assert.deepEqual([...sent].sort(), [same, vital, away].sort())

    await tenant.knows('device', 'host-alone')
    const alone = await give('host-alone')
    await open(screenOf(cordon, `incidents/${incidentId}/tasks/${alone}`))
    await page.getByRole('button', { name: 'Review and run: host-alone' }).click()
    await dialog.getByText('Tier 2').waitFor()
    await dialog.getByLabel(/^Why/).fill('The worm spreads.')
    await setPolicy(cordon.store, tenant.id, {
      assetGroups: [{ name: 'vital', ids: [], names: ['host-alone'], tags: [], critical: true }],
    })
    await page.clock.fastForward(61_000)
    await dialog.getByRole('button', { name: 'Isolate host-alone' }).click()
    await dialog.getByText('Tier: was 2, now 3').waitFor()
    const runsThen = await listRuns()
    await dialog.getByLabel(/^Type/).fill('host-alone')
    await dialog.getByRole('button', { name: 'Isolate host-alone' }).click()
    await dialog.waitFor({ state: 'detached' })

    assert.equal(runsThen.includes(alone), false, 'the answer that changed stopped it')
    assert.deepEqual(await listRuns(), [...runsThen, alone].sort())
    assert.equal(sent.filter((id) => id === alone).length, 1)
    assert.deepEqual(faults, [])
  },
)
