import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { Cordon } from '../support/cordon.ts'
import { operationsOf } from '../support/openapi.ts'
import { shareCordon } from '../support/shared-cordon.ts'
import { bearWeather, weather } from './browser.ts'

const executablePath = '/usr/bin/chromium'
const skip = existsSync(executablePath) ? false : `${executablePath} is not here`

/** A page on a server, and what went on behind it. */
interface View {
  readonly cordon: Cordon
  readonly page: Page
  /** CSP violations, console errors, failed scripts. */
  readonly faults: string[]
  /** URLs asked for. */
  readonly requests: string[]
}

let browser: Browser | undefined

async function launch(): Promise<Browser> {
  const { dataDir } = await shareCordon()
  const certificate = new X509Certificate(readFileSync(join(dataDir, 'tls', 'server.crt')))
  const key = certificate.publicKey.export({ format: 'der', type: 'spki' })
  const spki = createHash('sha256').update(key).digest('base64')
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync']
  // Trusts this server's key and no other.
  const args = ['--no-sandbox', '--headless', ...quiet, `--ignore-certificate-errors-spki-list=${spki}`]
  return chromium.launch({ executablePath, args })
}

async function browse(work: (view: View) => Promise<void>): Promise<void> {
  browser ??= await launch()
  const page = await browser.newPage()
  page.setDefaultTimeout(60_000)
  bearWeather(page)
  const faults: string[] = []
  const requests: string[] = []
  await page.exposeBinding('reportFault', (_source, text: string) => void faults.push(text))
  await page.addInitScript(
    "document.addEventListener('securitypolicyviolation', (e) => window.reportFault('CSP ' + e.violatedDirective + ' ' + e.blockedURI))",
  )
  page.on('console', (message) => {
    if (message.type() === 'error' && !weather.test(message.text())) faults.push(`console ${message.text()}`)
  })
  page.on('pageerror', (error) => faults.push(`script ${error.message}`))
  page.on('request', (request) => void requests.push(request.url()))
  await work({ cordon: await shareCordon(), page, faults, requests })
  await page.close()
}

describe('the page of the API', { skip }, () => {
  // Closed before the server stops: its open connections would hold up the server's drain.
  after(() => browser?.close())

  test('shows every operation, from its own origin only and within its policy', () =>
    browse(async ({ cordon, page, faults, requests }) => {
      const document = (await cordon.anonymous.get('/api/v1/openapi.json')).body
      const ids = operationsOf(document).map(([, , { operationId }]) => operationId)

      const response = await page.goto(`${cordon.url}/api/v1/docs`)
      await page.locator('.operation').first().waitFor()

      const shown = await page.locator('.operation').evaluateAll((all: { id: string }[]) => all.map(({ id }) => id))
      assert.deepEqual(shown.sort(), ids.sort())
      assert.equal(await page.locator('nav a').count(), ids.length)
      assert.deepEqual(faults, [])
      assert.deepEqual([...new Set(requests.map((url) => new URL(url).origin))], [cordon.url])
      const policy = response?.headers()['content-security-policy'] ?? ''
      assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/)
      assert.doesNotMatch(policy, /unsafe|https?:/)
    }))

  test(
    'the page of the API opens an operation with its parameters, bodies and answers, and schemas inside schemas',
    { skip },
    () =>
      browse(async ({ cordon, page, faults }) => {
        await page.goto(`${cordon.url}/api/v1/docs#createIncidentTask`)
        const operation = page.locator('#createIncidentTask')
        await operation.getByRole('heading', { name: 'Answers' }).waitFor()

        const texts = await operation.locator('> .inside > p, > .inside > pre').allTextContents()
        await operation.getByText('application/json', { exact: true }).first().click()
        const open = (name: string): Promise<void> => operation.locator('summary', { hasText: name }).first().click()
        await open('responseAction: microsoft.graph.security.incidentTaskResponseAction')
        await open('microsoft.graph.security.isolateDeviceIncidentTaskResponseAction')
        const isolation = operation.getByRole('row').filter({ hasText: 'isolationType' })
        await isolation.first().waitFor()

        assert.match(texts.join(), /Needs one of: Cordon.Expert/)
        assert.match(texts.join(), new RegExp(`curl --request POST .*'${cordon.url}/beta/security/incidentTasks'`))
        assert.deepEqual(faults, [])
      }),
  )

  test('finds operations by their words', () =>
    browse(async ({ cordon, page }) => {
      await page.goto(`${cordon.url}/api/v1/docs`)
      await page.locator('.operation').first().waitFor()

      await page.getByRole('searchbox').fill('post incidenttasks execute')

      const shown = await page
        .locator('.operation:visible')
        .evaluateAll((all: { id: string }[]) => all.map(({ id }) => id))
      assert.deepEqual(shown, ['executeResponseAction'])
      assert.equal(await page.locator('nav a:visible').count(), 1)
    }))
})
