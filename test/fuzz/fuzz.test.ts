import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { onEnd } from '../support/cleanup.ts'
import { makeMigratedDatabase } from '../support/databases.ts'
import { testSeed as seed } from '../support/seed.ts'
import { shareCordon } from '../support/shared-cordon.ts'
import { formatTally, limitMs, openTally, type Tally } from './campaign.ts'
import type { FuzzInput } from './input.ts'
import { formatMemory, growthOf, type Memory } from './memory.ts'

/** `CORDON_FUZZ_SCALE=10` runs ten times as many inputs. */
const scale = Number(process.env.CORDON_FUZZ_SCALE ?? 1)

/** Inputs of each run; together more than 200,000. @source issue 3, item 6 */
const counts = { sqlite: 105_000 * scale, postgres: 55_000 * scale, wire: 42_000 * scale } as const

/** Inputs that once failed, as the run that found them printed them. */
const regressions: readonly FuzzInput[] = JSON.parse(
  readFileSync(new URL('./regressions.json', import.meta.url), 'utf8'),
)

const megabyte = 1_048_576
/**
 * How much more heap a process may hold late in a run than early in it. Every cache is bounded; measured are 1 to 3 MB, of answers that are
 * remembered too. A leak of 150 bytes for each input would be 6 MB in the longest run.
 */
const maxHeapGrowth = 6 * megabyte
/** Answers that are remembered come and go: measured are 1 to 4 MB, and 11 to 13 when each of them kept the piece of memory it was made in. */
const maxBufferGrowth = 8 * megabyte
/** SQLite's page cache fills up (16 MB for each connection) and the allocator keeps what it was given back: measured are 2 to 12 MB. */
const maxOutsideGrowth = 32 * megabyte

interface Report extends Omit<Tally, 'statuses'> {
  readonly statuses: readonly (readonly [number | 'none', number])[]
}

interface ProcessReport extends Report {
  readonly reached: { readonly blocks: number; readonly run: number; readonly idle: readonly string[] }
  readonly samples: readonly Memory[]
  readonly polluted: readonly string[]
}

interface WireReport extends Report {
  readonly samples: readonly Memory[]
  readonly answered: number
}

/** Runs a program of this folder to its end. @returns what it reported on its last line */
async function runProgram<T>(t: TestContext, name: string, order: object): Promise<T> {
  const program = join(import.meta.dirname, name)
  const child: ChildProcess = spawn(process.execPath, ['--expose-gc', program, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // V8 counts no blocks of code that it took from a cache.
    env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' },
  })
  onEnd(t, () => child.kill('SIGTERM'))
  let [out, err] = ['', '']
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  const code = await new Promise((resolve) => child.once('close', (status, signal) => resolve(status ?? signal)))
  assert.equal(code, 0, `CORDON_TEST_SEED=${seed}\n${err}`)
  return JSON.parse(out.trimEnd().split('\n').at(-1) ?? '')
}

function tell(t: TestContext, report: Report): void {
  t.diagnostic(`CORDON_TEST_SEED=${seed}`)
  t.diagnostic(formatTally({ ...openTally(), ...report, statuses: new Map(report.statuses) }))
}

/** The run met what it was meant to meet, and held nothing back. */
function assertRun(report: Report, count: number): void {
  const statuses = new Map(report.statuses)
  const accepted = (statuses.get(200) ?? 0) / report.inputs
  assert.ok(report.inputs >= count, `only ${report.inputs} inputs`)
  assert.ok(report.slowestMs <= limitMs, `the slowest answer took ${report.slowestMs} ms`)
  assert.ok(accepted > 0.08, `only ${(accepted * 100).toFixed(1)} % of the inputs were answered 200: they test little`)
  for (const status of [400, 404, 406, 415]) assert.ok(statuses.has(status), `no input was answered ${status}`)
}

function assertInProcess(t: TestContext, report: ProcessReport, count: number): void {
  tell(t, report)
  const { reached, samples, polluted } = report
  const heap = formatMemory(samples, 'heapUsed')
  t.diagnostic(`heap ${heap}; ${reached.blocks} blocks; never run: ${reached.idle.join(', ') || 'none'}`)
  assertRun(report, count)
  assert.ok(growthOf(samples, 'heapUsed') < maxHeapGrowth, `the heap grew: ${heap}`)
  assert.deepEqual(polluted, [])
  assert.ok(reached.run / (reached.run + reached.idle.length) > 0.9, `never run: ${reached.idle.join('\n')}`)
}

test('no input to the operations fails, hangs or leaks, on either database', async (t) => {
  const order = { seed, explored: 5_000, count: counts.sqlite, atOnce: 1, database: null, regressions }
  const onPostgres = { ...order, seed: seed + 1, explored: 1_200, count: counts.postgres, atOnce: 8 }
  const database = await makeMigratedDatabase(t, 'postgres')

  const [embedded, server] = await Promise.all([
    runProgram<ProcessReport>(t, 'run-in-process.ts', order),
    runProgram<ProcessReport>(t, 'run-in-process.ts', { ...onPostgres, database }),
  ])

  assertInProcess(t, embedded, counts.sqlite)
  assertInProcess(t, server, counts.postgres)
})

test('no request to a server process fails, hangs, leaks or ends it', async (t) => {
  const { server } = await shareCordon()
  const routes = server.routes.map(({ method, path }) => ({ method, path }))
  const order = { seed: seed + 2, count: counts.wire, broken: 1_500 * scale, connections: 64, regressions, routes }

  const report = await runProgram<WireReport>(t, 'run-wire.ts', order)

  tell(t, report)
  const { samples, answered } = report
  const heap = formatMemory(samples, 'heapUsed')
  const buffers = formatMemory(samples, 'buffers')
  const outside = formatMemory(samples, 'outsideHeap')
  t.diagnostic(`heap ${heap}; buffers ${buffers}; beside the heap ${outside}`)
  t.diagnostic(`${answered} of ${order.broken} broken requests were answered`)
  assertRun(report, counts.wire)
  assert.ok(growthOf(samples, 'heapUsed') < maxHeapGrowth, `the heap grew: ${heap}`)
  assert.ok(growthOf(samples, 'buffers') < maxBufferGrowth, `the buffers grew: ${buffers}`)
  assert.ok(growthOf(samples, 'outsideHeap') < maxOutsideGrowth, `the process grew: ${outside}`)
  assert.ok(answered > order.broken / 4, `only ${answered} broken requests were answered`)
})
