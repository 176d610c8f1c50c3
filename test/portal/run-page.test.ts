import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { digestJson } from '../../src/protocol/canonical.ts'
import { waitUntil } from '../support/answers.ts'
import { enrolDevice, type FakeDevice, makeResult } from '../support/device.ts'
import { fittingAction } from '../support/given.ts'
import { browserTest, screenOf } from './browser.ts'

const archive = Buffer.from('PK: whatever a host has put together')

/** Plays the host: takes the order, brings the archive, and reports what a good host reports. */
async function collect(device: FakeDevice): Promise<void> {
  const [command] = await waitUntil(
    async () => (await device.fetch()).filter(({ dryRun }) => !dryRun),
    (commands) => commands.length > 0,
  )
  assert.ok(command)
  await device.acknowledge(command.commandId)
  const path = `/packages/${command.commandId}`
  const facts = {
    size: archive.length,
    sha256: `sha256:${createHash('sha256').update(archive).digest('hex')}`,
    parts: 1,
  }
  assert.equal((await device.put(`${path}?generation=1&part=1`, archive)).status, 204)
  assert.equal((await device.post(`${path}/complete`, { generation: 1, ...facts })).status, 204)
  const after = { ...facts, items: 1, failedItems: 0 }
  const { proof } = makeResult(command)
  assert.ok(proof)
  await device.report(makeResult(command, { after, proof: { ...proof, digest: digestJson(after), checks: [] } }))
}

browserTest(
  'a run is opened from the audit log, and the package it collected is saved from its page byte for byte',
  async ({ cordon, tenant, enter }) => {
    const can = [{ actionType: 'collectInvestigationPackage', supported: true }]
    const device = await enrolDevice(cordon, tenant.id, 'web-07', { capabilities: can })
    const taskId = await tenant.task(await tenant.incident(), {
      displayName: 'Collect from web-07',
      actionType: 'collectInvestigationPackage',
      responseAction: fittingAction('collectInvestigationPackage', device.id),
    })
    const responder = await tenant.as('responder')
    await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
    await collect(device)
    const { body } = await waitUntil(
      () => responder.get(`/api/v1/tasks/${taskId}/executions`),
      (reply) => reply.body.value[0].state === 'succeeded',
    )
    const runId: string = body.value[0].id
    const admin = await enter('admin')
    const { page, faults, open } = admin

    await open(screenOf(cordon, `audit?object=${runId}`))
    await page.locator('[role=row][data-id]').first().click()
    await page.getByRole('link', { name: 'Open the run' }).click()
    await page.locator(`[data-run-id="${runId}"][data-run-state="succeeded"]`).waitFor()
    // A browser centres headings of columns unless they are told to stand above their cells.
    await page.locator('th').first().waitFor()
    const aligned = await page.evaluate<string[]>(
      "[...document.querySelectorAll('th')].map((one) => getComputedStyle(one).textAlign)",
    )
    assert.deepEqual([...new Set(aligned)], ['start'])
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save the package' }).click(),
    ])
    const saved = readFileSync(await download.path())
    await open(screenOf(cordon, 'runs/02851525-0000-4000-8000-000000000099'))
    await page.getByRole('heading', { name: 'Nothing is here' }).waitFor()

    assert.equal(download.suggestedFilename(), `package-${runId}.zip`)
    assert.deepEqual(saved, archive)
    // That there is no such run is a failed request, which the console names.
    assert.deepEqual(
      faults.filter((fault) => !fault.includes('404')),
      [],
    )
  },
)
