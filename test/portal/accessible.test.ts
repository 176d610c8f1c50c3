import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page, Route } from 'playwright-core'
import { defaultPolicy } from '../../src/model/safety/policy.ts'
import { enrolDevice } from '../support/device.ts'
import { fittingAction } from '../support/given.ts'
import { setPolicy } from '../support/policies.ts'
import { anyDialog, type Light, lookIn, settle, turnTo } from './axe.ts'
import { browserTest, type Person, pressPair, screenOf } from './browser.ts'
import {
  findUnvisited,
  type Given,
  give,
  giveSecondTenant,
  listBareScreens,
  listRoutes,
  listScreens,
} from './screens.ts'

/** Each state of a screen is looked at in some themes and widths; together they meet every theme and width on every screen. */
const lights = {
  empty: [{ theme: 'dark', width: 1440 }],
  refused: [{ theme: 'forced', width: 1440 }],
  full: [
    { theme: 'light', width: 1440 },
    { theme: 'dark', width: 390 },
  ],
  sheet: [{ theme: 'forced', width: 390 }],
  dialog: [
    { theme: 'light', width: 1440 },
    { theme: 'dark', width: 390 },
    { theme: 'forced', width: 390 },
  ],
} satisfies Record<string, readonly Light[]>

/** A dialog: the file it is made in, the screen and the button or key that open it, and what comes before; its name tells the finding. */
interface Opening {
  readonly of: string
  readonly name: string
  readonly screen: string
  readonly button?: string | RegExp
  readonly key?: string
  readonly prepare?: (page: Page) => Promise<void>
}

const markAll = (page: Page): Promise<void> => page.getByRole('checkbox', { name: 'Select all loaded rows' }).check()
const focusRow = (page: Page): Promise<void> => page.locator('[role=row][data-id]').first().focus()

async function changePolicy(page: Page): Promise<void> {
  const text = page.getByLabel('The document')
  await text.fill((await text.inputValue()).replace('"approvalHours": 24', '"approvalHours": 12'))
}

const passkeyDialogs: readonly Opening[] = ['Rename', 'Remove'].map((what) => ({
  of: `screens/settings/passkeys/${what.toLowerCase()}-passkey.tsx`,
  name: `${what} a passkey`,
  screen: 'settings',
  button: `${what} Laptop`,
}))

/** The dialogs of an admin. @param strictId a task that wants the exact name, and on a phone the button to be held */
function listDialogs({ incidentId, taskId }: Given, strictId: string, other: string): readonly Opening[] {
  const task = `incidents/${incidentId}/tasks/${taskId}`
  return [
    { of: 'screens/task/confirm.tsx', name: 'run', screen: task, button: /^Review and run/ },
    { of: 'screens/task/confirm.tsx', name: 'by hand', screen: task, button: /^Done by hand/ },
    { of: 'screens/task/confirm.tsx', name: 'not relevant', screen: task, button: /^Not relevant/ },
    {
      of: 'screens/task/confirm.tsx',
      name: 'run, typed or held',
      screen: `incidents/${incidentId}/tasks/${strictId}`,
      button: /^Review and run/,
    },
    { of: 'screens/incident/edit.tsx', name: 'edit', screen: task, button: /^Edit$/ },
    { of: 'keys/palette.tsx', name: 'palette', screen: task, button: /^Commands/ },
    { of: 'frame/tenant-switch.tsx', name: 'tenants', screen: task, button: /, switch$/ },
    { of: 'keys/help.tsx', name: 'keys', screen: 'settings', key: '?' },
    { of: 'lists/view-dialog.tsx', name: 'view', screen: 'incidents?severity=high', button: 'Save as a view' },
    { of: 'lists/beside/columns-dialog.tsx', name: 'columns', screen: 'incidents', button: 'Columns' },
    { of: 'screens/bulk/row-menu.tsx', name: 'assign', screen: 'incidents', key: 'e', prepare: focusRow },
    { of: 'screens/bulk/row-menu.tsx', name: 'status', screen: 'tasks', key: 's', prepare: focusRow },
    {
      of: 'screens/bulk/change-incidents.tsx',
      name: 'several',
      screen: 'incidents',
      button: /^Change \d/,
      prepare: markAll,
    },
    {
      of: 'screens/bulk/run-tasks.tsx',
      name: 'bulk',
      screen: 'tasks',
      button: /^Review and run \d/,
      prepare: markAll,
    },
    {
      of: 'screens/policies/review.tsx',
      name: 'policy',
      screen: 'policies',
      button: 'Review the change',
      prepare: changePolicy,
    },
    { of: 'screens/settings/admit-member.tsx', name: 'member', screen: 'settings', button: 'Let somebody in' },
    {
      of: 'screens/settings/remove-member.tsx',
      name: 'remove a member',
      screen: `/t/${other}/settings`,
      button: /^Remove (?!Laptop)/,
    },
    { of: 'screens/settings/channel-dialog.tsx', name: 'channel', screen: 'settings', button: 'Add a channel' },
    {
      of: 'screens/approvals/pause-managed.tsx',
      name: 'managed response',
      screen: 'approvals',
      button: 'Pause managed response',
    },
    { of: 'screens/approvals/pause.tsx', name: 'dispatch', screen: 'approvals', button: /^Pause all dispatch/ },
    {
      of: 'screens/audit/entry.tsx',
      name: 'entry',
      screen: 'audit',
      key: 'Enter',
      prepare: focusRow,
    },
    ...passkeyDialogs,
  ]
}

