import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { createApplication } from '../src/access/applications.ts'
import { randomIds, systemClock } from '../src/io/clock.ts'
import { databaseFile } from '../src/io/data-dir.ts'
import { type Command, readCommand } from '../src/protocol/command.ts'
import { openStore } from '../src/store/db.ts'
import { makeClient } from '../test/support/client.ts'
import type { Client } from '../test/support/cordon.ts'
import { enrolDevice, type FakeDevice, makeResult } from '../test/support/device.ts'
import { liftBudgets } from '../test/support/policies.ts'
import { type CordonProcess, fetchToken, type Prepared } from './cordon.ts'
import { medianOf, quantileOf } from './random.ts'
import type { Row } from './report.ts'

/** How much is executed. */
export interface ExecutionEffort {
  /** Executions one after the other, for the times. */
  readonly single: number
  /** Executions at once, for the throughput. */
  readonly many: number
}

const hostCount = 20
/** Requests under way at once while the throughput is measured. */
const requesters = 8

/**
 * Measures the way of an execution: request to 204, 204 to the command's arrival at its host, and whole executions per second. Hosts are
 * real in protocol and signatures, and do nothing; they live in this process, which counts against Cordon.
 * @throws Error when a request is refused or an execution does not end well
 */
export async function measureExecutions(
  server: CordonProcess,
  dataDir: string,
  prepared: Prepared,
  effort: ExecutionEffort,
): Promise<Row[]> {
  const store = await openStore(databaseFile(dataDir))
  await liftBudgets(store, prepared.tenantId)
  const access = { store, clock: systemClock, ids: randomIds }
  const actor = { tenantId: prepared.tenantId, id: 'bench', kind: 'system', name: 'bench' } as const
  const { clientId, clientSecret } = await createApplication(access, actor, { name: 'expert', role: 'expert' })
  const token = await fetchToken(server.url, { ...prepared, clientId, clientSecret })
  const client = makeClient(server.url, { authorization: `Bearer ${token}` })
  const anonymous = makeClient(server.url, {})
  const hosts = await Promise.all(
    Array.from({ length: hostCount }, (_, at) => enrolDevice({ store, anonymous }, prepared.tenantId, `bench-${at}`)),
  )
  const arrivals = new Map<string, number>()
  const crowd = startHosts(hosts, arrivals)
  try {
    const taskIds: string[] = []
    for (let at = 0; at < effort.single + effort.many; at++) taskIds.push(await createTask(client, at, prepared))
    const times = await measureSingle(client, taskIds.slice(0, effort.single), arrivals)
    const floorMs = measureInserts(`${databaseFile(dataDir)}.floor`, effort.single)
    const perSecond = await measureMany(client, taskIds.slice(effort.single))
    const row = (name: string, list: readonly number[]): Omit<Row, 'target'> => {
      return { name, value: medianOf(list), unit: 'ms', p50Ms: medianOf(list), p99Ms: quantileOf(list, 0.99) }
    }
    return [
      {
        ...row('execute request to 204', times.answered),
        floor: medianOf(floorMs),
        floorName: 'one durable INSERT, node:sqlite, synchronous=FULL',
      },
      { ...row('204 to command at its host', times.arrived), target: { of: 'value', most: 10 } },
      {
        name: '204 to command, 95 of 100',
        value: quantileOf(times.arrived, 0.95),
        unit: 'ms',
        target: { of: 'value', most: 50 },
      },
      { name: 'executions, request to proof', value: perSecond, unit: 'executions/s' },
    ]
  } finally {
    await crowd.stop()
    await store.close()
  }
}

