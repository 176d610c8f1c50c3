import { fork } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { databaseFile } from '../src/io/data-dir.ts'
import { type CordonProcess, fetchToken, type Prepared, prepareData, startCordon } from './cordon.ts'
import { type ExecutionEffort, measureExecutions } from './executions.ts'
import type { IngestReport } from './ingest.ts'
import { medianOf, pickSome } from './random.ts'
import { countWritten, openRawWriter, readWritten } from './raw-writes.ts'
import { readCases } from './read-cases.ts'
import { type Row, renderJson, renderTable } from './report.ts'
import {
  compareReads,
  type Effort,
  type LoadGenerator,
  measureWrites,
  startLoadGenerator,
  summarize,
} from './requests.ts'

// `npm run bench`: what Cordon reaches, and what the least possible work for the same result reaches on the same machine in the same run.
// Options: --long (more and longer rounds), --json, --only NAME (rows whose name holds it).
// `npm run bench -- --herd`: thousands of agents on one server over TLS (--agents N).
// `npm run bench -- --portal`: the portal in Chromium on 100,000 incidents, beside its budgets (--incidents N, --data DIR to keep the database).
// `npm run bench -- --scale`: how lists of 10,000 and of 1,000,000 incidents compare, on both databases. It fills them first, which takes half
// an hour and 40 GB. Further options: --data DIR (keep the databases there for the next run), --database sqlite|postgres (only that one),
// --incidents N (instead of a million), --requests N (of each kind).
// `npm run bench -- --filters`: first pages and facet counts for every filter of the portal at 100,000 incidents with 1,000,000 alerts, on both
// databases. It fills them first (a quarter of an hour, 12 GB); options as for --scale.

interface Plan extends Effort {
  readonly incidents: number
  readonly starts: number
  readonly ingests: number
  readonly executions: ExecutionEffort
  readonly isolations: number
}

const quick: Plan = {
  ...{ incidents: 4_000, rounds: 3, seconds: 1.2, warmUpSeconds: 1, starts: 2, ingests: 1 },
  executions: { single: 60, many: 120 },
  isolations: 20,
}
const long: Plan = {
  ...{ incidents: 20_000, rounds: 5, seconds: 8, warmUpSeconds: 4, starts: 5, ingests: 3 },
  executions: { single: 400, many: 1_000 },
  isolations: 100,
}

const scenario = join(import.meta.dirname, '../test/fixtures/data/ait-ads/russellmitchell.csv.xz')

/** Says what is measured now, to people only. */
type Say = (text: string) => void

async function measureStarts(folder: string, plan: Plan): Promise<Row[]> {
  const first: number[] = []
  const again: number[] = []
  const idle: number[] = []
  for (let start = 0; start < plan.starts; start++) {
    const dataDir = join(folder, `start-${start}`)
    const fresh = await startCordon(dataDir, { http: false })
    first.push(fresh.readyMs)
    await fresh.stop()
    const server = await startCordon(dataDir, { http: false })
    again.push(server.readyMs)
    // Let what the start left behind settle.
    await sleep(1_500)
    idle.push(server.rssMiB())
    await server.stop()
  }
  return [
    { name: 'ready, first start ever', value: medianOf(first), unit: 'ms', target: { of: 'value', most: 1_500 } },
    { name: 'ready, later start', value: medianOf(again), unit: 'ms', target: { of: 'value', most: 1_500 } },
    { name: 'memory when idle', value: medianOf(idle), unit: 'MiB', target: { of: 'value', most: 150 } },
  ]
}

interface Running {
  readonly server: CordonProcess
  readonly load: LoadGenerator
  readonly token: string
  readonly prepared: Prepared
  readonly dataDir: string
}

async function measureReads(running: Running, plan: Plan, wanted: (name: string) => boolean, say: Say): Promise<Row[]> {
  const rows: Row[] = []
  for (const read of readCases(pickSome(running.prepared.incidentIds, 500, 1))) {
    if (!wanted(read.name)) continue
    say(read.name)
    const { cordon, floor, answerBytes } = await compareReads(running.load, running.server, running.token, read, plan)
    rows.push({
      name: read.name,
      value: cordon.perSecond,
      unit: 'requests/s',
      floor: floor.perSecond,
      floorName: 'bare Node server, same bytes',
      p50Ms: cordon.p50Ms,
      p99Ms: cordon.p99Ms,
      cpuMicros: { cordon: cordon.cpuMicros, floor: floor.cpuMicros },
      answerBytes,
      rounds: { cordon: cordon.rounds, floor: floor.rounds },
      ...(read.target ? { target: read.target } : {}),
    })
  }
  return rows
}

