import { join } from 'node:path'
import { quantileOf } from '../random.ts'
import type { Row } from '../report.ts'
import { measureDeepLink } from './deep-link.ts'
import { measureIncident, measureLive } from './incident.ts'
import { type ListFigures, measureList } from './list.ts'
import { type MemoryFigures, measureMemory } from './memory.ts'
import { servePlain } from './plain.ts'
import { openStage, type Stage, seedPortal } from './stage.ts'

/** What is measured. */
export interface PortalPlan {
  readonly incidents: number
  /** Folder of the database, kept for the next run; within the bench's own without. */
  readonly folder: string | undefined
}

const floorName = 'bare page with rows of the same make, no framework, no data'

/**
 * Drives the built portal in Chromium against a server with very many incidents, beside a bare page in the same browser.
 * @source design portal 11 for the targets
 */
export async function measurePortal(folder: string, plan: PortalPlan, say: (text: string) => void): Promise<Row[]> {
  say(`seeding ${plan.incidents} incidents`)
  const seen = await seedPortal(plan.folder ?? join(folder, 'portal'), plan.incidents, say)
  const stage = await openStage(seen)
  const plain = await servePlain(plan.incidents)
  try {
    say('bytes')
    const rows = await measureBytes(stage)
    say('bare list')
    const floor = await measureList(stage.freshPage, plain.url)
    say('list of incidents')
    rows.push(...listRows(await measureList(stage.freshPage, stage.address('incidents')), floor))
    say('deep link over slow 4G')
    rows.push(msRow('deep link, slow 4G, LCP', await measureDeepLink(stage), 2_000))
    say('event to screen')
    rows.push(liveRow(await measureLive(stage)))
    say('incident with 5,000 alerts')
    const { interactiveMs, storyMs, longestTaskMs, nodes } = await measureIncident(stage)
    say('memory of an open page')
    return [
      ...rows,
      msRow('incident of 5,000 alerts interactive, cold', interactiveMs, 1_500),
      msRow('its story drawn, after its alerts came', storyMs, 400),
      msRow('longest task while it opens', longestTaskMs, 100),
      { name: 'nodes of its story', value: nodes, unit: 'nodes', target: { of: 'value', most: 60 } },
      ...memoryRows(await measureMemory(stage)),
    ]
  } finally {
    plain.close()
    await stage.close()
  }
}

function memoryRows({ heldBytes, grownBytes, nodesMore, listenersMore }: MemoryFigures): Row[] {
  const megabytes = (name: string, bytes: number, most: number): Row => ({
    ...{ name, value: bytes / 1e6, unit: 'MB', target: { of: 'value', most } },
  })
  return [
    megabytes('memory of an open queue', heldBytes, 120),
    megabytes('its growth with an hour of 10 events/s', grownBytes, 1),
    { name: 'elements it gained', value: nodesMore, unit: 'elements' },
    { name: 'listeners it gained', value: listenersMore, unit: 'listeners' },
  ]
}

function msRow(name: string, value: number, most: number): Row {
  return { name, value, unit: 'ms', target: { of: 'value', most } }
}

/** As they come over the wire on the first screen, compressed. */
async function measureBytes({ freshPage, address }: Stage): Promise<Row[]> {
  const page = await freshPage()
  await page.goto(address('incidents'))
  await page.locator('[role=grid] [role=row][data-id]').first().waitFor()
  const files = await page.evaluate(
    "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize])",
  )
  await page.context().close()
  // Made by the expression above.
  const sizes = files as [path: string, bytes: number][]
  const sum = (isCounted: (path: string) => boolean): number =>
    sizes.reduce((bytes, [path, size]) => bytes + (isCounted(path) ? size : 0), 0) / 1_024
  const isScript = (path: string): boolean => path.endsWith('.js')
  const isOfPage = (path: string): boolean => path.startsWith('/assets/') || path.startsWith('/t/')
  return [
    { name: 'script of the queue, gzip', value: sum(isScript), unit: 'KiB', target: { of: 'value', most: 150 } },
    { name: 'all files of the queue, gzip', value: sum(isOfPage), unit: 'KiB', target: { of: 'value', most: 190 } },
  ]
}

function listRows(list: ListFigures, floor: ListFigures): Row[] {
  const p95 = (of: (figures: ListFigures) => readonly number[], name: string, most: number): Row => ({
    ...msRow(name, quantileOf(of(list), 0.95), most),
    floor: quantileOf(of(floor), 0.95),
    floorName,
    p50Ms: quantileOf(of(list), 0.5),
    p99Ms: quantileOf(of(list), 0.99),
  })
  const most = (of: 'lcpMs' | 'longestTaskMs', name: string, limit: number): Row => ({
    ...msRow(name, list[of], limit),
    floor: floor[of],
    floorName,
  })
  return [
    most('lcpMs', 'largest text of the queue, cold', 1_000),
    { name: 'layout shift', value: list.layoutShift, unit: '', target: { of: 'value', most: 0.02 } },
    p95(({ frameCpuMs }) => frameCpuMs, 'script per frame, 95 of 100, processor time', 8),
    p95(({ frameWallMs }) => frameWallMs, 'script per frame, 95 of 100, by the clock', 8),
    most('longestTaskMs', 'longest task while scrolling', 50),
    { name: 'rows scrolled through in 4 s', value: list.rows, unit: 'rows', floor: floor.rows, floorName },
    {
      ...{ name: 'elements while scrolling', value: list.elements, unit: 'elements' },
      ...{ floor: floor.elements, floorName, target: { of: 'value', most: 1_000 } },
    },
    { name: `blank samples of ${list.samples}`, value: list.blank, unit: 'samples', target: { of: 'value', most: 0 } },
    p95(({ moveMs }) => moveMs, 'j or k to paint, 95 of 100', 50),
    p95(({ typeMs }) => typeMs, 'typing in the filter to paint, 95 of 100', 100),
  ]
}

function liveRow(took: readonly number[]): Row {
  const row = msRow('event to screen, 95 of 100', quantileOf(took, 0.95), 500)
  return { ...row, p50Ms: quantileOf(took, 0.5), p99Ms: quantileOf(took, 0.99) }
}
