import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Transport } from '../../src/agent/transport.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import { databaseFile } from '../../src/io/data-dir.ts'
import { sha256Hex } from '../../src/protocol/canonical.ts'
import { makeKeyPair } from '../../src/protocol/jws.ts'
import { insertAgent } from '../../src/store/agents.ts'
import { openStore } from '../../src/store/db.ts'
import { liftBudgets } from '../../test/support/policies.ts'
import { type CordonProcess, type Prepared, prepareData, startCordon } from '../cordon.ts'
import { quantileOf } from '../random.ts'
import type { Row } from '../report.ts'
import { createDeviceTask, fetchToken, openClient, send } from '../tls-client.ts'
import type { FlockAgent } from './flock.ts'
import { type Flock, startFlock } from './flock-process.ts'

/** How large the herd is, and how long it is looked at. */
export interface HerdPlan {
  readonly agents: number
  /** How long the processor time of the idle server is measured. */
  readonly idleSeconds: number
  /** Commands to single agents, one after the other. */
  readonly commands: number
}

/** What the real run uses; `--agents N` takes another size. */
export const fullHerd: HerdPlan = { agents: 5_000, idleSeconds: 30, commands: 40 }

/** Clock ticks of /proc a second. @source proc_pid_stat(5) */
const ticksPerSecond = 100

/**
 * Holds a herd of agents on one server over TLS: memory and processor time while nothing happens, a command to one of them, and all of them
 * coming back after a restart while a client reads. The agents live in a process of their own on the same machine.
 * @throws Error when a request is refused, or agents stay away for four minutes
 */
export async function measureHerd(folder: string, plan: HerdPlan, say: (text: string) => void): Promise<Row[]> {
  const dataDir = join(folder, 'herd')
  const prepared = await prepareData(dataDir, 50, 'expert')
  say(`enrolling ${plan.agents} agents`)
  const agents = await enrolAll(dataDir, prepared, plan.agents)
  let server = await startCordon(dataDir, { http: false })
  const emptyMiB = server.rssMiB()
  const ca = readFileSync(join(dataDir, 'tls/ca.crt'), 'utf8')
  const flock = startFlock({ url: server.url, ca, agents })
  const client = openClient(server.url, ca)
  try {
    say('connecting')
    await flock.until(() => flock.present() >= plan.agents)
    await sleep(3_000)
    const heldMiB = server.rssMiB()
    say('idle')
    const cpu = await measureIdle(server, plan.idleSeconds)
    say('commands')
    const token = await fetchToken(client, prepared)
    const arrived = await measureCommands(client, token, flock, prepared, plan)
    say('one rule to all')
    const spread = await measureFanOut(client, token, flock, prepared, { agents: plan.agents, pid: server.pid })
    say('restart')
    const port = Number(new URL(server.url).port)
    await server.stop()
    await flock.until(() => flock.present() === 0)
    server = await startCordon(dataDir, { http: false, port })
    const listeningAt = performance.timeOrigin + performance.now()
    const reads = readWhile(client, token)
    await flock.until(() => flock.present() >= plan.agents)
    const times = await reads.stop()
    const spentOnReturn = readCpuSeconds(server.pid)
    return [
      { name: `memory, ${plan.agents} idle agents`, value: heldMiB, unit: 'MiB', target: { of: 'value', most: 572 } },
      { name: 'memory for each of them', value: ((heldMiB - emptyMiB) * 1024) / plan.agents, unit: 'KiB' },
      { name: 'processor while idle', value: cpu, unit: '% of a core', target: { of: 'value', most: 15 } },
      {
        name: 'request to command at one of them, 95 of 100',
        value: quantileOf(arrived, 0.95),
        unit: 'ms',
        p50Ms: quantileOf(arrived, 0.5),
        p99Ms: quantileOf(arrived, 0.99),
        target: { of: 'value', most: 100 },
      },
      ...describeFanOut(spread),
      {
        name: 'all back after a restart',
        value: (flock.lastBackMs() - listeningAt) / 1000,
        unit: 's',
        target: { of: 'value', most: 60 },
      },
      { name: 'processor time of the server for it, start included', value: spentOnReturn, unit: 's' },
      {
        name: 'reads meanwhile, 99 of 100',
        value: quantileOf(times, 0.99),
        unit: 'ms',
        p50Ms: quantileOf(times, 0.5),
        p99Ms: quantileOf(times, 0.99),
        target: { of: 'value', most: 1_000 },
      },
      { name: 'most memory ever', value: server.peakRssMiB(), unit: 'MiB' },
    ]
  } finally {
    client.close()
    await flock.stop()
    await server.stop()
  }
}

