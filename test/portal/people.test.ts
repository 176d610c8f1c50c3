import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { waitUntil } from '../support/answers.ts'
import { enrolDevice } from '../support/device.ts'
import { fittingAction } from '../support/given.ts'
import { signInPerson } from '../support/person.ts'
import { look } from './axe.ts'
import { browserTest, screenOf } from './browser.ts'
import { beginJourney } from './journey.ts'
import { landSlowly } from './slow-network.ts'

const phone = { width: 390, height: 844 }

const bar = '[aria-label="At hand"]'

/** Upper edges of what a phone shows, in the order in which it has to be read. */
async function readOrder(page: Page, taskId: string): Promise<number[]> {
  const places = [
    page.locator('main h1'),
    page.locator(`[data-task-id="${taskId}"]`),
    page.getByText('Reversible'),
    page.getByText('opened').first(),
    page.getByRole('navigation', { name: 'Incident' }),
  ]
  return Promise.all(places.map(async (place) => (await place.boundingBox())?.y ?? -1))
}

for (const dark of [true, false]) {
  browserTest(
    `J4: on a phone one press acknowledges and three run what waits, ${dark ? 'dark' : 'light'}`,
    async ({ cordon, tenant, enter }, t) => {
      const device = await enrolDevice(cordon, tenant.id, 'web-07')
      const incidentId = await tenant.incident({
        displayName: 'Web shell on web-07',
        status: 'awaitingAction',
        severity: 'high',
        customTags: ['night'],
      })
      const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
      const { page, faults, open } = await enter('responder', { ...phone, dark })
      const theme = dark ? 'dark' : 'light'
      const acknowledging = beginJourney(t, `J4 acknowledge on a phone, ${theme}`, { clicks: 1, seconds: 2.0 })
      const hand = page.locator(bar)
      const dialog = page.getByRole('alertdialog')

      const landing = await landSlowly(page, async () => {
        await open(screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
        await page.getByText('Reversible').waitFor()
      })
      await page.locator(bar).getByRole('button', { name: 'Acknowledge' }).waitFor()
      await page.getByText(/Seen by responder/).waitFor()
      const order = await readOrder(page, taskId)
      const words = await page.locator(`${bar} button`).allTextContents()
      const boxes = await Promise.all((await page.locator(`${bar} button`).all()).map((button) => button.boundingBox()))
      const violations = await look(page, 'on a phone')
      await acknowledging.press(hand.getByRole('button', { name: 'Acknowledge' }))
      await acknowledging.see(page.getByText(/acknowledged by responder/))
      const kilobytes = Math.round(landing.bytes / 1_024)
      acknowledging.end(
        `slow 4G: ${kilobytes} of 230 KB, largest paint ${(landing.paintedMs / 1_000).toFixed(1)} of 2.0 s`,
      )
      const approving = beginJourney(t, `J4 run what waits on a phone, ${theme}`, { clicks: 3, seconds: 2.0 })
      await approving.press(hand.getByRole('button', { name: /^Run/ }))
      await approving.see(dialog.getByText('Reversible'))
      await dialog.getByLabel(/^Why/).fill('It talks to a known bad address.')
      await approving.press(dialog.getByRole('button', { name: 'Isolate web-07' }))
      await approving.see(page.locator(`[data-task-id="${taskId}"][data-action-status="inProgress"]`))
      approving.end()
      const attention = (await (await tenant.as('reader')).get(`/api/v1/incidents/${incidentId}/attention`)).body
      const incident = (await (await tenant.as('reader')).get(`/v1.0/security/incidents/${incidentId}`)).body

      assert.ok(landing.bytes > 50_000 && landing.bytes <= 230 * 1_024, `${landing.bytes} bytes came over the network`)
      assert.deepEqual(words, ['Acknowledge', 'Isolate web-07', 'Not now'])
      for (const box of boxes) {
        assert.ok(box !== null && box.height >= 44 && box.y + box.height <= phone.height, JSON.stringify(box))
      }
      assert.deepEqual(
        order,
        [...order].sort((left, right) => left - right),
      )
      assert.ok(order.every((y) => y >= 0))
      assert.equal(attention.acknowledgedBy.displayName, incident.assignedTo)
      assert.deepEqual(violations, [])
      assert.deepEqual(faults, [])
    },
  )
}

browserTest(
  'who has seen an incident and who has it stands in its head, for everybody',
  async ({ cordon, tenant, enter }) => {
    const incidentId = await tenant.incident({ displayName: 'Beacon' })
    const ada = await signInPerson(cordon, tenant.id, 'reader', 'Ada')
    await ada.client.post(`/api/v1/incidents/${incidentId}/seen`)
    const { page, faults, open } = await enter('responder')

    await open(screenOf(cordon, `incidents/${incidentId}`))
    await page.getByText(/Seen by Ada \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, responder/).waitFor()
    await page.getByText('not acknowledged').waitFor()
    const bo = await signInPerson(cordon, tenant.id, 'responder', 'Bo')
    await bo.client.post(`/api/v1/incidents/${incidentId}/acknowledge`)
    await page.getByText(/^acknowledged by Bo \d{4}-/).waitFor()
    await page.getByRole('button', { name: 'Acknowledge' }).click()
    await page.getByText(/^acknowledged by responder/).waitFor()

    assert.equal(await page.getByRole('button', { name: 'Acknowledge' }).count(), 0)
    assert.deepEqual(faults, [])
  },
)

browserTest('a person sets how they are told, and finds it again', async ({ cordon, enter }) => {
  const { page, faults, open } = await enter('reader', phone)

  await open(screenOf(cordon, 'settings'))
  await page.getByLabel('Mail address').fill('ada@example.org')
  await page.getByLabel('A task waits for review').uncheck()
  await page.getByLabel('From this severity on').selectOption('medium')
  await page.getByLabel('Leave me alone at night').check()
  await page.getByRole('combobox', { name: 'Time zone', exact: true }).last().selectOption('Europe/Berlin')
  await page.getByRole('button', { name: 'Save how you are told' }).click()
  await page.getByText('Nothing is changed.').waitFor()
  await open(screenOf(cordon, 'settings'))
  const mail = await page.getByLabel('Mail address').inputValue()
  await page.getByLabel('Mail address').fill('nobody')
  await page.getByRole('button', { name: 'Save how you are told' }).click()
  await page.getByText(/must be a mail address/).waitFor()
  const stored = await cordon.store.read.selectFrom('person_settings').select('settings').executeTakeFirstOrThrow()

  assert.equal(mail, 'ada@example.org')
  assert.equal(await page.getByLabel('Mail address').inputValue(), 'nobody')
  assert.deepEqual(JSON.parse(stored.settings), {
    mail: 'ada@example.org',
    events: ['highSeverityIncident', 'approvalRequested', 'executionFailed', 'outcomeUnknown'],
    minSeverity: 'medium',
    quietHours: { from: '22:00', to: '07:00', timeZone: 'Europe/Berlin', highBreaksThrough: true },
  })
  assert.equal(await page.getByRole('heading', { name: 'Channels' }).count(), 0)
  // The refusal of the wrong address is a failed request, which the console names.
  assert.deepEqual(
    faults.filter((fault) => !fault.includes('400')),
    [],
  )
})

for (const dark of [true, false]) {
  browserTest(
    `an admin sets a channel up, tries it and makes it a step of the escalation, ${dark ? 'dark' : 'light'}`,
    async ({ cordon, tenant, enter }) => {
      const { page, faults, open } = await enter('admin', { dark })

      await open(screenOf(cordon, 'settings'))
      await page.getByRole('button', { name: 'Add a channel' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('Kind').selectOption('webhook')
      await dialog.getByLabel('Name').fill('Team chat')
      await dialog.getByLabel('URL').fill('https://192.0.2.7/hooks/cordon')
      await dialog.getByLabel('Signing secret').fill('canary-bm90IHRvIGJlIHNlZW4gYWdhaW4gZXZlcg')
      const inDialog = await look(page, 'in the dialog')
      await dialog.getByRole('button', { name: 'Save the channel' }).click()
      await dialog.waitFor({ state: 'detached' })
      await page.getByRole('button', { name: 'Send test: Team chat' }).click()
      await page
        .getByText(/not at a public address|signingSecret is not set/)
        .first()
        .waitFor()
      await page.getByRole('button', { name: 'Add a step' }).click()
      await page.getByLabel('Team chat', { exact: true }).check()
      const onScreen = await look(page, 'on the screen')
      await page.getByRole('button', { name: 'Save the escalation' }).click()
      const escalation = await waitUntil(
        async () => (await (await tenant.as('admin')).get('/api/v1/notifications/escalation')).body,
        ({ version }) => version === 2,
      )
      const [channel] = (await (await tenant.as('admin')).get('/api/v1/connectors')).body.value
      await page.getByRole('button', { name: 'Edit: Team chat' }).click()
      const said = await page.getByRole('dialog').innerText()

      assert.deepEqual([...inDialog, ...onScreen], [])
      assert.deepEqual([channel.kind, channel.settings.minSeverity], ['webhook', 'medium'])
      assert.deepEqual(escalation.steps, [
        { afterMinutes: 5, channels: [channel.id], people: [], ignoreQuietHours: false },
      ])
      assert.match(said, /It is set\. Empty: it stays as it is\./)
      assert.ok(!(await page.content()).includes('canary'))
      assert.deepEqual(faults, [])
    },
  )
}
