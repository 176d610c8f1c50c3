import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Transport } from '../src/agent/transport.ts'
import { msOf, systemClock } from '../src/io/clock.ts'
import { databaseFile } from '../src/io/data-dir.ts'
import { openStore, type Store } from '../src/store/db.ts'
import { giveEnrolmentToken } from '../test/support/device.ts'
import { createLab, type Lab, SERVICE_PORT } from '../test/support/netns.ts'
import { liftBudgets } from '../test/support/policies.ts'
import { type CordonProcess, type Prepared, prepareData, startCordon } from './cordon.ts'
import { quantileOf } from './random.ts'
import type { Row } from './report.ts'
import { createDeviceTask, fetchToken, openClient, send } from './tls-client.ts'

const program = fileURLToPath(new URL('../test/support/agent-process.ts', import.meta.url))
const target = { of: 'value', most: 250 } as const

/** Milliseconds from the request to each mark of one execution. */
interface Marks {
  readonly queued: number
  readonly begun: number
  readonly done: number
  readonly completed: number
}

/**
 * Isolates and releases a real host in a network namespace, with a real agent that waits for commands: from the request to the moment a
 * client reads `completed`, which is when the proof was judged.
 * @returns no rows where the machine has no network namespaces
 */
export async function measureIsolation(folder: string, count: number, say: (text: string) => void): Promise<Row[]> {
  const endings: (() => unknown)[] = []
  const scope = {
    after: (cleanup: () => unknown) => void endings.push(cleanup),
    skip: (reason: string) => say(`left out: ${reason}`),
  }
  try {
    const lab = await createLab(scope)
    if (lab === undefined) return []
    const dataDir = join(folder, 'isolation')
    const prepared = await prepareData(dataDir, 20, 'expert')
    const server = await startCordon(dataDir, { http: false, host: '::' })
    endings.unshift(() => server.stop())
    const store = await openStore(databaseFile(dataDir))
    endings.unshift(() => store.close())
    await startAgent(lab, server, store, dataDir, prepared.tenantId)
    const url = `https://127.0.0.1:${new URL(server.url).port}`
    const client = openClient(url, readFileSync(join(dataDir, 'tls/ca.crt'), 'utf8'))
    endings.unshift(() => client.close())
    const isolations: Marks[] = []
    const releases: Marks[] = []
    const run = { client, store, prepared, token: await fetchToken(client, prepared) }
    for (let round = 0; round < count + 2; round += 1) {
      const isolated = await measureOne(run, 'isolateDevice', round)
      const released = await measureOne(run, 'unIsolateDevice', round)
      // The first ones warm everything up.
      if (round < 2) continue
      isolations.push(isolated)
      releases.push(released)
    }
    return [...describe('isolate', isolations), ...describe('lift', releases)]
  } finally {
    for (const end of endings) await end()
  }
}

interface Run {
  readonly client: Transport
  readonly store: Store
  readonly prepared: Prepared
  readonly token: string
}

function describe(name: string, marks: readonly Marks[]): Row[] {
  const row = (what: string, pick: (mark: Marks) => number): Row => {
    const values = marks.map(pick)
    const p50Ms = quantileOf(values, 0.5)
    return {
      name: `${name} ${what}`,
      value: quantileOf(values, 0.95),
      unit: 'ms',
      p50Ms,
      p99Ms: quantileOf(values, 0.99),
    }
  }
  return [
    { ...row('request to verified effect, 95 of 100', ({ completed }) => completed), target },
    row('  of it until the host begins', ({ begun }) => begun),
    row('  of it on the host', ({ begun, done }) => done - begun),
    row('  of it until it is read as completed', ({ done, completed }) => completed - done),
  ]
}

async function startAgent(
  lab: Lab,
  server: CordonProcess,
  store: Store,
  dataDir: string,
  tenantId: string,
): Promise<void> {
  const state = join(dataDir, 'agent')
  mkdirSync(state, { mode: 0o700 })
  await liftBudgets(store, tenantId)
  const address = `https://${lab.control4}:${new URL(server.url).port}`
  const nobody = { get: fail, post: fail, patch: fail, send: fail }
  const token = await giveEnrolmentToken({ store, anonymous: nobody }, tenantId)
  const enrolled = await lab.exec(
    lab.endpoint,
    ...[process.execPath, program, 'agent', 'enroll', '--server', address, '--token', token],
    ...['--ca', join(dataDir, 'tls/ca.crt'), '--state', state, '--name', 'bench-01'],
  )
  if (enrolled.code !== 0) throw new Error(`not enrolled: ${enrolled.stderr}`)
  const probes = [`${lab.internet4}:${SERVICE_PORT}`, `[${lab.internet6}]:${SERVICE_PORT}`]
  const words = ['agent', 'run', '--state', state, '--probe', ...probes]
  const agent = lab.start(lab.endpoint, process.execPath, program, ...words)
  agent.stdout?.resume()
  agent.stderr?.resume()
  const facts = store.read.selectFrom('agents').select('facts')
  while ((await facts.executeTakeFirst())?.facts === '{}') await sleep(20)
}

function fail(): never {
  throw new Error('the bench enrols by the agent itself')
}

async function measureOne(
  { client, store, prepared, token }: Run,
  actionType: 'isolateDevice' | 'unIsolateDevice',
  round: number,
): Promise<Marks> {
  const incidentId = prepared.incidentIds[round % prepared.incidentIds.length]
  const id = await createDeviceTask(client, token, actionType, 'bench-01', incidentId)
  // An agent that has just answered tells what changed before it waits again.
  await sleep(500)
  const startedAt = systemClock.nowMs()
  await send(client, token, 'POST', `/beta/security/incidentTasks/${id}/executeResponseAction`)
  for (;;) {
    const task = JSON.parse(await send(client, token, 'GET', `/beta/security/incidentTasks/${id}`))
    if (task.actionStatus === 'completed') break
    if (task.actionStatus === 'failed') throw new Error(`task ${id} failed`)
    await sleep(5)
  }
  const completed = systemClock.nowMs() - startedAt
  const query = store.read.selectFrom('commands').select(['created_at', 'result']).where('task_id', '=', id)
  const row = await query.executeTakeFirstOrThrow()
  const { startedAt: begun, finishedAt: done } = JSON.parse(row.result ?? '{}')
  const since = (instant: string): number => msOf(instant) - startedAt
  return { queued: since(row.created_at), begun: since(begun), done: since(done), completed }
}
