import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { createSignInLink, createUser } from '../../src/access/users.ts'
import { instantOf, randomIds, systemClock } from '../../src/io/clock.ts'
import { databaseFile } from '../../src/io/data-dir.ts'
import { completeEntity } from '../../src/model/graph-validate.ts'
import { insertAlerts, type StoredAlert } from '../../src/store/alerts.ts'
import { openStore, type Store } from '../../src/store/db.ts'
import { allocateIncidentIds, insertIncidents } from '../../src/store/incidents.ts'
import { chunksOf } from '../../src/store/record.ts'
import { insertTask } from '../../src/store/tasks.ts'
import { fittingAction } from '../../test/support/given.ts'
import { type CordonProcess, startCordon } from '../cordon.ts'
import { prepareDatabase, type SeededDatabase } from '../scale/databases.ts'
import { observe } from './vitals.ts'

/** What the portal shows while it is measured. */
export interface Seen extends SeededDatabase {
  /** An incident with 5,000 alerts about 500 things. */
  readonly largeId: string
  /** A task of it that waits. */
  readonly largeTaskId: string
}

/** A server, and a browser in which somebody is signed in. */
export interface Stage {
  readonly seen: Seen
  readonly server: CordonProcess
  readonly url: string
  /** An empty page of that person, with caches as empty; it keeps its vitals. Closed with its context. */
  freshPage(): Promise<Page>
  /** The address of a screen of the tenant. */
  address(screen: string): string
  close(): Promise<void>
}

/**
 * The browser's own window, of which its bars take 87 pixels. With the size of a page set from outside, as a test does, the surface that is
 * shown stays without what the bars took: what changes in the lowest lines of the page alone makes no frame, and Event Timing waits for one.
 */
const windowSize = '1366,855'
const largeAlerts = 5_000
const largeThings = 500
const largeAtMs = Date.parse('2026-07-02T00:00:00Z')

/** Fills a folder with incidents and the large one. @param say is told of long work */
export async function seedPortal(dataDir: string, incidents: number, say: (text: string) => void): Promise<Seen> {
  const seeded = await prepareDatabase({ dataDir, cluster: undefined, incidents }, say)
  const store = await openStore(databaseFile(dataDir))
  try {
    const largeId = await addLarge(store, seeded.tenantId)
    return { ...seeded, largeId, largeTaskId: await addTask(store, seeded.tenantId, largeId) }
  } finally {
    await store.close()
  }
}

async function addLarge(store: Store, tenantId: string): Promise<string> {
  const at = instantOf(largeAtMs)
  const id = await store.transaction(async (tx) => {
    const [allocated = ''] = await allocateIncidentIds(tx, 1)
    const { incidentWebUrl: _, ...doc } = completeEntity(
      'incident',
      { id: allocated, tenantId, displayName: 'Worm across the campus', status: 'active', severity: 'high' },
      at,
    )
    const stored = { doc, firstActivityAt: at, lastActivityAt: at, personSet: [], version: 0 }
    await insertIncidents(tx, [{ ...stored, alertCount: largeAlerts }])
    return allocated
  })
  const numbers = Array.from({ length: largeAlerts }, (_, number) => number)
  for (const chunk of chunksOf(numbers, 500)) {
    await store.transaction((tx) =>
      insertAlerts(
        tx,
        chunk.map((number) => makeAlert(tenantId, id, number)),
      ),
    )
  }
  return id
}

async function addTask(store: Store, tenantId: string, incidentId: string): Promise<string> {
  const target = fittingAction('isolateDevice', 'ws-7')
  const { incident: _, ...doc } = completeEntity(
    'incidentTask',
    {
      id: randomIds.guid(),
      displayName: 'Isolate ws-7',
      description: 'It was the first to talk to a known bad address, and reaches every other host of the campus.',
      ...{ status: 'open', source: 'defenderExpertsGuidedResponse', actionStatus: 'notStarted' },
      ...{ actionType: 'isolateDevice', responseAction: target },
      createdByDisplayName: 'Response expert',
    },
    instantOf(largeAtMs),
  )
  await store.transaction((tx) =>
    insertTask(tx, { tenantId, doc, incidentId, proposedBy: null, reopened: false, version: 0 }),
  )
  return doc.id
}