/** The dialogs of an expert, and of one who approves. */
function listOthersDialogs({ incidentId }: Given): Readonly<Record<'expert' | 'approver', readonly Opening[]>> {
  const incident = `incidents/${incidentId}`
  return {
    expert: [
      { of: 'screens/propose/propose.tsx', name: 'propose', screen: incident, button: 'Propose a task' },
      { of: 'screens/regroup/regroup.tsx', name: 'merge', screen: incident, button: 'Merge' },
      {
        of: 'screens/regroup/regroup.tsx',
        name: 'move',
        screen: `${incident}/alerts`,
        button: 'Move to another incident',
        prepare: (page) =>
          page
            .getByRole('checkbox', { name: /^Choose / })
            .first()
            .check(),
      },
    ],
    approver: [
      { of: 'screens/approvals/ballot.tsx', name: 'ballot', screen: 'approvals', button: /^Approve: Isolate/ },
    ],
  }
}

/** Files of the portal that make a dialog. */
function listDialogFiles(): string[] {
  const root = fileURLToPath(new URL('../../src/portal/app/', import.meta.url))
  return globSync('**/*.tsx', { cwd: root })
    .filter((file) => /<Modal\b|role="(alert)?dialog"/.test(readFileSync(`${root}${file}`, 'utf8')))
    .sort()
}

/** What axe finds in a dialog, which is closed again. */
async function lookIntoDialog(page: Page, { name, button, key, prepare }: Opening): Promise<string[]> {
  await turnTo(page, { theme: 'light', width: 1440 })
  await settle(page)
  await prepare?.(page)
  if (button !== undefined) await page.getByRole('button', { name: button }).first().click()
  if (key !== undefined) await page.keyboard.press(key)
  await page.locator(anyDialog).waitFor()
  await settle(page)
  const found = await lookIn(page, `dialog ${name}`, lights.dialog)
  await page.keyboard.press('Escape')
  await page.locator(anyDialog).waitFor({ state: 'detached' })
  return found
}

/** Does every job, each by whichever of these pages is free: axe reckons in the page, and a machine has more than one core. */
async function share<P, T>(pages: readonly P[], jobs: readonly T[], work: (page: P, job: T) => Promise<void>) {
  const left = [...jobs]
  await Promise.all(
    pages.map(async (page) => {
      for (let job = left.shift(); job !== undefined; job = left.shift()) await work(page, job)
    }),
  )
}

/**
 * Answers questions of the screens with a refusal, as a server does that cannot. Below a tab of an incident it is only the incident itself
 * that is answered: the panel fails, and what stands around it does not.
 */
