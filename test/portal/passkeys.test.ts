import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { createSignInLink, createUser } from '../../src/access/users.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import type { Cordon } from '../support/cordon.ts'
import { ageSessions } from '../support/person.ts'
import { browserTest, type Person, screenOf } from './browser.ts'
import { beginJourney } from './journey.ts'

/** Whoever is on call looks at a phone. */
const phone = { width: 390, height: 844, touch: true }

/** Gives the browser an authenticator that keeps passkeys and knows its owner. @returns what takes it away */
async function giveAuthenticator(
  { context, page }: Person,
  transport: 'internal' | 'usb',
): Promise<() => Promise<void>> {
  const cdp = await context.newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport,
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return async () => {
    await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
  }
}

async function makeLink(cordon: Cordon, name: string): Promise<{ readonly id: string; readonly path: string }> {
  const access = { store: cordon.store, clock: systemClock, ids: randomIds }
  const actor = { tenantId: cordon.tenantId, id: 'test', kind: 'system', name: 'test' } as const
  const id = await createUser(access, actor, { name, role: 'responder' })
  return { id, path: (await createSignInLink(access, actor, id)).path }
}

const listed = (page: Page, name: string) =>
  page.getByRole('list', { name: 'Your passkeys' }).getByRole('listitem').filter({ hasText: name })

async function addPasskey(page: Page, name: string): Promise<void> {
  await page.getByLabel('What to call the new one').fill(name)
  await page.getByRole('button', { name: 'Add a passkey' }).click()
}

/** A page that offers no passkeys in its fields: the virtual authenticator would take the offer before anybody has pressed a button. */
async function withholdOffers({ context, page }: Person): Promise<() => Promise<void>> {
  await context.addInitScript(
    'if (!localStorage.offers) PublicKeyCredential.isConditionalMediationAvailable = () => Promise.resolve(false)',
  )
  return async () => {
    await page.evaluate("localStorage.offers = 'yes'")
  }
}

browserTest(
  'a passkey is made behind a link, opens what was looked for with one click, proves its owner again, and goes when another is there',
  async ({ cordon, tenant, visit }, t) => {
    const incidentId = await tenant.incident({ displayName: 'Web shell on web-07' })
    const { id: userId, path } = await makeLink(cordon, 'Ada')
    const person = await visit(phone)
    const { page, open, faults } = person
    const giveOffers = await withholdOffers(person)
    const takePhone = await giveAuthenticator(person, 'internal')
    const remove = page.getByRole('alertdialog', { name: 'Remove Passkey?' })
    const again = page.getByRole('alertdialog', { name: 'Sign in again to go on' })

    await page.goto(`${cordon.url}${path}`)
    await page.getByRole('button', { name: 'Make a passkey and go on' }).click()
    await page.getByRole('heading', { name: 'Incidents' }).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign in with a passkey' }).waitFor()
    await page.goto(`${cordon.url}${screenOf(cordon, `incidents/${incidentId}`)}`)
    await page.getByRole('button', { name: 'Sign in with a passkey' }).waitFor()
    const journey = beginJourney(t, 'J4 on call, on a phone: the link opens after a passkey', { clicks: 1, seconds: 3 })
    await journey.press(page.getByRole('button', { name: 'Sign in with a passkey' }))
    await journey.see(page.getByRole('heading', { level: 1, name: 'Web shell on web-07' }))
    journey.end()

    await ageSessions(cordon, userId, 11)
    await open(screenOf(cordon, 'settings'))
    await page.getByRole('button', { name: 'Remove Passkey' }).click()
    await remove.getByRole('button', { name: 'Remove this passkey' }).click()
    await again.getByRole('button', { name: 'Use a passkey' }).click()
    await remove.getByText('This is the only way you can sign in.').waitFor()
    await page.keyboard.press('Escape')
    await remove.waitFor({ state: 'detached' })
    await addPasskey(page, 'Fob')
    await page.getByText('This device has a passkey for you already.').waitFor()
    await giveOffers()
    await page.getByRole('button', { name: 'Sign out' }).click()
    // The offer in the name's field, which the virtual owner takes at once.
    await page.getByRole('heading', { name: 'Incidents' }).waitFor()
    await open(screenOf(cordon, 'settings'))
    await takePhone()
    await giveAuthenticator(person, 'usb')
    await addPasskey(page, 'Fob')
    await listed(page, 'Fob').waitFor()
    await page.getByRole('button', { name: 'Rename Fob' }).click()
    await page.getByRole('dialog', { name: 'Rename Fob' }).getByLabel('What to call it').fill('Fob ring')
    await page.keyboard.press('Enter')
    await listed(page, 'Fob ring').waitFor()
    const facts = await listed(page, 'Fob ring').innerText()
    await page.getByRole('button', { name: 'Remove Passkey' }).click()
    await remove.getByRole('button', { name: 'Remove this passkey' }).click()
    await remove.waitFor({ state: 'detached' })
    await listed(page, 'Passkey').waitFor({ state: 'detached' })
    const refusedStatuses = faults.filter((fault) => !/status of (403|409)/.test(fault))

    const kept = await cordon.store.read.selectFrom('passkeys').selectAll().where('user_id', '=', userId).execute()
    const { body } = await (await tenant.as('admin')).get('/api/v1/audit?objectType=user')
    const actions = body.value.map((entry: { action: string }) => entry.action)
    assert.match(facts, /Fob ring\s+made .*, never used\s+bound to one device; by USB/)
    assert.deepEqual(
      kept.map(({ name, last_used_at }) => [name, last_used_at === null]),
      [['Fob ring', true]],
    )
    for (const action of ['addPasskey', 'renamePasskey', 'removePasskey']) assert.ok(actions.includes(action), action)
    assert.deepEqual(refusedStatuses, [])
  },
)

browserTest(
  'without passkeys or without scripts the sign-in page is that of a password; at a bare IP address it says why',
  async ({ cordon, visit }) => {
    const old = await visit()
    await old.context.addInitScript('delete window.PublicKeyCredential')
    const plain = await (await old.context.browser()?.newContext({ javaScriptEnabled: false }))?.newPage()
    assert.ok(plain !== undefined)
    const bare = await visit()

    await old.page.goto(`${cordon.url}/login`)
    await plain.goto(`${cordon.url}/login`)
    await bare.page.goto(`${cordon.url.replace('localhost', '127.0.0.1')}/login`)

    for (const page of [old.page, plain, bare.page]) {
      await page.getByLabel('Password').waitFor()
      assert.equal(await page.getByRole('button').count(), 1)
    }
    await bare.page.getByText('Browsers have no passkeys at a bare IP address').waitFor()
    assert.deepEqual([...old.faults, ...bare.faults], [])
  },
)
