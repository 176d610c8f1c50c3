import type { Page } from 'playwright-core'

/** What a page notes of itself, by the browser's own measures. Times in milliseconds since the navigation began. */
interface Vitals {
  readonly lcp: number
  readonly shift: number
  /** Event Timing of keys: from the key to the frame that shows what it did. */
  readonly keys: readonly number[]
  readonly longestTask: number
  /** When the answer with the alerts had come, and when the story was drawn from it. */
  readonly alertsCame: number
  readonly storyDrawn: number
}

const notes = `
  window.vitals = { lcp: 0, shift: 0, keys: [], longestTask: 0, alertsCame: 0, storyDrawn: 0 }
  const note = (type, take, more) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more })
  note('largest-contentful-paint', ({ startTime }) => { vitals.lcp = startTime })
  note('layout-shift', ({ value, hadRecentInput }) => { if (!hadRecentInput) vitals.shift += value })
  note('event', ({ name, duration }) => { if (name === 'keydown') vitals.keys.push(duration) }, { durationThreshold: 16 })
  note('longtask', ({ duration }) => { vitals.longestTask = Math.max(vitals.longestTask, duration) })
  note('resource', ({ name, responseEnd }) => { if (name.includes('/alerts_v2?')) vitals.alertsCame ||= responseEnd })
  new MutationObserver((_changes, observer) => {
    if (document.querySelector('[data-story=drawn] [data-entity-id]') === null) return
    observer.disconnect()
    // With the frame that shows it.
    requestAnimationFrame(() => setTimeout(() => { vitals.storyDrawn = performance.now() }))
  }).observe(document, { subtree: true, childList: true, attributes: true })
`

/** Lets a page note its vitals from now on. */
export async function observe(page: Page): Promise<void> {
  await page.addInitScript(notes)
}

/** Reads the vitals of the page. */
export async function readVitals(page: Page): Promise<Vitals> {
  // What stands there was written by the script above.
  return (await page.evaluate('window.vitals')) as Vitals
}

/** Forgets the keys so far. */
export async function forgetKeys(page: Page): Promise<void> {
  await page.evaluate('window.vitals.keys.length = 0')
}
