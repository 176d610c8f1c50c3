import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { waitUntil } from '../support/answers.ts'
import { browserTest, screenOf } from './browser.ts'

/** In the page: every word of it and the name of the window; instants by what they are, as their age goes on. */
const wholeScreen = `(() => {
  const main = document.querySelector('main').cloneNode(true)
  for (const time of main.querySelectorAll('time')) time.textContent = time.dateTime
  return [document.title, ...main.innerText.split('\\n').filter((line) => line !== '')]
})()`

browserTest(
  'what happens elsewhere comes to the screen by itself; new incidents wait behind a pill',
  async ({ tenant, enter }) => {
    const known = await tenant.incident({ displayName: 'Known already' })
    const { page, faults } = await enter('reader')
    const rows = page.locator('[role=row][data-id]')
    await page.locator('[data-live="live"]').waitFor()
    await rows.first().waitFor()
    const responder = await tenant.as('responder')

    const sender = await tenant.as('admin')
    const alert = await sender.post('/v1.0/security/alerts_v2', {
      title: 'Beacon',
      severity: 'high',
      providerAlertId: 'live-1',
    })
    await page.getByRole('button', { name: 'Show 1 new' }).waitFor()
    const before = await rows.count()
    const renamed = await responder.patch(`/v1.0/security/incidents/${known}`, { displayName: 'Renamed elsewhere' })
    await page.getByText('Renamed elsewhere').waitFor()
    const untouched = await rows.count()
    await page.getByRole('button', { name: 'Show 1 new' }).click()
    await page.locator(`[role=row][data-id="${alert.body.incidentId}"]`).waitFor()

    assert.equal(alert.status, 201, alert.text)
    assert.equal(renamed.status, 200, renamed.text)
    assert.deepEqual([before, untouched, await rows.count()], [1, 1, 2])
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'two tabs of one person share one stream, and the second goes on when the first is closed',
  async ({ cordon, tenant, enter }) => {
    const incident = await tenant.incident({ displayName: 'Before' })
    const { context, page } = await enter('responder')
    await page.locator('[data-live="live"]').waitFor()
    const second = await context.newPage()
    const streams: string[] = []
    second.on('request', (request) => request.url().includes('/api/v1/events') && streams.push(request.url()))
    const path = `${cordon.url}${screenOf(cordon, `incidents/${incident}`)}`
    await second.goto(path)
    await second.locator('[data-live="live"]').waitFor()
    // What it reads first is not what it hears.
    await second.getByRole('heading', { name: 'Before', exact: true }).waitFor()
    const client = await tenant.as('responder')

    await client.patch(`/v1.0/security/incidents/${incident}`, { displayName: 'While both listen' })
    await second.getByRole('heading', { name: 'While both listen' }).waitFor()
    const whileBoth = streams.length
    await page.close()
    await waitUntil(
      () => Promise.resolve(streams.length),
      (count) => count > 0,
    )
    await client.patch(`/v1.0/security/incidents/${incident}`, { displayName: 'While one listens' })
    await second.getByRole('heading', { name: 'While one listens' }).waitFor()

    assert.equal(whileBoth, 0)
    assert.match(streams[0] ?? '', /since=\d+$/)
  },
)

browserTest(
  'what was missed while the network was away is on the screen once it is back',
  async ({ tenant, cordon, enter }) => {
    const incident = await tenant.incident({ displayName: 'Before' })
    const { context, page, open } = await enter('responder')
    await open(screenOf(cordon, `incidents/${incident}`))
    await page.locator('[data-live="live"]').waitFor()
    const client = await tenant.as('responder')

    await page.getByRole('button', { name: 'Edit' }).click()
    await page.getByLabel('Owner').fill('typed by me')
    await context.setOffline(true)
    await page.locator('[data-live="offline"], [data-live="catching-up"]', { hasText: 'as of' }).waitFor()
    for (let turn = 0; turn < 30; turn++) {
      await client.patch(`/v1.0/security/incidents/${incident}`, { displayName: `Changed ${turn}` })
    }
    await context.setOffline(false)
    await page.getByText('Changed 29').first().waitFor()

    const kept = await page.getByLabel('Owner').inputValue()
    await page.keyboard.press('Escape')
    await page.locator('[data-live="live"]').waitFor()
    const read = (): Promise<unknown> => page.evaluate(wholeScreen)
    // What others have changed is marked for a while, and to whom comes later it is not.
    const isPlain = (state: unknown): boolean => /Changed 29/.test(String(state)) && !/changed by/.test(String(state))
    const shown = await waitUntil(read, isPlain, 60)
    await open(screenOf(cordon, `incidents/${incident}`))
    await page.getByText('Changed 29').first().waitFor()
    await page.locator('[data-live="live"]').waitFor()
    const fresh = await waitUntil(read, (state) => isDeepStrictEqual(state, shown)).catch(read)

    assert.equal(kept, 'typed by me')
    assert.deepEqual(fresh, shown)
  },
)
