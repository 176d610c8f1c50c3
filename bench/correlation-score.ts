// How well correlation gathers an attack and leaves the noise outside, on the labelled scenarios of the AIT Alert Data Set:
//   node bench/correlation-score.ts [--json]
// The labels are looked at here and nowhere else. Scenarios that lie beside the clone (../shared/data/ait-ads) are read when present.
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openFile } from '../src/cli/ingest-file.ts'
import { type CorrelationRules, defaultRules } from '../src/intake/correlation/rules.ts'
import { normaliseRecord } from '../src/intake/intake.ts'
import { isRejection } from '../src/intake/normalised.ts'
import { prepareAlerts } from '../src/intake/prepared.ts'
import { openRecords } from '../src/intake/reading/records.ts'
import { aitAds } from '../src/intake/sources/ait-ads.ts'
import { instantOf } from '../src/io/clock.ts'
import { openMemory } from '../test/intake/memory.ts'

const batchSize = 1_000

const scenarios = [
  new URL('../test/fixtures/data/ait-ads/russellmitchell.csv.xz', import.meta.url),
  ...['santos', 'shaw', 'wardbeck'].map((name) => new URL(`../../shared/data/ait-ads/${name}.csv.xz`, import.meta.url)),
].map((url) => fileURLToPath(url))

/** What is compared: the rules as they are, and without what keeps noise apart. */
const variants: Readonly<Record<string, Partial<CorrelationRules>>> = {
  default: {},
  'entities only': { recurringHours: 1_000_000, hubPartners: 1_000_000, maxAlerts: 1_000_000 },
}

interface Score {
  readonly scenario: string
  readonly variant: string
  readonly alerts: number
  readonly incidents: number
  /** Incidents that collect one recurring rule. */
  readonly recurring: number
  readonly ofOneAlert: number
  readonly largest: number
  /** Of the alerts that an attack step caused: those in the fullest incident, and in the three fullest. */
  readonly inTop1: number
  readonly inTop3: number
  /** Benign alerts in those incidents. */
  readonly benignInTop1: number
  readonly benignInTop3: number
  /** Incidents that hold any alert caused by the attack, and benign alerts in them. */
  readonly touched: number
  readonly benignInTouched: number
  readonly alertsPerSecond: number
}

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const scores: Score[] = []
for (const path of scenarios) {
  if (!existsSync(path)) {
    process.stderr.write(`${basename(path)}: not here, left out\n`)
    continue
  }
  for (const [variant, changes] of Object.entries(variants)) scores.push(await scoreScenario(path, variant, changes))
}
if (options.json) for (const score of scores) process.stdout.write(`${JSON.stringify(score)}\n`)
else for (const line of toTable(scores)) process.stdout.write(`${line}\n`)

async function scoreScenario(path: string, variant: string, changes: Partial<CorrelationRules>): Promise<Score> {
  const scenario = basename(path).split('.', 1)[0] ?? path
  const alerts = await readScenario(path)
  const memory = openMemory({ ...defaultRules, ...changes })
  const startedMs = performance.now()
  for (let start = 0; start < alerts.length; start += batchSize) {
    memory.receive(alerts.slice(start, start + batchSize).map((alert) => alert.correlated))
  }
  const seconds = (performance.now() - startedMs) / 1_000
  const incidents = new Map<number, { all: number; caused: number; benign: number }>()
  for (const { correlated, isCaused, isBenign } of alerts) {
    const id = memory.incidentOf(correlated.id)
    const counts = incidents.get(id) ?? { all: 0, caused: 0, benign: 0 }
    incidents.set(id, counts)
    counts.all += 1
    if (isCaused) counts.caused += 1
    if (isBenign) counts.benign += 1
  }
  const bySteps = [...incidents.values()].sort((a, b) => b.caused - a.caused || a.all - b.all)
  const caused = sum(bySteps.map((counts) => counts.caused))
  const touched = bySteps.filter((counts) => counts.caused > 0)
  const recurring = [...incidents.keys()].filter((id) => memory.incidents.get(id)?.summary.recurring === true)
  const share = (top: number): number => sum(bySteps.slice(0, top).map((counts) => counts.caused)) / Math.max(1, caused)
  const benign = (top: number): number => sum(bySteps.slice(0, top).map((counts) => counts.benign))
  return {
    scenario,
    variant,
    alerts: alerts.length,
    incidents: incidents.size,
    recurring: recurring.length,
    ofOneAlert: bySteps.filter((counts) => counts.all === 1).length,
    largest: Math.max(...bySteps.map((counts) => counts.all)),
    inTop1: share(1),
    inTop3: share(3),
    benignInTop1: benign(1),
    benignInTop3: benign(3),
    touched: touched.length,
    benignInTouched: sum(touched.map((counts) => counts.benign)),
    alertsPerSecond: Math.round(alerts.length / seconds),
  }
}

interface Labelled {
  readonly correlated: ReturnType<typeof prepareAlerts>[number]['correlated']
  /** An attack step caused this very alert. */
  readonly isCaused: boolean
  /** Neither caused by the attack nor seen while it went on. */
  readonly isBenign: boolean
}

async function readScenario(path: string): Promise<Labelled[]> {
  const context = { receivedAt: instantOf(Date.UTC(2026, 0, 1)), senderId: 'bench' }
  const reader = openRecords(aitAds)
  const alerts: Labelled[] = []
  const take = (records: ReturnType<typeof reader.push>): void => {
    for (const record of records) {
      if ('error' in record) throw new Error(`line ${record.line}: ${record.error}`)
      const { time_label: during, event_label: by } = record.value as { time_label: string; event_label: string }
      const outcome = normaliseRecord(aitAds, record.value, context)
      if (outcome === 'ignored' || isRejection(outcome)) throw new Error(`line ${record.line} is no alert`)
      const [prepared] = prepareAlerts('bench', [outcome])
      if (prepared === undefined) continue
      const isCaused = by !== '-'
      alerts.push({ correlated: prepared.correlated, isCaused, isBenign: during === 'false_positive' && !isCaused })
    }
  }
  for await (const chunk of (await openFile(path)).content) take(reader.push(chunk))
  take(reader.end())
  return alerts
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function toTable(rows: readonly Score[]): string[] {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  const head = [
    'scenario',
    'variant',
    'alerts',
    'incidents',
    'recurring',
    'single',
    'largest',
    'top 1',
    'benign',
    'top 3',
    'benign',
    'touched',
    'benign',
  ]
  const cells = rows.map((row) => [
    row.scenario,
    row.variant,
    String(row.alerts),
    String(row.incidents),
    String(row.recurring),
    String(row.ofOneAlert),
    String(row.largest),
    percent(row.inTop1),
    String(row.benignInTop1),
    percent(row.inTop3),
    String(row.benignInTop3),
    String(row.touched),
    String(row.benignInTouched),
  ])
  const widths = head.map((title, at) => Math.max(title.length, ...cells.map((row) => row[at]?.length ?? 0)))
  return [head, ...cells].map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
