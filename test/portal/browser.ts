import { createHash, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type BrowserContext,
  type Browser as ChromiumBrowser,
  chromium,
  type Page,
  type Request,
} from 'playwright-core'
import { createSignInLink, createUser } from '../../src/access/users.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import type { OutboundOptions } from '../../src/io/outbound.ts'
import type { RoleName } from '../../src/model/permissions.ts'
import { ensurePortal } from '../../tools/portal/build.ts'
import type { Ending } from '../support/cleanup.ts'
import { type Cordon, startCordon } from '../support/cordon.ts'
import { giveTenant, type Tenant } from '../support/given.ts'

const executablePath = '/usr/bin/chromium'
/** Why the browser tests are left out, or false. */
export const skip: string | false = existsSync(executablePath) ? false : `${executablePath} is not here`

/** A person in front of a browser with nothing of anybody else in it. */
export interface Person {
  readonly context: BrowserContext
  readonly page: Page
  /** CSP violations, console errors, failed scripts. */
  readonly faults: string[]
  /** Opens an address of the portal and waits until it is painted. */
  open(path: string): Promise<void>
}

/** A server, its first tenant, and people to send there. */
export interface Stage {
  readonly cordon: Cordon
  readonly tenant: Tenant
  /** Somebody of that role, signed in and looking at the incidents. */
  enter(role: RoleName, look?: Look): Promise<Person>
  /** A browser in which nobody is signed in. */
  visit(look?: Look): Promise<Person>
}

/** How the browser's window is. */
export interface Look {
  readonly width?: number
  readonly height?: number
  readonly dark?: boolean
  /** A phone: a finger in place of a pointer. */
  readonly touch?: boolean
  /** The zone that the person's machine is in. */
  readonly zone?: string
}

/** What of the world around the portal is not as usual. */
export interface Setting {
  readonly outbound?: OutboundOptions
  /** PEM of certificates of other servers that the browser meets. */
  readonly trusted?: readonly string[]
}

/** A test with a server and a browser of its own. */
export function browserTest(
  name: string,
  work: (stage: Stage, t: TestContext) => Promise<void>,
  setting: Setting = {},
): void {
  test(name, { skip }, (t) => stand(t, (stage) => work(stage, t), setting))
}

/** The same without a test around it. */
export async function openStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  const ends: (() => unknown)[] = []
  try {
    await stand({ after: (end) => void ends.push(end) }, work)
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

/** The browser is closed before the server stops: its open connections would hold up the server's drain. */
async function stand(
  ending: Ending,
  work: (stage: Stage) => Promise<void>,
  { outbound, trusted = [] }: Setting = {},
): Promise<void> {
  await ensurePortal()
  const cordon = await startCordon(ending, outbound === undefined ? {} : { outbound })
  const browser = await launch(cordon, trusted)
  try {
    const tenant = await giveTenant(cordon, cordon.tenantId)
    const visit = (look: Look = {}): Promise<Person> => openPerson(cordon, browser, look)
    await work({ cordon, tenant, visit, enter: (role, look) => signIn(cordon, role, visit(look)) })
  } finally {
    await browser.close()
  }
}

function launch(cordon: Cordon, trusted: readonly string[]): Promise<ChromiumBrowser> {
  const own = readFileSync(join(cordon.dataDir, 'tls', 'server.crt'))
  const spki = [own, ...trusted].map((pem) =>
    createHash('sha256')
      .update(new X509Certificate(pem).publicKey.export({ format: 'der', type: 'spki' }))
      .digest('base64'),
  )
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--headless',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Trusts the keys of these servers and no other.
      `--ignore-certificate-errors-spki-list=${spki.join(',')}`,
    ],
  })
}

/** The suites beside this one make network interfaces, at which Chromium drops what it is loading; the page asks again. */
export const weather: RegExp = /ERR_NETWORK_CHANGED/

/** Goes to an address again, or loads it again, when the interfaces of others changed on the way. */
export function bearWeather(page: Page): void {
  const [goto, reload] = [page.goto.bind(page), page.reload.bind(page)]
  const bear = async <T>(go: () => Promise<T>): Promise<T> => {
    for (let turn = 1; ; turn++) {
      try {
        return await go()
      } catch (error) {
        if (turn === 10 || !weather.test(String(error))) throw error
      }
    }
  }
  page.goto = (...to) => bear(() => goto(...to))
  page.reload = (...how) => bear(() => reload(...how))
}

