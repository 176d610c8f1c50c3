import { landSlowly } from '../../test/portal/slow-network.ts'
import { medianOf } from '../random.ts'
import type { Stage } from './stage.ts'

const openings = 5

/**
 * From the call of a task's address to its largest text, on a phone over slow 4G with a slow processor and empty caches. Milliseconds, median of
 * several.
 */
export async function measureDeepLink({ freshPage, address, seen }: Stage): Promise<number> {
  const took: number[] = []
  for (let opening = 0; opening < openings; opening++) {
    const page = await freshPage()
    await page.setViewportSize({ width: 390, height: 844 })
    const { paintedMs } = await landSlowly(page, async () => {
      await page.goto(address(`incidents/${seen.largeId}/tasks/${seen.largeTaskId}`))
      await page.locator('html[data-ready=true] [data-task-id] button[aria-disabled=false]').first().waitFor()
    })
    took.push(paintedMs)
    await page.context().close()
  }
  return medianOf(took)
}
