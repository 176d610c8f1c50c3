import type { Page } from 'playwright-core'
import { medianOf } from '../random.ts'
import { trace } from './trace.ts'
import { forgetKeys, readVitals } from './vitals.ts'

/** What a list of many rows does in a browser. All times in milliseconds. */
export interface ListFigures {
  /** From the call of the address to the largest text, with nothing of the page known before. */
  readonly lcpMs: number
  /** Sum of what moved by itself. @source Layout Instability, W3C draft */
  readonly layoutShift: number
  /** Script between one frame and the next while it is scrolled: processor time, and by the clock on the wall. */
  readonly frameCpuMs: readonly number[]
  readonly frameWallMs: readonly number[]
  readonly longestTaskMs: number
  readonly elements: number
  /** Samples in which some place of the list had no row, of how many. */
  readonly blank: number
  readonly samples: number
  /** Rows that came into sight. */
  readonly rows: number
  /** From the key to the frame that shows it, as Event Timing has it: in steps of 8 ms, nothing below 16. */
  readonly moveMs: readonly number[]
  readonly typeMs: readonly number[]
}

const rowsShown = '[role=grid] [role=row][data-id]'
const rowPixels = 36
const wheels = 40
const wheelPixels = 700
const wheelEveryMs = 100
const coldStarts = 5
const leastMs = 16

/** In the page: what scrolls, how far it is, and whether every place of it that is looked at shows a row. */
const scroller =
  "[...document.querySelectorAll('[role=grid], [role=grid] [role=rowgroup]')].find((one) => one.scrollHeight > one.clientHeight + 1)"
const scrolledTo = `${scroller}.scrollTop`
const isCovered = `(() => {
  const { top, left, width, bottom } = ${scroller}.getBoundingClientRect()
  const height = Math.min(bottom, innerHeight) - top
  const places = Array.from({ length: 24 }, (_, at) => top + 4 + ((height - 8) * at) / 23)
  return places.every((y) => document.elementFromPoint(left + width / 2, y)?.closest('[role=row][data-id]'))
})()`

/** Looks at a list cold, scrolls it for four seconds, and moves the focus and types in its filter. */
export async function measureList(open: () => Promise<Page>, address: string): Promise<ListFigures> {
  const first: number[] = []
  const shifts: number[] = []
  for (let start = 0; start < coldStarts; start++) {
    const page = await openList(open, address)
    await page.waitForTimeout(700)
    const { lcp, shift } = await readVitals(page)
    first.push(lcp)
    shifts.push(shift)
    await page.context().close()
  }
  const page = await openList(open, address)
  await page.waitForTimeout(1_500)
  const moveMs = await pressKeys(page, ['j', 'j', 'j', 'k'], 60)
  const scrolled = await scroll(page)
  await page.getByLabel('Filter by name').focus()
  const typeMs = await pressKeys(page, [...'web-1234'], 24)
  await page.context().close()
  return { lcpMs: medianOf(first), layoutShift: Math.max(...shifts), ...scrolled, moveMs, typeMs }
}

async function openList(open: () => Promise<Page>, address: string): Promise<Page> {
  const page = await open()
  await page.goto(address)
  await page.locator(rowsShown).first().waitFor()
  return page
}

async function scroll(page: Page): Promise<Omit<ListFigures, 'lcpMs' | 'layoutShift' | 'moveMs' | 'typeMs'>> {
  await page.mouse.move(600, 500)
  const before = Number(await page.evaluate(scrolledTo))
  const { frames, taskMs } = await trace(page, () => turnWheel(page, async () => {}))
  const rows = Math.round((Number(await page.evaluate(scrolledTo)) - before) / rowPixels)
  let [elements, blank] = [0, 0]
  // Looking is script of its own, so it is done in another four seconds, further down.
  await turnWheel(page, async () => {
    if (!(await page.evaluate(isCovered))) blank += 1
    elements = Math.max(elements, Number(await page.evaluate("document.querySelectorAll('*').length")))
  })
  return {
    frameCpuMs: frames.map(({ cpuMs }) => cpuMs),
    frameWallMs: frames.map(({ wallMs }) => wallMs),
    ...{ longestTaskMs: Math.max(...taskMs), elements, blank, samples: wheels, rows },
  }
}

async function turnWheel(page: Page, look: () => Promise<void>): Promise<void> {
  for (let wheel = 0; wheel < wheels; wheel++) {
    await page.mouse.wheel(0, wheelPixels)
    await page.waitForTimeout(wheelEveryMs)
    await look()
  }
}

async function pressKeys(page: Page, keys: readonly string[], presses: number): Promise<number[]> {
  await forgetKeys(page)
  for (let press = 0; press < presses; press++) {
    await page.keyboard.press(keys[press % keys.length] ?? 'j')
    await page.waitForTimeout(80)
  }
  await page.waitForTimeout(300)
  const { keys: seen } = await readVitals(page)
  // What Event Timing leaves out took less than it notes.
  return [...seen, ...Array.from({ length: Math.max(0, presses - seen.length) }, () => leastMs)]
}
