import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { Page, Route } from 'playwright-core'
import { ensurePortal } from '../../tools/portal/build.ts'
import { waitUntil } from '../support/answers.ts'
import { startCordon } from '../support/cordon.ts'
import { enrolDevice } from '../support/device.ts'
import { fittingAction, giveTenant } from '../support/given.ts'
import { signInPerson } from '../support/person.ts'
import { browserTest, screenOf } from './browser.ts'
import { readLargestPaint } from './slow-network.ts'

test('the document of an incident holds it for whoever may read it, and is the bare page for everybody else', async (t) => {
  await ensurePortal()
  const cordon = await startCordon(t)
  const home = await giveTenant(cordon, cordon.tenantId)
  const acme = await giveTenant(cordon, await cordon.createTenant('Acme Works'))
  const incidentId = await home.incident({ displayName: 'Web shell on web-07', summary: 'Seen at night.' })
  const taskId = await home.task(incidentId, { displayName: 'Isolate web-07' })
  const ada = await signInPerson(cordon, home.id, 'reader', 'Ada')
  const mo = await signInPerson(cordon, home.id, 'monitor', 'Mo')
  const eve = await signInPerson(cordon, acme.id, 'expert', 'Eve')
  const path = `/t/${home.id}/incidents/${incidentId}`
  const read = async (at: string, cookie?: string) => {
    const reply = await cordon.anonymous.get(at, cookie === undefined ? {} : { Cookie: cookie })
    assert.equal(reply.status, 200)
    assert.equal(reply.headers['cache-control'], 'no-store')
    const csp = String(reply.headers['content-security-policy']).replace(/'nonce-[^']+'/, '')
    return { text: reply.text.replace(/content="[A-Za-z0-9_-]{43}"/, ''), csp }
  }
  const bare = await read('/t/nobody/incidents/1')

  const whole = await read(path, ada.cookie)
  const asked = await read(`${path}/tasks/${taskId}`, ada.cookie)
  const others = await Promise.all([
    read(path),
    read(path, 'session=x'),
    read(path, mo.cookie),
    read(path, eve.cookie),
    read(`${path}/tasks/${taskId}`, eve.cookie),
    read(`/t/${acme.id}/incidents/${incidentId}`, eve.cookie),
    read(`/t/${acme.id}/incidents/${incidentId}`, ada.cookie),
    read(`/t/${home.id}/incidents/999999`, ada.cookie),
    read(`/t/${home.id}/incidents/1e3`, ada.cookie),
    read(`${path}/report`, ada.cookie),
    read(`/t/${home.id}/incidents`, ada.cookie),
  ])
  const headers = { 'Content-Type': 'application/json' }
  await (await home.as('admin')).send('PUT', `/api/v1/members/${eve.id}`, '{"role":"reader"}', headers)
  const visited = await read(path, eve.cookie)
  const visits = (await (await home.as('admin')).get('/api/v1/audit?action=signIn')).body.value

  for (const { text } of [whole, asked, visited]) {
    assert.match(text, /<h1 [^>]*><bdi>Web shell on web-07<\/bdi><\/h1>/)
    assert.match(text, /<bdi>Isolate web-07<\/bdi>/)
    assert.match(
      text,
      new RegExp(`<title>1 pending - INC-${incidentId} Web shell on web-07 - default - Cordon</title>`),
    )
  }
  assert.match(whole.text, /Seen at night\./)
  assert.match(asked.text, /Asked for/)
  assert.deepEqual(
    others.map(({ text }) => text === bare.text),
    others.map(() => true),
  )
  assert.deepEqual(new Set([whole, visited, ...others].map(({ csp }) => csp)), new Set([bare.csp]))
  assert.ok(
    visits.some(({ details }: { details: { by: string; homeUserId: string } }) => details.homeUserId === eve.id),
    'reading in another tenant is a visit that its log names',
  )
})

/** Places of what both the document and the page draw. */
const parts = [
  'header [data-tenant]',
  'nav[aria-label=Screens] a',
  'main h1',
  'main header > p',
  'article[data-task-id]',
  'article h3',
  'article .badge',
  'article .button',
  'nav[aria-label=Incident] a',
]

async function place(page: Page): Promise<unknown[]> {
  return page.evaluate(
    `${JSON.stringify(parts)}.map((part) => {
      const all = [...document.querySelectorAll(part)].filter((one) => one.checkVisibility())
      return [part, ...all.slice(0, 12).map((one) => {
        const { x, y, width, height } = one.getBoundingClientRect()
        const isOpenEnded = one.matches('article')
        return [one.className, Math.round(x), Math.round(y + scrollY), Math.round(width), isOpenEnded ? 0 : Math.round(height)].join(' ')
      })]
    })`,
  )
}

const shifted =
  "new Promise((done) => { let sum = 0; new PerformanceObserver((list) => { for (const { value } of list.getEntries()) sum += value }).observe({ type: 'layout-shift', buffered: true }); setTimeout(() => done(sum), 300) })"

browserTest(
  'an incident can be read before any script has run, on a phone and on a desk, and the page takes over where it stands',
  async ({ cordon, tenant, enter }, t) => {
    const device = await enrolDevice(cordon, tenant.id, 'web-07')
    const incidentId = await tenant.incident({
      displayName: 'Web shell on web-07',
      status: 'awaitingAction',
      severity: 'high',
      customTags: ['night'],
      summary: 'Somebody reached the host from outside and left a file behind.',
    })
    const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
    for (const look of [
      { width: 390, height: 844 },
      { width: 1366, height: 768 },
    ]) {
      const { context, page, faults, open } = await enter('responder', look)
      for (const rest of [`tasks/${taskId}`, 'story']) {
        const where = `${rest}, ${look.width} pixels`
        const held: Route[] = []
        let isHeld = true
        await page.route('**/assets/*.js', (route) =>
          isHeld && !route.request().url().endsWith('/theme.js') ? void held.push(route) : route.continue(),
        )

        const opening = open(screenOf(cordon, `incidents/${incidentId}/${rest}`))
        await page.locator('html:not([data-ready]) main h1').waitFor()
        const paintedMs = await readLargestPaint(page)
        const before = await place(page)
        const words = await page.locator('main').innerText()
        const title = await page.title()
        const isReady = await page.evaluate('document.documentElement.dataset.ready')
        isHeld = false
        await Promise.all(held.map((route) => route.continue()))
        await opening
        // A machine that is busy has not drawn all of it by the time that the page is ready.
        const after = await waitUntil(
          () => place(page),
          (places) => isDeepStrictEqual(places, before),
          20,
        ).catch(() => place(page))
        await page.getByText(/Seen by responder/).waitFor()
        if (rest !== 'story' || look.width < 600) await page.getByText('Reversible').waitFor()
        const shift = Number(await page.evaluate(shifted))
        await page.unroute('**/assets/*.js')

        assert.ok(paintedMs > 0, where)
        assert.equal(isReady, undefined, `no script has run: ${where}`)
        assert.equal(title, `1 pending - INC-${incidentId} Web shell on web-07 - default - Cordon`)
        for (const word of ['Web shell on web-07', 'Awaiting your action', 'Isolate web-07'])
          assert.ok(words.includes(word), `${word}: ${where}`)
        // Who has seen it is one more at the second look; what stands below keeps its place.
        assert.deepEqual(after, before, where)
        t.diagnostic(`${where}: layout shift ${shift.toFixed(4)}`)
        assert.ok(shift <= 0.02, `layout shift ${shift}: ${where}`)
      }
      assert.deepEqual(faults, [])
      await context.close()
    }
  },
)