/** Status changes of incidents that are active: Cordon and bare SQLite in turns, each on a database of its own. */
async function measurePatches(running: Running, copy: string, plan: Plan): Promise<Row> {
  const { server, load, token, prepared } = running
  const database = databaseFile(running.dataDir)
  const share = Math.floor(prepared.activeIds.length / (plan.rounds + 1))
  const slice = (round: number): readonly string[] => prepared.activeIds.slice(round * share, (round + 1) * share)
  const warmUp = await measureWrites(load, server, token, slice(0), plan.warmUpSeconds)
  const raw = openRawWriter(copy, readWritten(database, 300))
  const reports = [warmUp]
  const floors: number[] = []
  for (let round = 1; round <= plan.rounds; round++) {
    reports.push(await measureWrites(load, server, token, slice(round), plan.seconds))
    floors.push(raw.run(plan.seconds))
  }
  raw.close()
  const answered = reports.reduce((sum, report) => sum + report.succeeded, 0)
  const written = countWritten(database)
  // What was under way when a round ended is written too.
  if (written < answered || written > answered + reports.length * 8) {
    throw new Error(`${answered} changes were answered, ${written} are in the audit log`)
  }
  const measured = summarize(reports.slice(1))
  return {
    name: 'durable PATCH',
    value: measured.perSecond,
    unit: 'requests/s',
    floor: medianOf(floors),
    floorName: 'node:sqlite transactions, same rows, synchronous=FULL',
    p50Ms: measured.p50Ms,
    p99Ms: measured.p99Ms,
    cpuMicros: { cordon: measured.cpuMicros },
    rounds: { cordon: measured.rounds, floor: floors.map(Math.round) },
  }
}

async function measureIngest(plan: Plan): Promise<Row> {
  const reports: IngestReport[] = []
  for (let round = 0; round < plan.ingests; round++) {
    const child = fork(join(import.meta.dirname, 'ingest.ts'))
    reports.push(
      await new Promise<IngestReport>((resolve, reject) => {
        child.once('message', (report) => resolve(report as IngestReport))
        child.once('exit', (code) => reject(new Error(`the ingest ended with ${code}`)))
        child.send(scenario)
      }),
    )
    child.disconnect()
  }
  return {
    name: `ingest and correlate ${reports[0]?.alerts ?? 0} alerts`,
    value: medianOf(reports.map((report) => report.perSecond)),
    unit: 'alerts/s',
    floor: medianOf(reports.map((report) => report.floorPerSecond)),
    floorName: 'node:sqlite, same rows, as many transactions',
    rounds: {
      cordon: reports.map((report) => Math.round(report.perSecond)),
      floor: reports.map((report) => Math.round(report.floorPerSecond)),
    },
    target: { of: 'value', least: 3_000 },
  }
}

async function measureRequests(
  folder: string,
  plan: Plan,
  wanted: (name: string) => boolean,
  say: Say,
): Promise<Row[]> {
  say(`seeding ${plan.incidents} incidents`)
  const dataDir = join(folder, 'data')
  const prepared = await prepareData(dataDir, plan.incidents)
  const copy = join(folder, 'copy.db')
  cpSync(databaseFile(dataDir), copy)
  const load = startLoadGenerator()
  const server = await startCordon(dataDir, { http: true })
  try {
    const running = { server, load, prepared, dataDir, token: await fetchToken(server.url, prepared) }
    const rows = await measureReads(running, plan, wanted, say)
    if (wanted('durable PATCH')) {
      say('durable PATCH')
      rows.push(await measurePatches(running, copy, plan))
    }
    rows.push({ name: 'memory after the load', value: server.rssMiB(), unit: 'MiB' })
    return rows
  } finally {
    load.stop()
    await server.stop()
  }
}

