import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { linkIdentity } from '../../src/access/outside/link.ts'
import { createUser } from '../../src/access/users.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import type { Cordon } from '../support/cordon.ts'
import { type IdentityProvider, startIdentityProvider } from '../support/identity-provider.ts'
import { receiverTls } from '../support/receiver.ts'
import { browserTest, type Setting, screenOf } from './browser.ts'

const { ca, cert } = await receiverTls()
const setting: Setting = { outbound: { allow: ['127.0.0.2/32:*'], ca }, trusted: [cert] }

/** Sets the provider up as the tenant's, as an admin does. @returns the connector's id */
async function setUp(cordon: Cordon, provider: IdentityProvider, settings: object = {}): Promise<string> {
  const admin = await cordon.as('admin')
  const made = await admin.post('/api/v1/connectors', {
    kind: 'oidc',
    name: 'Contoso',
    settings: { issuer: provider.issuer, clientId: provider.clientId, ...settings },
    secrets: { clientSecret: provider.clientSecret },
  })
  assert.equal(made.status, 201, made.text)
  return made.body.id
}

function callbackOf(cordon: Cordon, id: string): string {
  return `${cordon.url}/auth/issuers/${cordon.tenantId}/${id}/callback`
}

/** What a person does at the provider: its own test pages take any password, and ask for consent. */
async function passProvider(page: Page, sub: string): Promise<void> {
  await page.getByRole('link', { name: 'Sign in with Contoso' }).click()
  await page.locator('input[name=login]').fill(sub)
  await page.locator('input[name=password]').fill('whatever')
  await page.locator('button[type=submit]').click()
  await page.getByRole('button', { name: 'Continue' }).click()
}

browserTest(
  'a person whom their groups let in signs in with an OpenID provider, is led on, and follows their groups the next time',
  async ({ cordon, tenant, visit }, t) => {
    const provider = await startIdentityProvider(t)
    const roles = [
      { group: 'soc-leads', role: 'expert' },
      { group: 'soc', role: 'responder' },
    ]
    const id = await setUp(cordon, provider, { groupsClaim: 'groups', roles })
    const ada = { sub: 'ada-at-contoso', name: 'Ada Lovelace', groups: ['everybody', 'soc'] }
    provider.open(callbackOf(cordon, id), [ada])
    const incident = await tenant.incident({ displayName: 'Beacon on web-07' })
    const { page, context, faults } = await visit()

    await page.goto(`${cordon.url}${screenOf(cordon, `incidents/${incident}/tasks`)}`)
    await page.waitForURL(`${cordon.url}/login`)
    faults.length = 0
    await passProvider(page, ada.sub)
    await page.getByRole('heading', { name: 'Beacon on web-07' }).waitFor()
    const first = await cordon.store.read.selectFrom('users').select(['name', 'role']).execute()
    provider.open(callbackOf(cordon, id), [{ ...ada, groups: ['soc-leads'] }])
    await context.clearCookies()
    await page.goto(`${cordon.url}/login`)
    await passProvider(page, ada.sub)
    // The provider's page has a heading as well, which stands there until the answer has come.
    await page.getByRole('heading', { level: 1, name: 'Incidents', exact: true }).waitFor()
    const second = await cordon.store.read.selectFrom('users').select(['name', 'role']).execute()
    const [session] = (await context.cookies(cordon.url)).filter(({ name }) => name === '__Host-session')

    assert.ok(first.some(({ name, role }) => name === 'Ada Lovelace' && role === 'responder'))
    assert.deepEqual(
      second.filter(({ name }) => name === 'Ada Lovelace').map(({ role }) => role),
      ['expert'],
    )
    assert.deepEqual([session?.httpOnly, session?.secure, session?.sameSite], [true, true, 'Lax'])
    const audit = await cordon.store.read.selectFrom('audit').select(['action', 'details']).execute()
    const signIns = audit.filter(({ action }) => action === 'signIn').map(({ details }) => JSON.parse(details ?? '{}'))
    assert.deepEqual(
      signIns.map(({ by, issuer }) => [by, issuer]),
      [
        ['issuer', 'Contoso'],
        ['issuer', 'Contoso'],
      ],
    )
    assert.ok(audit.some(({ action }) => action === 'changeRole'))
  },
  setting,
)

browserTest(
  'a prepared person is known by their verified address the first time and by their subject from then on; a stranger stays outside',
  async ({ cordon, visit }, t) => {
    const provider = await startIdentityProvider(t)
    const id = await setUp(cordon, provider)
    const access = { store: cordon.store, clock: systemClock, ids: randomIds }
    const actor = { tenantId: cordon.tenantId, id: 'test', kind: 'system', name: 'test' } as const
    const userId = await createUser(access, actor, { name: 'Grace', role: 'auditor' })
    await linkIdentity(access, actor, { userId, issuer: 'Contoso', email: 'Grace@Contoso.example' })
    const grace = { sub: 'g-1', email: 'grace@contoso.example', email_verified: true }
    const people = [
      { sub: 'm-1', email: 'grace@contoso.example', email_verified: false },
      grace,
      { sub: 'g-2', email: 'grace@contoso.example', email_verified: true },
    ]
    provider.open(callbackOf(cordon, id), people)

    const seen: string[] = []
    for (const sub of ['m-1', 'g-1', 'g-2', 'g-1']) {
      const { page, context } = await visit()
      await page.goto(`${cordon.url}/login`)
      await passProvider(page, sub)
      await page.getByRole('heading', { level: 1, name: /Incidents|Not signed in/ }).waitFor()
      seen.push(`${sub} ${await page.getByRole('heading', { level: 1 }).innerText()}`)
      await context.close()
    }

    assert.deepEqual(seen, ['m-1 Not signed in', 'g-1 Incidents', 'g-2 Not signed in', 'g-1 Incidents'])
    const known = await cordon.store.read.selectFrom('identities').select(['user_id', 'subject']).execute()
    assert.deepEqual(
      known.map((row) => ({ ...row })),
      [{ user_id: userId, subject: 'g-1' }],
    )
  },
  setting,
)
