import assert from 'node:assert/strict'
import { waitUntil } from '../support/answers.ts'
import { enrolDevice, keepHostsHeard } from '../support/device.ts'
import { browserTest, screenOf } from './browser.ts'
import { beginJourney } from './journey.ts'

browserTest(
  'J7: from an empty install to a dry run with its proof in five clicks, and the sample is gone in one',
  async ({ cordon, tenant, enter }, t) => {
    const { page, faults } = await enter('admin')
    const journey = beginJourney(t, 'J7 first dry run on an empty install', { clicks: 6, seconds: 10 })
    const load = page.getByRole('button', { name: 'Load the sample' })
    await page.getByText('There are no incidents yet.').waitFor()
    await load.waitFor()
    const cards = await page.getByRole('list', { name: 'First steps' }).getByRole('heading').allInnerTexts()

    await journey.press(load)
    await journey.see(page.getByRole('gridcell', { name: 'SAMPLE: Web shell on sample-web-07' }))
    await journey.press(page.getByRole('link', { name: 'First steps' }))
    await journey.see(page.locator('[data-step="Load a sample incident"][data-done=true]'))
    await journey.press(page.getByRole('link', { name: 'Open its first task' }))
    const review = page.getByRole('button', { name: /^Review and run/ }).first()
    await journey.see(review)
    await journey.press(review)
    const dialog = page.getByRole('alertdialog')
    await journey.see(dialog.getByText('Reversible'))
    await dialog.getByLabel(/^Why/).fill('To see what happens.')
    await journey.press(dialog.getByRole('button', { name: 'Isolate sample-web-07' }))
    await journey.see(page.getByText('Proof, attested'))
    journey.end()
    const marked = await page.locator('[data-sample]').innerText()
    await page.getByRole('button', { name: 'Remove the sample' }).click()
    await page.getByText('There are no incidents yet.').waitFor()

    const { body: audit } = await (await tenant.as('admin')).get('/api/v1/audit')
    const actions = audit.value.map((entry: { action: string }) => entry.action)
    assert.deepEqual(
      cards.map((name) => name.split('\n')[0]?.replace(/ (to do|✓.*)$/, '')),
      ['Load a sample incident', 'Connect an alert source', 'Install an agent', 'Invite people'],
    )
    assert.match(marked, /^SAMPLE\./)
    assert.ok(actions.includes('loadSample') && actions.includes('removeSample'), actions.join())
    assert.equal(cordon.tenantId, tenant.id)
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'the cards turn green while one looks: an alert that arrives, a host that calls home; the command can be copied',
  async ({ cordon, tenant, enter }) => {
    const { page, open, faults, context } = await enter('admin')
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await open(screenOf(cordon, 'start'))
    const source = page.locator('[data-step="Connect an alert source"]')
    const agent = page.locator('[data-step="Install an agent"]')
    await source.getByText('to do').waitFor()
    await agent.getByText('to do').waitFor()

    await source.getByRole('button', { name: 'Copy the command for a test alert' }).click()
    const command = /echo '(.*)' \|/
    const copied = await waitUntil(
      () => page.evaluate<string>('navigator.clipboard.readText()'),
      (text) => command.test(text),
    )
    const [, alert = ''] = command.exec(copied) ?? []
    const sent = await (await tenant.as('responder')).post('/api/v1/intake/graph', JSON.parse(alert))
    await source.getByText('✓ received 1 alert').waitFor()
    await enrolDevice(cordon, tenant.id, 'web-07')
    await keepHostsHeard(cordon)
    await agent.getByText('✓ 1 online').waitFor()

    assert.equal(sent.body.accepted, 1, sent.text)
    assert.deepEqual(faults, [])
  },
)

browserTest('who is no admin sees the first steps and why the sample cannot be loaded', async ({ cordon, enter }) => {
  const { page, open } = await enter('responder')

  await open(screenOf(cordon, 'start'))
  const load = page.getByRole('button', { name: 'Load the sample' })
  await load.waitFor()

  assert.equal(await load.getAttribute('aria-disabled'), 'true')
  await page.getByText('Needs an admin.').waitFor()
})
