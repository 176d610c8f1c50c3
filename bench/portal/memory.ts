import type { CDPSession, Page } from 'playwright-core'
import type { Stage } from './stage.ts'

/** What a page holds that stays open while much happens. */
export interface MemoryFigures {
  /** Bytes of its script and of what stands behind its elements, after the garbage was collected. */
  readonly heldBytes: number
  /** So many came with an hour of ten events a second. */
  readonly grownBytes: number
  /** Elements and listeners that came with them. */
  readonly nodesMore: number
  readonly listenersMore: number
}

interface Held {
  readonly bytes: number
  readonly nodes: number
  readonly listeners: number
}

/** What ten a second make in an hour. */
const events = 36_000
/** By then code is compiled, and what is made once is there. */
const warmUpEvents = 6_000
const batch = 1_200
const batchEveryMs = 400
/** Longer than the page waits until it shows what came. */
const restMs = 3_000
/** Rows that change: the first ones, which are in sight. */
const rowsChanged = 40

/**
 * Keeps the queue open while an hour of events reaches it in some seconds. They come from another page of the same person, by the channel over
 * which one tab tells the others what the server said: the server's own stream would take the hour. Of ten, one opens an incident, one brings
 * an alert, eight change a row that is shown, which the page reads anew from the server.
 */
export async function measureMemory({ freshPage, address, seen }: Stage): Promise<MemoryFigures> {
  const page = await freshPage()
  try {
    await page.goto(address('incidents'))
    await page.locator('[data-live=live]').waitFor()
    const rows = page.locator('[role=grid] [role=row][data-id]')
    const ids = await rows.evaluateAll((all) => all.map((row) => row.getAttribute('data-id') ?? ''))
    const teller = await openTeller(page, address('incidents'), seen.tenantId)
    const devtools = await page.context().newCDPSession(page)
    await tell(teller, ids, 0, warmUpEvents)
    await page.waitForTimeout(restMs)
    const before = await readHeld(devtools)
    await tell(teller, ids, warmUpEvents, warmUpEvents + events)
    await page.waitForTimeout(restMs)
    await page.getByRole('button', { name: /^Show .* new$/ }).waitFor()
    const after = await readHeld(devtools)
    return {
      heldBytes: after.bytes,
      grownBytes: after.bytes - before.bytes,
      nodesMore: after.nodes - before.nodes,
      listenersMore: after.listeners - before.listeners,
    }
  } finally {
    await page.context().close()
  }
}

/** Another page of the same origin and person, which is none of the portal. */
async function openTeller(page: Page, queue: string, tenantId: string): Promise<Page> {
  const teller = await page.context().newPage()
  await teller.goto(new URL('/assets/icon.svg', queue).href)
  await teller.evaluate(
    `fetch('/auth/session').then((answer) => answer.json()).then(({ tenants }) => {
      const { user } = tenants.find(({ id }) => id === ${JSON.stringify(tenantId)})
      window.channel = new BroadcastChannel('cordon ${tenantId} ' + user.id)
    })`,
  )
  return teller
}

/** Numbers of their own, far beyond those of the server, so that none is taken for one that the page has heard. */
const firstNumber = 1e12

async function tell(teller: Page, ids: readonly string[], from: number, to: number): Promise<void> {
  for (let first = from; first < to; first += batch) {
    const news = Array.from({ length: Math.min(batch, to - first) }, (_, index) => makeNews(first + index, ids))
    await teller.evaluate(`${JSON.stringify(news)}.forEach((one) => channel.postMessage({ news: one }))`)
    await teller.waitForTimeout(batchEveryMs)
  }
}

function makeNews(number: number, ids: readonly string[]) {
  const [resource, id, change] =
    number % 10 === 0
      ? ['incident', String(9_000_000 + number), 'created']
      : number % 10 === 5
        ? ['alert', `cdf${number}`, 'created']
        : ['incident', ids[number % Math.min(rowsChanged, ids.length)] ?? '', 'updated']
  return { kind: 'change', change: { seq: firstNumber + number, resource, id, change, tenant: null } }
}

async function readHeld(devtools: CDPSession): Promise<Held> {
  // What the first collection lets go of, the next one finds.
  for (let turn = 0; turn < 3; turn++) await devtools.send('HeapProfiler.collectGarbage')
  const { usedSize, embedderHeapUsedSize, backingStorageSize } = await devtools.send('Runtime.getHeapUsage')
  const { nodes, jsEventListeners: listeners } = await devtools.send('Memory.getDOMCounters')
  return { bytes: usedSize + embedderHeapUsedSize + backingStorageSize, nodes, listeners }
}
