import { join } from 'node:path'
import { medianOf, quantileOf } from '../random.ts'
import type { Row } from '../report.ts'
import { eachDatabase, type OnDatabase } from './each-database.ts'
import { type FilterCase, filterCases } from './filter-cases.ts'
import { ask, type DatabaseName, type Served, serve } from './run.ts'

/** What is measured and how. */
export interface FilterPlan {
  readonly incidents: number
  readonly alertsPerIncident: number
  /** Requests of each kind. */
  readonly requests: number
  /** Folder of the databases, kept for the next run; a temporary one without. */
  readonly folder: string | undefined
  readonly databases: readonly DatabaseName[]
  readonly wanted: (name: string) => boolean
}

type Say = (text: string) => void

/** Asked before any is measured. */
const warmUps = 2
/** A question that takes so long is not asked as often as others, ms. */
const longMs = 1_000

/** Measures what the portal's filters ask, each in turns with the same question without the filter. @param say is told what happens */
export async function measureFilters(plan: FilterPlan, say: Say): Promise<Row[]> {
  const rows: Row[] = []
  await eachDatabase(plan.folder, plan.databases, async (on) => {
    rows.push(...(await measureOn(plan, on, say)))
  })
  return rows
}

async function measureOn(
  { incidents, alertsPerIncident, requests, wanted }: FilterPlan,
  { name: database, folder, cluster }: OnDatabase,
  say: Say,
): Promise<Row[]> {
  const tell: Say = (text) => say(`${database}: ${text}`)
  const place = { dataDir: join(folder, `${database}-filters-${incidents}`), cluster, incidents, alertsPerIncident }
  const served = await serve(place, tell)
  try {
    const rows: Row[] = []
    for (const one of filterCases.filter(({ name }) => wanted(`${database} ${name}`))) {
      const { times, plain } = await measureCase(served, one, requests)
      tell(`${one.name}: ${Math.round(medianOf(times))} ms`)
      rows.push({
        name: `${database} ${one.name}`,
        value: quantileOf(times, 0.95),
        unit: 'ms',
        floor: quantileOf(plain, 0.95),
        floorName: 'the same question without the filter',
        p50Ms: medianOf(times),
        p99Ms: quantileOf(times, 0.99),
        target: { of: 'value', most: one.mostMs },
      })
    }
    return rows
  } finally {
    served.agent.destroy()
    await served.server.stop()
  }
}

async function measureCase(
  served: Served,
  { name, path, plain, isStrict }: FilterCase,
  requests: number,
): Promise<{ times: number[]; plain: number[] }> {
  const times: number[] = []
  const floor: number[] = []
  const askOnce = async (asked: string, sent: number): Promise<number> => {
    // An option that is ignored, so that no remembered answer serves it.
    const option = isStrict ? '' : `${asked.includes('?') ? '&' : '?'}n=${sent}`
    const { status, ms } = await ask(served, `${asked}${option}`)
    // What is given up for late took as long as that.
    if (status !== 200 && status !== 503) throw new Error(`${name}: ${asked} answered ${status}`)
    return ms
  }
  for (let sent = -warmUps; sent < requests; sent++) {
    const ms = await askOnce(path, sent)
    const plainMs = await askOnce(plain, sent)
    if (sent < 0) continue
    times.push(ms)
    floor.push(plainMs)
    if (times.length >= 3 && medianOf(times) > longMs) break
  }
  return { times, plain: floor }
}