async function createTask(client: Client, at: number, prepared: Prepared): Promise<string> {
  // Each host is isolated and released in turns.
  const actionType = Math.floor(at / hostCount) % 2 === 0 ? 'isolateDevice' : 'unIsolateDevice'
  const identifierValue = `bench-${at % hostCount}`
  const isolation = actionType === 'isolateDevice' ? { isolationType: 'full' } : {}
  const reply = await client.post('/beta/security/incidentTasks', {
    displayName: `${actionType} ${identifierValue}`,
    description: 'bench',
    actionType,
    source: 'defenderExpertsGuidedResponse',
    responseAction: {
      '@odata.type': `#microsoft.graph.security.${actionType}IncidentTaskResponseAction`,
      identifierValue,
      ...isolation,
    },
    // A release of what another incident holds would ask for a second person.
    incident: { id: prepared.incidentIds[at % hostCount] },
  })
  if (reply.status !== 201) throw new Error(`no task: ${reply.status} ${reply.text}`)
  return reply.body.id
}

async function execute(client: Client, taskId: string): Promise<void> {
  const reply = await client.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
  if (reply.status !== 204) throw new Error(`not executed: ${reply.status} ${reply.text}`)
}

async function untilCompleted(client: Client, taskId: string): Promise<void> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const { body } = await client.get(`/beta/security/incidentTasks/${taskId}`)
    if (body.actionStatus === 'completed') return
    if (body.actionStatus === 'failed' || Date.now() > deadline) throw new Error(`task ${taskId}: ${body.actionStatus}`)
    await sleep(5)
  }
}

interface Times {
  readonly answered: number[]
  readonly arrived: number[]
}

async function measureSingle(
  client: Client,
  taskIds: readonly string[],
  arrivals: ReadonlyMap<string, number>,
): Promise<Times> {
  const times: Times = { answered: [], arrived: [] }
  for (const taskId of taskIds) {
    const startedAt = performance.now()
    await execute(client, taskId)
    const answeredAt = performance.now()
    await untilCompleted(client, taskId)
    times.answered.push(answeredAt - startedAt)
    // It may be there before the answer is.
    times.arrived.push(Math.max(0, (arrivals.get(taskId) ?? Number.NaN) - answeredAt))
  }
  return times
}

/** @returns executions per second, from the first request to the last proof */
async function measureMany(client: Client, taskIds: readonly string[]): Promise<number> {
  const startedAt = performance.now()
  let next = 0
  const work = async (): Promise<void> => {
    for (let taskId = taskIds[next++]; taskId !== undefined; taskId = taskIds[next++]) {
      await execute(client, taskId)
      await untilCompleted(client, taskId)
    }
  }
  await Promise.all(Array.from({ length: requesters }, work))
  return (taskIds.length * 1_000) / (performance.now() - startedAt)
}

/** How long single durable inserts take, in milliseconds. */
function measureInserts(path: string, count: number): number[] {
  const connection = new DatabaseSync(path)
  connection.exec('PRAGMA journal_mode = WAL')
  connection.exec('PRAGMA synchronous = FULL')
  connection.exec('CREATE TABLE executions (id TEXT PRIMARY KEY, doc TEXT NOT NULL)')
  const insert = connection.prepare('INSERT INTO executions VALUES (?, ?)')
  const doc = JSON.stringify({ state: 'queued', target: 'bench', at: systemClock.now(), filler: 'x'.repeat(400) })
  const times: number[] = []
  for (let at = 0; at < count; at++) {
    const startedAt = performance.now()
    insert.run(randomIds.guid(), doc)
    times.push(performance.now() - startedAt)
  }
  connection.close()
  return times
}

/** Lets hosts wait for commands and do what they say; `arrivals` notes when each task's command came. */
function startHosts(hosts: readonly FakeDevice[], arrivals: Map<string, number>): { stop(): Promise<void> } {
  let stopped = false
  const work = async (host: FakeDevice): Promise<void> => {
    while (!stopped) {
      const reply = await host.get('/commands?wait=1')
      const now = performance.now()
      const commands: string[] = reply.status === 200 ? reply.body.commands : []
      for (const command of commands.map(decode)) {
        arrivals.set(command.taskId, now)
        await host.acknowledge(command.commandId)
        await host.report(makeResult(command))
      }
    }
  }
  const done = Promise.all(hosts.map(work))
  return {
    stop: async () => {
      stopped = true
      await done
    },
  }
}

function decode(jws: string): Command {
  return readCommand(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8'))
}
