import type { Page } from 'playwright-core'

/** What a page took over a slow network. */
export interface Landing {
  /** Bytes over the wire, headers among them: pages, scripts, styles and data. */
  readonly bytes: number
  /** When the largest thing on the first screen was painted. */
  readonly paintedMs: number
}

/** @source GoogleChrome/lighthouse, docs/throttling.md, "Slow 4G" */
const slow4g = { latency: 150, downloadThroughput: (1_600 * 1_024) / 8, uploadThroughput: (750 * 1_024) / 8 }
const open = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 }

/** Opens a page that nothing is kept of, over a slow network with a slow processor, until `arrive` has seen what it waits for. */
export async function landSlowly(page: Page, arrive: () => Promise<void>): Promise<Landing> {
  const session = await page.context().newCDPSession(page)
  // The page from which one comes is still asking, and a page that is asked for again begins anew: only what the last one asked counts.
  let loader = ''
  const loaders = new Map<string, string>()
  const bytesOf = new Map<string, number>()
  session.on('Network.requestWillBeSent', ({ requestId, loaderId, type }) => {
    loaders.set(requestId, loaderId)
    if (type === 'Document') loader = loaderId
  })
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const by = loaders.get(requestId) ?? ''
    bytesOf.set(by, (bytesOf.get(by) ?? 0) + encodedDataLength)
  })
  await session.send('Network.enable')
  await session.send('Network.clearBrowserCache')
  await session.send('Network.setCacheDisabled', { cacheDisabled: true })
  await session.send('Network.emulateNetworkConditions', { offline: false, ...slow4g })
  await session.send('Emulation.setCPUThrottlingRate', { rate: 4 })
  await arrive()
  await page.waitForLoadState('load')
  const paintedMs = await readLargestPaint(page)
  await session.send('Emulation.setCPUThrottlingRate', { rate: 1 })
  await session.send('Network.emulateNetworkConditions', { offline: false, ...open })
  await session.detach()
  return { bytes: bytesOf.get(loader) ?? 0, paintedMs }
}

/** When the largest thing on the first screen was painted, in milliseconds from the start of the navigation. */
export async function readLargestPaint(page: Page): Promise<number> {
  const observe =
    "new Promise((done) => new PerformanceObserver((list) => done(list.getEntries().at(-1).startTime)).observe({ type: 'largest-contentful-paint', buffered: true }))"
  return Number(await page.evaluate(observe))
}