function makeAlert(tenantId: string, incidentId: string, number: number): StoredAlert {
  const at = instantOf(largeAtMs + number * 1_000)
  const id = `cdf0${incidentId}${String(number).padStart(8, '0')}`
  const half = largeThings / 2
  const host = { '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: `ws-${number % half}` } as const
  const account = { accountName: `user-${(number * 7) % half}` }
  const person = { '@odata.type': '#microsoft.graph.security.userEvidence', userAccount: account } as const
  const evidence = [
    { ...host, createdDateTime: at },
    { ...person, createdDateTime: at },
  ]
  const named = { id, tenantId, providerAlertId: id, title: `Rule ${number % 90}`, evidence }
  const kind = { severity: 'high', status: 'new', serviceSource: 'unknown', category: 'LateralMovement' } as const
  const times = { createdDateTime: at, lastUpdateDateTime: at, firstActivityDateTime: at, lastActivityDateTime: at }
  const {
    alertWebUrl: _alertLink,
    incidentWebUrl: _incidentLink,
    incidentId: _incident,
    ...doc
  } = completeEntity('alert', { ...named, ...kind, ...times }, at)
  return { doc, incidentId, source: 'bench', providerAlertId: id, version: 0 }
}

/** Starts the server over TLS, as it is by default, and signs an expert in with the Chromium of the system. */
export async function openStage(seen: Seen): Promise<Stage> {
  const server = await startCordon(seen.dataDir, { http: false, host: 'localhost' })
  const ends = [() => server.stop()]
  const close = async (): Promise<void> => {
    for (const end of ends.reverse()) await end()
  }
  try {
    // The name, not the address: links of the API lead to the name.
    const url = server.url.replace('127.0.0.1', 'localhost')
    const browser = await launch(seen.dataDir)
    ends.push(() => browser.close())
    const signedIn = await signIn(browser, `${url}${await makeLink(seen)}`)
    const freshPage = async (): Promise<Page> => {
      const page = await (await browser.newContext({ viewport: null, storageState: signedIn })).newPage()
      await observe(page)
      return page
    }
    const address = (screen: string): string => `${url}/t/${seen.tenantId}/${screen}`
    return { seen, server, url, freshPage, address, close }
  } catch (cause) {
    await close()
    throw cause
  }
}

type StorageState = Awaited<ReturnType<BrowserContext['storageState']>>

async function signIn(browser: Browser, link: string): Promise<StorageState> {
  const context = await browser.newContext({ viewport: null })
  const page = await context.newPage()
  await page.goto(link)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.locator('[role=grid] [role=row][data-id]').first().waitFor()
  const state = await context.storageState()
  await context.close()
  return state
}

async function makeLink({ dataDir, tenantId }: Seen): Promise<string> {
  const store = await openStore(databaseFile(dataDir))
  try {
    const deps = { store, clock: systemClock, ids: randomIds }
    const actor = { tenantId, id: 'bench', kind: 'system', name: 'bench' } as const
    const user = await createUser(deps, actor, { name: `bench ${randomIds.guid().slice(0, 8)}`, role: 'expert' })
    return (await createSignInLink(deps, actor, user)).path
  } finally {
    await store.close()
  }
}

function launch(dataDir: string): Promise<Browser> {
  const { publicKey } = new X509Certificate(readFileSync(join(dataDir, 'tls/server.crt')))
  const spki = createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64')
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync']
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    // Trusts the key of this server and no other.
    args: [
      '--no-sandbox',
      '--headless',
      `--window-size=${windowSize}`,
      ...quiet,
      `--ignore-certificate-errors-spki-list=${spki}`,
    ],
  })
}