/** Devices as enrolment leaves them; thousands of requests for it would measure something else. */
async function enrolAll(dataDir: string, prepared: Prepared, count: number): Promise<FlockAgent[]> {
  const store = await openStore(databaseFile(dataDir))
  try {
    await liftBudgets(store, prepared.tenantId)
    const now = systemClock.now()
    const capabilities = JSON.stringify([
      { actionType: 'isolateDevice', supported: true, modes: ['full', 'selective'] },
      { actionType: 'submitIocRule', supported: true },
    ])
    const agents: FlockAgent[] = []
    await store.transaction(async (tx) => {
      agents.length = 0
      for (let number = 0; number < count; number++) {
        const { publicKey, privateKeyPem } = makeKeyPair()
        const agent = { id: randomIds.guid(), token: `herd-${number}-${randomIds.guid()}`, keyPem: privateKeyPem }
        await insertAgent(tx, {
          ...{ tenant_id: prepared.tenantId, id: agent.id, hostname: `herd-${number}`, fqdn: null, machine_id: null },
          ...{ os: 'Debian GNU/Linux 12', agent_version: '0.1.0', public_key: publicKey, capabilities, facts: '{}' },
          ...{
            token_hash: sha256Hex(agent.token),
            last_seq: 0,
            command_seq: 0,
            break_glass_serial: 0,
            run_ids: '[]',
            cloned_at: null,
          },
          ...{
            key_since: now,
            key_ordered_at: null,
            enrolled_at: now,
            last_seen_at: null,
            approved_at: now,
            revoked_at: null,
          },
        })
        agents.push(agent)
      }
    })
    return agents
  } finally {
    await store.close()
  }
}

async function measureIdle(server: CordonProcess, seconds: number): Promise<number> {
  const before = readCpuSeconds(server.pid)
  const startedAt = performance.now()
  await sleep(seconds * 1000)
  const elapsed = (performance.now() - startedAt) / 1000
  return ((readCpuSeconds(server.pid) - before) / elapsed) * 100
}

/** Processor time of a process since its start. */
function readCpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

async function measureCommands(
  client: Transport,
  token: string,
  flock: Flock,
  prepared: Prepared,
  plan: HerdPlan,
): Promise<number[]> {
  const times: number[] = []
  for (let number = 0; number < plan.commands; number++) {
    const host = `herd-${Math.floor((number * plan.agents) / plan.commands)}`
    const incidentId = prepared.incidentIds[number % prepared.incidentIds.length]
    const id = await createDeviceTask(client, token, 'isolateDevice', host, incidentId)
    const startedAt = performance.timeOrigin + performance.now()
    await send(client, token, 'POST', `/beta/security/incidentTasks/${id}/executeResponseAction`)
    await flock.until(() => flock.arrivals(id).count > 0)
    times.push(flock.arrivals(id).lastAtMs - startedAt)
  }
  return times
}

/** What a rule to everybody takes. */
interface FanOut {
  readonly arrivedMs: number
  readonly completedMs: number
  /** Processor time of both sides. */
  readonly serverSeconds: number
  readonly flockSeconds: number
}

function describeFanOut(spread: FanOut): Row[] {
  return [
    { name: 'one rule at all of them', value: spread.arrivedMs / 1000, unit: 's', target: { of: 'value', most: 10 } },
    { name: 'its task completed', value: spread.completedMs / 1000, unit: 's', target: { of: 'value', most: 10 } },
    { name: 'processor time of the server for it', value: spread.serverSeconds, unit: 's' },
    { name: 'processor time of the agents for it', value: spread.flockSeconds, unit: 's' },
  ]
}

/** A rule for every agent: until the last of them has its command, and until the task is completed by what they all reported. */
async function measureFanOut(
  client: Transport,
  token: string,
  flock: Flock,
  prepared: Prepared,
  { agents, pid }: { readonly agents: number; readonly pid: number },
): Promise<FanOut> {
  const serverBefore = readCpuSeconds(pid)
  const flockBefore = readCpuSeconds(flock.pid)
  const id = await createDeviceTask(client, token, 'submitIocRule', '203.0.113.7', prepared.incidentIds[0])
  const startedAt = performance.timeOrigin + performance.now()
  await send(client, token, 'POST', `/beta/security/incidentTasks/${id}/executeResponseAction`)
  let status = ''
  for (let tries = 0; status !== 'completed'; tries++) {
    if (tries > 1_200)
      throw new Error(`${flock.arrivals(id).count} of ${agents} agents have the rule; the task is ${status}`)
    await sleep(100)
    status = JSON.parse(await send(client, token, 'GET', `/beta/security/incidentTasks/${id}`)).actionStatus
  }
  const completedMs = performance.timeOrigin + performance.now() - startedAt
  await flock.until(() => flock.arrivals(id).count >= agents)
  const arrivedMs = flock.arrivals(id).lastAtMs - startedAt
  return {
    arrivedMs,
    completedMs,
    serverSeconds: readCpuSeconds(pid) - serverBefore,
    flockSeconds: readCpuSeconds(flock.pid) - flockBefore,
  }
}

/** Reads a list ten times a second until it is stopped. Returns the milliseconds each read took. */
function readWhile(client: Transport, token: string): { readonly stop: () => Promise<number[]> } {
  const times: number[] = []
  let reading = true
  const loop = async (): Promise<void> => {
    while (reading) {
      const startedAt = performance.now()
      await send(client, token, 'GET', '/v1.0/security/incidents?$top=10')
      times.push(performance.now() - startedAt)
      await sleep(100)
    }
  }
  const done = loop()
  return {
    stop: async () => {
      reading = false
      await done
      return times
    },
  }
}