/** On a server of its own: what executes must not wait behind what the reads left. */
async function measureResponse(folder: string, plan: Plan): Promise<Row[]> {
  const dataDir = join(folder, 'response')
  const prepared = await prepareData(dataDir, 200)
  const server = await startCordon(dataDir, { http: true })
  try {
    return await measureExecutions(server, dataDir, prepared, plan.executions)
  } finally {
    await server.stop()
  }
}

function optionOf(args: readonly string[], name: string): string | undefined {
  return args.includes(name) ? args[args.indexOf(name) + 1] : undefined
}

function databasesOf(args: readonly string[]): readonly ('sqlite' | 'postgres')[] {
  const all = ['sqlite', 'postgres'] as const
  const only = optionOf(args, '--database')
  return only === undefined ? all : all.filter((name) => name === only)
}

async function runScale(args: readonly string[], wanted: (name: string) => boolean, say: Say): Promise<void> {
  const [{ measureScale }, { renderScaleJson, renderScaleTable }] = await Promise.all([
    import('./scale/run.ts'),
    import('./scale/report.ts'),
  ])
  const plan = {
    small: 10_000,
    large: Number(optionOf(args, '--incidents') ?? 1_000_000),
    requests: Number(optionOf(args, '--requests') ?? 60),
    folder: optionOf(args, '--data'),
    databases: databasesOf(args),
    wanted,
  }
  const report = await measureScale(plan, say)
  console.log(args.includes('--json') ? renderScaleJson(report) : renderScaleTable(report))
}

async function runFilters(args: readonly string[], wanted: (name: string) => boolean, say: Say): Promise<void> {
  const { measureFilters } = await import('./scale/filter-run.ts')
  const plan = {
    incidents: Number(optionOf(args, '--incidents') ?? 100_000),
    alertsPerIncident: 10,
    requests: Number(optionOf(args, '--requests') ?? 40),
    folder: optionOf(args, '--data'),
    databases: databasesOf(args),
    wanted,
  }
  const rows = await measureFilters(plan, say)
  console.log(args.includes('--json') ? renderJson(rows, plan) : renderTable(rows))
}

async function runPortal(args: readonly string[], folder: string, say: Say): Promise<void> {
  const [{ measurePortal }, { ensurePortal }] = await Promise.all([
    import('./portal/run.ts'),
    import('../tools/portal/build.ts'),
  ])
  await ensurePortal()
  const plan = { incidents: Number(optionOf(args, '--incidents') ?? 100_000), folder: optionOf(args, '--data') }
  const rows = await measurePortal(folder, plan, say)
  console.log(args.includes('--json') ? renderJson(rows, plan) : renderTable(rows))
}

async function main(args: readonly string[]): Promise<void> {
  const json = args.includes('--json')
  const plan = args.includes('--long') ? long : quick
  const only = optionOf(args, '--only') ?? ''
  const wanted = (name: string): boolean => name.includes(only)
  const say: Say = (text) => process.stderr.write(`${text} ...\n`)
  if (args.includes('--scale')) {
    await runScale(args, wanted, say)
    return
  }
  if (args.includes('--filters')) {
    await runFilters(args, wanted, say)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-'))
  try {
    if (args.includes('--portal')) {
      await runPortal(args, folder, say)
      return
    }
    if (args.includes('--herd')) {
      const { fullHerd, measureHerd } = await import('./herd/run.ts')
      const herd = { ...fullHerd, agents: Number(optionOf(args, '--agents') ?? fullHerd.agents) }
      const rows = await measureHerd(folder, herd, say)
      console.log(json ? renderJson(rows, herd) : renderTable(rows))
      return
    }
    const rows: Row[] = []
    if ([...readCases([]).map((read) => read.name), 'durable PATCH'].some(wanted)) {
      rows.push(...(await measureRequests(folder, plan, wanted, say)))
    }
    if (wanted('execute')) {
      say('execute')
      rows.push(...(await measureResponse(folder, plan)))
    }
    if (wanted('ingest')) {
      say('ingest and correlate')
      rows.push(await measureIngest(plan))
    }
    if (wanted('start')) {
      say('start and memory')
      rows.push(...(await measureStarts(folder, plan)))
    }
    if (wanted('isolate')) {
      say('isolate')
      const { measureIsolation } = await import('./isolation.ts')
      rows.push(...(await measureIsolation(folder, plan.isolations, say)))
    }
    console.log(json ? renderJson(rows, plan) : renderTable(rows))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await main(process.argv.slice(2))
