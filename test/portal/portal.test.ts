import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type BrowserContext, type Browser as ChromiumBrowser, chromium, type Page } from 'playwright-core'
import { type Cordon, startCordon } from '../support/cordon.ts'

const executablePath = '/usr/bin/chromium'
const skip = existsSync(executablePath) ? false : `${executablePath} is not here`
const attack = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'

/** A browser with nothing of a person in it, and what went wrong in it. */
interface Browser {
  readonly context: BrowserContext
  readonly page: Page
  /** CSP violations, console errors, failed scripts. */
  readonly faults: string[]
}

/**
 * Starts a server and a browser for one test. The browser is closed before the server stops: its open connections would hold up the
 * server's drain.
 */
async function browse(t: TestContext, work: (cordon: Cordon, browser: Browser) => Promise<void>): Promise<void> {
  const cordon = await startCordon(t)
  const browser = await launchBrowser(cordon)
  try {
    await work(cordon, await openBrowser(browser))
  } finally {
    await browser.close()
  }
}

async function launchBrowser(cordon: Cordon): Promise<ChromiumBrowser> {
  const certificate = new X509Certificate(readFileSync(join(cordon.dataDir, 'tls', 'server.crt')))
  const spki = createHash('sha256')
    .update(certificate.publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64')
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--headless',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Trusts this server's key and no other.
      `--ignore-certificate-errors-spki-list=${spki}`,
    ],
  })
}

async function openBrowser(browser: ChromiumBrowser): Promise<Browser> {
  const context = await browser.newContext()
  const faults: string[] = []
  await context.exposeBinding('reportFault', (_source, text: string) => void faults.push(text))
  await context.addInitScript(
    "document.addEventListener('securitypolicyviolation', (e) => window.reportFault('CSP ' + e.violatedDirective + ' ' + e.blockedURI))",
  )
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  page.on('console', (message) => message.type() === 'error' && faults.push(`console ${message.text()}`))
  page.on('pageerror', (error) => faults.push(`script ${error.message}`))
  return { context, page, faults }
}

/** An incident whose every text is hostile, with one task that can be executed and one for people. */
async function makeIncident(cordon: Cordon): Promise<{ incidentId: string; taskId: string }> {
  const at = new Date().toISOString()
  const admin = await cordon.as('admin')
  const alert = await admin.post('/v1.0/security/alerts_v2', {
    '@odata.type': '#microsoft.graph.security.alert',
    title: attack,
    severity: 'high',
    providerAlertId: 'portal-1',
    firstActivityDateTime: at,
    lastActivityDateTime: at,
    evidence: [
      {
        '@odata.type': '#microsoft.graph.security.deviceEvidence',
        createdDateTime: at,
        hostName: 'ws-17',
        deviceDnsName: 'ws-17.contoso.example',
      },
    ],
  })
  assert.equal(alert.status, 201, alert.text)
  const { incidentId } = alert.body
  const renamed = await admin.patch(`/v1.0/security/incidents/${incidentId}`, { displayName: attack })
  assert.equal(renamed.status, 200, renamed.text)
  const expert = await cordon.as('expert')
  const task = await expert.post('/beta/security/incidentTasks', {
    displayName: `Isolate ${attack}`,
    description: attack,
    actionType: 'isolateDevice',
    source: 'defenderExpertsGuidedResponse',
    incident: { id: incidentId },
    responseAction: {
      '@odata.type': '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction',
      identifierValue: 'ws-17',
      isolationType: 'full',
    },
  })
  assert.equal(task.status, 201, task.text)
  const manual = await expert.post('/beta/security/incidentTasks', {
    displayName: 'Call the owner',
    actionType: 'text',
    incident: { id: incidentId },
  })
  assert.equal(manual.status, 201, manual.text)
  return { incidentId, taskId: task.body.id }
}

async function signIn(page: Page, cordon: Cordon): Promise<void> {
  await page.goto(cordon.server.signInUrl ?? '')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Incidents' }).waitFor()
}