async function refuse(route: Route): Promise<void> {
  const tab = new URL(route.request().frame().url()).pathname.split('/')[5]
  if (tab !== undefined && /\/incidents\/\d+$/.test(new URL(route.request().url()).pathname)) return route.continue()
  const innerError = { 'request-id': 'b7a4', 'client-request-id': 'b7a4', date: '2026-03-01T00:00:00' }
  await route.fulfill({
    status: 400,
    headers: { 'content-type': 'application/json', 'request-id': 'b7a4' },
    json: { error: { code: 'BadRequest', message: 'The store says no.', innerError } },
  })
}

const anyQuestion = /\/(beta|v1\.0|api\/v1)\/|\/auth\/passkeys$/

browserTest(
  'axe finds nothing on any screen, empty, full, refused by the server, under a dialog: light, dark, forced colours, 1440 and 390 pixels each meet every screen at least once',
  async ({ cordon, tenant, enter }, t) => {
    const people = [await enter('admin'), await enter('admin')]
    const found: string[] = []
    const looked: [address: string, light: string][] = []
    const bare = await giveSecondTenant(cordon, 'admin')
    const lookAt = async (page: Page, address: string, state: string, where: readonly Light[]): Promise<void> => {
      found.push(...(await lookIn(page, `${address} ${state}`, where)))
      looked.push(...where.map(({ theme, width }) => [address, `${state} ${theme} ${width}`] as [string, string]))
    }
    const walk = (addresses: readonly string[], state: string, where: readonly Light[]): Promise<void> =>
      share(people, addresses, async ({ page, open }, address) => {
        await open(address)
        await settle(page)
        await lookAt(page, address, state, where)
        if (state !== 'full') return
        await page.keyboard.press('?')
        await page.getByRole('dialog', { name: 'Keys' }).waitFor()
        await lookAt(page, address, 'keys', lights.sheet)
      })

    await walk(['/t/all/incidents', '/t/all/tasks', '/t/all/tasks?tab=history'], 'empty', lights.empty)
    const silent = await bare.incident({ displayName: 'Nothing is known' })
    await walk(listBareScreens(bare.id, silent), 'empty', lights.empty)
    const addresses = listScreens(tenant.id, await give(cordon, tenant))
    await walk(addresses, 'full', lights.full)
    for (const { page } of people) await page.route(anyQuestion, refuse)
    await walk(addresses, 'refused', lights.refused)

    const states = ['full light 1440', 'full dark 390', 'keys forced 390', 'refused forced 1440']
    t.diagnostic(`axe looked at ${looked.length} states of ${listRoutes().length} screens`)
    assert.deepEqual(
      states.flatMap((state) =>
        findUnvisited(looked.flatMap(([at, light]) => (light === state ? [at] : []))).map(
          (route) => `${route} ${state}`,
        ),
      ),
      [],
    )
    // What exists only once there is something has no empty state.
    const lists = listRoutes().filter((route) => !/\$(?!tenant)/.test(route))
    const empty = looked.flatMap(([at, light]) => (light === 'empty dark 1440' ? [at] : []))
    assert.deepEqual(
      findUnvisited(empty).filter((route) => lists.includes(route)),
      [],
    )
    assert.ok(looked.length >= states.length * listRoutes().length + lists.length, `${looked.length}`)
    assert.deepEqual(found, [])
  },
)

