import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomIds } from '../../src/io/clock.ts'
import { databaseFile } from '../../src/io/data-dir.ts'
import { createLog } from '../../src/io/log.ts'
import { startServer } from '../../src/main.ts'
import { openStore } from '../../src/store/db.ts'
import { createSource, explore, openTally, type Reached, runEach, runMeasured } from './campaign.ts'
import { openInProcess } from './in-process.ts'
import type { FuzzInput } from './input.ts'
import { openLane } from './lane.ts'
import { measureMemory } from './memory.ts'
import { fillTenant, useUpQuota } from './world.ts'

/** What the parent asks for, as JSON in the first argument. */
interface Order {
  readonly seed: number
  /** Inputs while coverage is watched. */
  readonly explored: number
  readonly count: number
  /** Inputs under way at once; a database elsewhere takes its time. */
  readonly atOnce: number
  readonly database: string | null
  readonly regressions: readonly FuzzInput[]
}

// A process of its own: the test runner watches every promise of its own, which makes each input half as dear again; and should
// an input end the process, its end is the finding.

// Thousands of refusals are made, and nobody looks at their stacks.
Error.stackTraceLimit = 2

const order: Order = JSON.parse(process.argv[2] ?? '{}')
const dataDir = mkdtempSync(join(tmpdir(), 'cordon-fuzz-'))
const database = order.database ?? undefined
const server = await startServer(
  { dataDir, database, host: '127.0.0.1', port: 0, http: true, publicOrigins: [], strictGraph: false },
  createLog('fatal'),
)
const store = await openStore(database ?? databaseFile(dataDir))
try {
  const { id: tenantId } = await store.read.selectFrom('tenants').select('id').executeTakeFirstOrThrow()
  const callerId = randomIds.guid()
  await useUpQuota(store, tenantId, callerId)
  const rows = await fillTenant(store, tenantId)
  const target = openInProcess(server, tenantId, callerId)
  const source = createSource(order.seed, { ...rows, tenantId, routes: server.routes }, order.regressions)
  const tally = openTally()
  const run = { target, source, tally, seed: order.seed, lane: openLane() }
  await runEach(run, order.regressions)
  const reached: Reached = await explore(run, order.explored)
  const samples = await runMeasured(run, order.count - order.explored, order.atOnce, measureMemory)
  const polluted = Object.keys(Object.prototype)
  const { statuses, ...rest } = tally
  console.log(JSON.stringify({ ...rest, statuses: [...statuses], reached, samples, polluted }))
} finally {
  await store.close()
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
}