test(
  'a person signs in by the printed link, sees the incident, executes its task and sees its state change',
  {
    skip,
  },
  (t) =>
    browse(t, async (cordon, { page, faults }) => {
      const { incidentId, taskId } = await makeIncident(cordon)

      await signIn(page, cordon)
      const row = page.locator(`tr[data-incident="${incidentId}"]`)
      await row.getByRole('cell', { name: '1', exact: true }).first().waitFor()
      await row.getByRole('cell', { name: '2', exact: true }).waitFor()
      const cells = await row.locator('td').allTextContents()
      await row.getByRole('link').click()
      const card = page.locator(`[data-task="${taskId}"]`)
      await card.waitFor()
      const before = await card.locator('.chip').allTextContents()
      await card.getByRole('button', { name: 'Execute' }).click()
      await card.getByText('Action: failed').waitFor()
      await card.getByText('Last run: failed · ').waitFor()

      assert.deepEqual(cells.slice(0, 6), [incidentId, 'high', 'awaitingAction', attack, '1', '2'])
      assert.equal(new URL(page.url()).pathname, `/t/${cordon.tenantId}/incidents/${incidentId}`)
      assert.deepEqual(before, ['Task: open', 'Action: notStarted'])
      // No agent is enrolled, so the execution of this device fails: both fields say so, on the page and in the API.
      assert.deepEqual(await card.locator('.chip').allTextContents(), ['Task: failed', 'Action: failed'])
      const stored = await (await cordon.as('reader')).get(`/beta/security/incidentTasks/${taskId}`)
      assert.deepEqual([stored.body.status, stored.body.actionStatus], ['failed', 'failed'])
      assert.equal(stored.body.lastModifiedByDisplayName === '', false)
      assert.deepEqual(faults, [])
    }),
)

test(
  'text of an attacker stays text everywhere, and nothing breaks the content security policy',
  {
    skip,
  },
  (t) =>
    browse(t, async (cordon, { page, faults }) => {
      const { incidentId, taskId } = await makeIncident(cordon)
      const readPage = async () => ({
        pwned: await page.evaluate('window.pwned'),
        images: await page.locator('main img, main script').count(),
      })

      await signIn(page, cordon)
      const list = await readPage()
      await page.getByRole('link', { name: attack }).click()
      await page.locator(`[data-task="${taskId}"] h3`, { hasText: `Isolate ${attack}` }).waitFor()
      await page.locator('li', { hasText: attack }).waitFor()
      const detail = await readPage()

      assert.deepEqual(list, { pwned: undefined, images: 0 })
      assert.deepEqual(detail, { pwned: undefined, images: 0 })
      assert.equal(await page.locator('h1').textContent(), attack)
      assert.deepEqual(faults, [])
      assert.ok(incidentId)
    }),
)

test(
  'the policy itself holds: a script that writes markup or loads from elsewhere is stopped and reported',
  {
    skip,
  },
  (t) =>
    browse(t, async (cordon, { page, faults }) => {
      await signIn(page, cordon)

      const written = await page.evaluate(
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return 'written' } catch (e) { return e.name } })()",
      )
      await page.evaluate("document.body.append(Object.assign(new Image(), { src: 'https://127.0.0.1:1/x.png' }))")
      await page.waitForTimeout(200)

      assert.equal(written, 'TypeError')
      assert.ok(faults.some((fault) => fault.startsWith('CSP require-trusted-types-for')))
      assert.ok(faults.some((fault) => fault.startsWith('CSP img-src')))
    }),
)

test('signing out ends the session in the browser and on the server', { skip }, (t) =>
  browse(t, async (cordon, { context, page, faults }) => {
    await signIn(page, cordon)
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
  }),
)

test('an incident address of another tenant shows nothing of the own one with that number', { skip }, (t) =>
  browse(t, async (cordon, { page }) => {
    const { incidentId } = await makeIncident(cordon)
    await signIn(page, cordon)

    await page.goto(`${cordon.url}/t/6f0c0f0e-0000-4000-8000-00000000000b/incidents/${incidentId}`)

    await page.getByText('belongs to another tenant').waitFor()
    assert.equal(await page.getByText(attack).count(), 0)
  }),
)