browserTest(
  'axe finds nothing in any dialog there is, nor without a network, nor when the session has ended, in light, dark and forced colours',
  async ({ cordon, tenant, enter }, t) => {
    const first = await enter('admin')
    const people = [first, await enter('admin')]
    const other = await giveSecondTenant(cordon, 'admin')
    const given = await give(cordon, tenant)
    const strict = await enrolDevice(cordon, tenant.id, 'dc-01')
    await setPolicy(cordon.store, tenant.id, {
      assetGroups: [{ name: 'crown jewels', ids: [], names: ['db-02', 'dc-01'], tags: [], critical: true }],
      confirmation: { ...defaultPolicy.confirmation, holdOnPhones: true },
    })
    const strictId = await tenant.task(given.incidentId, { responseAction: fittingAction('isolateDevice', strict.id) })
    const dialogs = listDialogs(given, strictId, other.id)
    const others = listOthersDialogs(given)
    const found: string[] = []
    const look = async ({ page, open }: Person, dialog: Opening): Promise<void> => {
      await open(dialog.screen.startsWith('/') ? dialog.screen : screenOf(cordon, dialog.screen))
      found.push(...(await lookIntoDialog(page, dialog)))
    }

    await share(people, dialogs, look)
    await share(['expert', 'approver'] as const, ['expert', 'approver'] as const, async (_page, role) => {
      const person = await enter(role)
      for (const dialog of others[role]) await look(person, dialog)
      await person.context.close()
    })
    const { page, context, open } = first
    await turnTo(page, { theme: 'light', width: 1440 })
    await open(screenOf(cordon, `incidents/${given.incidentId}`))
    await page.locator('[data-live=live]').waitFor()
    await context.setOffline(true)
    await page.locator('[data-live=offline]').waitFor()
    found.push(...(await lookIn(page, 'without a network', lights.dialog)))
    await cordon.store.transaction((tx) => tx.deleteFrom('sessions').execute())
    await context.setOffline(false)
    await page.getByRole('alertdialog', { name: 'Your session has ended' }).waitFor()
    found.push(...(await lookIn(page, 'session ended', lights.dialog)))

    const looked = [...dialogs, ...others.expert, ...others.approver]
    t.diagnostic(`axe looked at ${(looked.length + 2) * lights.dialog.length} states of ${looked.length + 2} dialogs`)
    const made = [
      ...new Set([...looked.map(({ of }) => of), 'frame/sign-in/sign-in-again.tsx', 'parts/modal.tsx']),
    ].sort()
    assert.deepEqual(
      listDialogFiles().filter((file) => !made.includes(file)),
      [],
      'dialogs that nobody looked at',
    )
    assert.deepEqual(found, [])
  },
)

browserTest(
  'axe finds nothing on the sign-in page, the page behind a link and the page of a refused answer',
  async (stage) => {
    const { cordon, visit } = stage
    const issuer = { issuer: 'https://login.example', clientId: 'cordon' }
    const made = await (await cordon.as('admin')).post('/api/v1/connectors', {
      kind: 'oidc',
      name: 'Contoso',
      settings: issuer,
    })
    const pages = [
      '/login',
      cordon.server.signInUrl?.slice(cordon.url.length),
      `/auth/issuers/${cordon.tenantId}/${made.body.id}/callback`,
    ]
    const found: string[] = []

    const { page } = await visit()
    for (const path of pages) {
      await page.goto(`${cordon.url}${path}`)
      found.push(...(await lookIn(page, path ?? '', lights.dialog)))
    }

    assert.deepEqual(found, [])
  },
)

browserTest('from the queue to a run and back by the keyboard alone', async ({ cordon, tenant, enter }) => {
  const given = await give(cordon, tenant)
  const { page, faults } = await enter('responder')
  const first = page.locator('[role=row][data-id]').first()
  await first.waitFor()

  await page.keyboard.press('j')
  await page.locator('[role=row][data-id]:focus').waitFor()
  await page.keyboard.press('k')
  await page.locator(`[role=row][data-id="${given.incidentId}"]:focus`).waitFor()
  const focused = await page.evaluate("document.activeElement.getAttribute('data-id')")
  const stops = await page.locator('[role=grid] [tabindex="0"]').count()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Web shell on web-07' }).waitFor()
  await page.keyboard.press('2')
  await page.waitForURL(/\/tasks$/)
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keys' }).waitFor()
  await pressPair(page, 'g', 'a')
  const underDialog = page.url()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.keyboard.press('Control+k')
  await page.getByRole('dialog').getByRole('combobox').fill('approvals')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Approvals' }).waitFor()
  await pressPair(page, 'g', 'i')
  await page.getByRole('heading', { name: 'Incidents' }).waitFor()
  await page.getByRole('searchbox').waitFor()
  await page.keyboard.press('/')
  await page.getByRole('searchbox').and(page.locator(':focus')).waitFor()
  await page.keyboard.type('gi?z')

  assert.equal(focused, given.incidentId)
  assert.equal(stops, 1)
  assert.match(underDialog, /\/tasks$/)
  assert.equal(await page.getByRole('searchbox').inputValue(), 'gi?z')
  assert.equal(await page.getByRole('dialog').count(), 0)
  assert.equal(cordon.tenantId, new URL(page.url()).pathname.split('/')[2])
  assert.deepEqual(faults, [])
})
