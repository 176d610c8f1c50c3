import assert from 'node:assert/strict'
import { waitUntil } from '../support/answers.ts'
import { browserTest, screenOf } from './browser.ts'

browserTest(
  'the first person signs in by the printed link and is led to the address that was interrupted',
  async ({ cordon, tenant, visit }) => {
    const incident = await tenant.incident({ displayName: 'Beacon on web-07' })
    const { page, faults } = await visit()

    await page.goto(`${cordon.url}${screenOf(cordon, `incidents/${incident}/tasks`)}`)
    await page.waitForURL(`${cordon.url}/login`)
    await page.goto(cordon.server.signInUrl ?? '')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Beacon on web-07' }).waitFor()

    assert.equal(new URL(page.url()).pathname, screenOf(cordon, `incidents/${incident}/tasks`))
    assert.deepEqual(faults, [])
  },
)

browserTest(
  'the policy itself holds: a script that writes markup, a style from data or a picture from elsewhere is stopped and reported',
  async ({ enter }) => {
    const { page, faults } = await enter('reader')

    const written = await page.evaluate(
      "(() => { try { document.body.innerHTML = '<b>x</b>'; return 'written' } catch (e) { return e.name } })()",
    )
    const policies = await page.evaluate(
      "['default', 'x', 'layout-worker'].map((name) => { try { trustedTypes.createPolicy(name, { createHTML: (text) => text }); return name } catch { return null } })",
    )
    const worker = await page.evaluate(
      "(() => { try { new Worker('/assets/theme.js'); return 'started' } catch (e) { return e.name } })()",
    )
    await page.evaluate("document.body.append(Object.assign(new Image(), { src: 'https://127.0.0.1:1/x.png' }))")
    await page.evaluate("document.body.append(Object.assign(document.createElement('style'), { textContent: 'b{}' }))")
    await waitUntil(
      () => Promise.resolve(faults),
      (found) =>
        ['require-trusted-types-for', 'img-src', 'style-src'].every((rule) =>
          found.some((fault) => fault.startsWith(`CSP ${rule}`)),
        ),
    )

    assert.equal(written, 'TypeError')
    // The one name there is belongs to the picture's worker; on a page that has drawn one it is taken.
    assert.deepEqual(policies, [null, null, 'layout-worker'])
    assert.equal(worker, 'TypeError')
    assert.ok(faults.some((fault) => fault.startsWith('CSP require-trusted-types-for')))
    assert.ok(faults.some((fault) => fault.startsWith('CSP img-src')))
    assert.ok(faults.some((fault) => fault.startsWith('CSP style-src')))
  },
)

browserTest('signing out ends the session in the browser and on the server', async ({ cordon, enter }) => {
  const { context, page, faults } = await enter('responder')
  const [cookie] = await context.cookies()

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL(`${cordon.url}/login`)
  await page.goto(`${cordon.url}/`)
  await page.waitForURL(`${cordon.url}/login`)

  assert.deepEqual(
    [cookie?.name, cookie?.httpOnly, cookie?.secure, cookie?.sameSite, cookie?.path],
    ['__Host-session', true, true, 'Lax', '/'],
  )
  assert.deepEqual(await context.cookies(), [])
  const state = await cordon.anonymous.get('/auth/session', { Cookie: `__Host-session=${cookie?.value}` })
  assert.deepEqual(state.body, { signedIn: false })
  assert.deepEqual(faults, [])
})

browserTest('what is absent and what is another tenant’s end on the same page', async ({ cordon, tenant, enter }) => {
  const incident = await tenant.incident({ displayName: 'Only ours' })
  const { page, open } = await enter('responder')

  const pages: string[] = []
  for (const path of [
    `/t/6f0c0f0e-0000-4000-8000-00000000000b/incidents/${incident}`,
    screenOf(cordon, 'incidents/999999'),
    screenOf(cordon, 'alerts/no-such-alert'),
    screenOf(cordon, 'no-such-screen'),
  ]) {
    await open(path)
    await page.getByRole('heading', { name: 'Nothing is here' }).waitFor()
    pages.push(await page.locator('main').innerText())
  }

  assert.equal(new Set(pages).size, 1)
  assert.doesNotMatch(pages[0] ?? '', /Only ours/)
})

browserTest(
  'the filters of the queue stand in the address, and the address alone brings them back',
  async ({ tenant, enter }) => {
    await tenant.incident({ displayName: 'Beacon one', severity: 'high', status: 'awaitingAction' })
    await tenant.incident({ displayName: 'Beacon two', severity: 'low', status: 'active' })
    await tenant.incident({ displayName: 'Quiet', severity: 'high', status: 'active' })
    const { page, faults } = await enter('reader')
    const rows = page.locator('[role=row][data-id]')
    const count = (wanted: number) =>
      waitUntil(
        () => rows.count(),
        (found) => found === wanted,
      )

    await count(3)
    await page.getByRole('button', { name: 'high' }).click()
    await count(2)
    await page.getByRole('searchbox').fill('beacon')
    await count(1)
    const address = page.url()
    await page.goto(address)
    await count(1)
    const shown = await rows.first().innerText()
    await page.getByRole('searchbox').fill('no such name')
    await page.getByText('No incident matches.').waitFor()
    await page.getByRole('button', { name: 'Clear the filters' }).click()
    await count(3)

    assert.match(address, /\?severity=high&q=beacon$/)
    assert.match(shown, /Beacon one/)
    assert.deepEqual(faults, [])
  },
)