async function openPerson(cordon: Cordon, browser: ChromiumBrowser, look: Look): Promise<Person> {
  const { width = 1366, height = 768, dark = false, touch = false, zone } = look
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    hasTouch: touch,
    isMobile: touch,
    ...(zone === undefined ? {} : { timezoneId: zone }),
  })
  const faults: string[] = []
  await context.exposeBinding('reportFault', (_source, text: string) => void faults.push(text))
  await context.addInitScript(
    "document.addEventListener('securitypolicyviolation', (e) => window.reportFault('CSP ' + e.violatedDirective + ' ' + e.blockedURI))",
  )
  context.on('page', bearWeather)
  // Of every page that is opened later as well.
  context.setDefaultTimeout(60_000)
  const page = await context.newPage()
  const dropped = new Set<string>()
  page.on('requestfailed', (request) => {
    if (weather.test(request.failure()?.errorText ?? '')) dropped.add(request.url())
  })
  // A module that was dropped is told by its address alone.
  const isWeather = (said: string): boolean => weather.test(said) || [...dropped].some((url) => said.includes(url))
  page.on('console', (message) => {
    if (message.type() === 'error' && !isWeather(message.text())) faults.push(`console ${message.text()}`)
  })
  page.on('pageerror', (error) => {
    if (!isWeather(error.message)) faults.push(`script ${error.message}`)
  })
  const open = async (path: string): Promise<void> => {
    await goAndWait(page, () => page.goto(`${cordon.url}${path}`))
  }
  return { context, page, faults, open }
}

/** A page that is not painted by then misses something, and nobody heard of it. */
const slowMs = 30_000

/** Goes somewhere and waits until that is painted. */
async function goAndWait(page: Page, go: () => Promise<unknown>): Promise<void> {
  // A document can show its heading before the scripts have run; nothing can be pressed then.
  const heading = page.locator('html[data-ready="true"] main h1').first()
  const turns = 5
  let isThere = false
  for (let turn = 1; turn < turns; turn++) {
    // Only a page of which something was dropped begins anew: one that is merely slow would ask for everything twice.
    const loss = awaitLoss(page)
    try {
      await (isThere ? page.reload() : go())
      isThere = true
      const painted = heading.waitFor({ timeout: slowMs }).then(
        () => 'painted' as const,
        () => 'late' as const,
      )
      const outcome = await Promise.race([painted, loss.lost])
      if (outcome === 'painted') return
      isThere = outcome === 'late' || !outcome.isNavigationRequest()
    } catch (error) {
      // The document itself was dropped.
      if (isThere || !weather.test(String(error))) throw error
    } finally {
      loss.stop()
    }
  }
  await heading.waitFor()
}

/**
 * Resolves when something that a page begins with is dropped on its way, for which it asks no second time: its document, a script, a style,
 * or who is signed in.
 */
function awaitLoss(page: Page): { readonly lost: Promise<Request>; readonly stop: () => void } {
  let stop = (): void => {}
  const lost = new Promise<Request>((resolve) => {
    const hear = (request: Request): void => {
      const isPart = ['document', 'script', 'stylesheet', 'fetch'].includes(request.resourceType())
      if (isPart && weather.test(request.failure()?.errorText ?? '')) resolve(request)
    }
    page.on('requestfailed', hear)
    stop = () => void page.off('requestfailed', hear)
  })
  return { lost, stop }
}

async function signIn(cordon: Cordon, role: RoleName, arriving: Promise<Person>): Promise<Person> {
  const person = await arriving
  const access = { store: cordon.store, clock: systemClock, ids: randomIds }
  const actor = { tenantId: cordon.tenantId, id: 'test', kind: 'system', name: 'test' } as const
  const id = await createUser(access, actor, { name: `${role} ${randomIds.guid().slice(0, 8)}`, role })
  await goAndWait(person.page, async () => {
    // A link holds once, and whether the server had it is not known of one that was dropped.
    const link = await createSignInLink(access, actor, id)
    await person.page.goto(`${cordon.url}${link.path}`)
    await person.page.getByRole('button', { name: 'Sign in' }).click()
    await person.page.waitForURL((url) => url.pathname !== '/login')
  })
  await person.page.getByRole('heading', { name: 'Incidents' }).waitFor()
  return person
}

/**
 * The addresses with that part in them which the page asks for, from the last time its document was asked for. What the interfaces of others
 * dropped on its way is asked for again, and counts once.
 */
export function listenForRequests(page: Page, part: string): readonly string[] {
  const asked: string[] = []
  page.on('request', (request) => {
    if (request.isNavigationRequest()) asked.length = 0
    else if (request.url().includes(part)) asked.push(request.url())
  })
  page.on('requestfailed', (request) => {
    const at = asked.indexOf(request.url())
    if (at >= 0 && weather.test(request.failure()?.errorText ?? '')) asked.splice(at, 1)
  })
  return asked
}

/** Presses two keys that belong together, both sent before either is answered: a pair counts within a second only. */
export async function pressPair(page: Page, first: string, second: string): Promise<void> {
  await Promise.all([page.keyboard.press(first), page.keyboard.press(second)])
}

/** The address of a screen of the tenant. */
export function screenOf(cordon: Cordon, rest: string): string {
  return `/t/${cordon.tenantId}/${rest}`
}
