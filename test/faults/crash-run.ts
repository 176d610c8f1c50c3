import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../bench/random.ts'
import { isLive } from '../../src/model/execution-state.ts'
import { customerName } from '../../src/respond/hand-over.ts'
import { readExecutionsOfTask } from '../../src/store/executions.ts'
import { readIncident } from '../../src/store/incidents.ts'
import { readTask } from '../../src/store/tasks.ts'
import { waitUntil } from '../support/answers.ts'
import type { Ending } from '../support/cleanup.ts'
import type { Client, Reply } from '../support/cordon.ts'
import type { DatabaseKind } from '../support/databases.ts'
import { liftBudgets } from '../support/policies.ts'
import { isOfFanOut, listFailpoints } from './failpoints.ts'
import { type CountingHost, startHost } from './host.ts'
import { type Fate, isolationTask, type MortalServer, prepareServer } from './server.ts'

/** What a run of kills found. Every figure below `executed` must be 0. */
export interface CrashFigures {
  readonly kills: number
  /** How often each kind of death came. */
  readonly deaths: Readonly<Record<Death, number>>
  /** Writes that were answered with success. */
  readonly acknowledged: number
  /** Executions that were answered 204. */
  readonly executed: number
  /** Acknowledged writes that are not in the store, and what is there although nobody wrote it. */
  readonly lost: readonly string[]
  /** Executions whose effect happened more than once. */
  readonly doubled: readonly string[]
  /** Effects that no execution answers for, and executions that claim an effect that never was. */
  readonly unaccounted: readonly string[]
  /** Executions, jobs and commands that do not come to an end. */
  readonly stuck: readonly string[]
  /** What `cordon audit verify` finds in the log that all these deaths have left, and in its checkpoints. */
  readonly auditFaults: readonly string[]
}

/** How a server dies: at a moment, at a named place of its own, or in the middle of a system call. */
export type Death = 'moment' | 'failpoint' | 'syscall'

/** Incidents written to at the same time. */
const writers = 4
/** One host a writer: what is executed on one and the same takes turns. */
const hostnames = Array.from({ length: writers }, (_, at) => `web-0${at + 1}`)

/** What one writer was told is written, and what it tried without hearing of it. It alone writes to its incident. */
interface Ledger {
  readonly incidentId: string
  readonly comments: { readonly acknowledged: string[]; readonly tried: string[] }
  assignedTo: { acknowledged: string | null; tried: (string | null)[] }
  writes: number
  readonly taskIds: string[]
  /** Tasks whose execution was answered 204. */
  readonly executed: string[]
}

/**
 * Writes to a server from several sides, kills it over and over, and compares what it acknowledged with what is stored, and what a host did
 * with what is said of it.
 * @param rounds how often it is killed
 * @param report told after each round
 */
export async function runCrashes(
  t: Ending,
  kind: DatabaseKind,
  { rounds, seed }: { readonly rounds: number; readonly seed: number },
  report: (round: number) => void = () => undefined,
): Promise<CrashFigures> {
  const random = seededRandom(seed)
  const ids = Array.from({ length: rounds * writers }, (_, at) => String(at + 1))
  const server = await prepareServer(t, kind, ids)
  await liftBudgets(server.store, server.tenantId)
  await server.start()
  const hosts = await Promise.all(hostnames.map((hostname) => startHost(t, server, hostname)))
  const client = await server.as('expert')
  await server.kill()
  const ledgers = ids.map(openLedger)
  const deaths = { moment: 0, failpoint: 0, syscall: 0 }
  const lost: string[] = []
  for (let round = 0; round < rounds; round++) {
    const own = ledgers.slice(round * writers, (round + 1) * writers)
    deaths[await liveAndDie(server, client, own, random)]++
    for (const ledger of own) lost.push(...(await listLost(server, ledger)))
    report(round + 1)
  }
  await server.start()
  const stuck = await listStuck(server, ledgers)
  for (const ledger of ledgers) lost.push(...(await listLost(server, ledger)))
  const effects = new Map(hosts.flatMap((host) => [...host.effects]))
  const found = await compareEffects(server, effects, ledgers)
  server.signal('SIGTERM')
  await server.ended()
  return {
    kills: rounds,
    deaths,
    acknowledged: ledgers.reduce((sum, ledger) => sum + ledger.writes, 0),
    executed: ledgers.reduce((sum, ledger) => sum + ledger.executed.length, 0),
    lost: [...new Set(lost)],
    stuck,
    auditFaults: await server.findAuditFaults(),
    ...found,
  }
}

function openLedger(incidentId: string): Ledger {
  const comments = { acknowledged: [], tried: [] }
  return { incidentId, comments, assignedTo: { acknowledged: null, tried: [] }, writes: 0, taskIds: [], executed: [] }
}

/** One life of the server, from its start to its death under load. */
async function liveAndDie(
  server: MortalServer,
  client: Client,
  ledgers: readonly Ledger[],
  random: () => number,
): Promise<Death> {
  const { death, fate } = chooseDeath(random)
  try {
    await server.start(fate)
  } catch (cause) {
    // It may die before it listens, of what it went on with; what it had begun must be whole all the same.
    if (death === 'moment') throw cause
    return death
  }
  const over = Promise.all(ledgers.map((ledger, at) => writeUntilGone(client, ledger, at)))
  // A fate that this load never meets must not keep the round from ending.
  const patienceMs = death === 'moment' ? 20 + random() * 300 : 1_000
  await Promise.race([server.ended(), sleep(patienceMs)])
  await server.kill()
  await over
  return death
}

function chooseDeath(random: () => number): { readonly death: Death; readonly fate?: Fate } {
  const drawn = random()
  if (drawn < 0.5) return { death: 'moment' }
  if (drawn < 0.75) {
    const names = listFailpoints().filter((name) => !isOfFanOut(name))
    return { death: 'failpoint', fate: { failpoint: names[Math.floor(random() * names.length)] ?? '' } }
  }
  const calls = ['fdatasync', 'pwrite64', 'write', 'writev'] as const
  const syscall = calls[Math.floor(random() * calls.length)] ?? 'write'
  return { death: 'syscall', fate: { syscall, count: 1 + Math.floor(random() * 120) } }
}

/** Writes until the server is gone: a task that is executed at once, then changes and comments. */
async function writeUntilGone(client: Client, ledger: Ledger, writer: number): Promise<void> {
  const incident = `/v1.0/security/incidents/${ledger.incidentId}`
  const requireStatus = (reply: Reply, status: number): void => {
    assert.equal(reply.status, status, reply.text)
    ledger.writes++
  }
  try {
    for (let serial = 0; ; serial++) {
      if (serial % 4 === writer) {
        const created = await client.post(
          '/beta/security/incidentTasks',
          isolationTask(hostnames[writer] ?? '', ledger.incidentId),
        )
        requireStatus(created, 201)
        ledger.taskIds.push(created.body.id)
        const path = `/beta/security/incidentTasks/${created.body.id}/executeResponseAction`
        requireStatus(await client.post(path), 204)
        ledger.executed.push(created.body.id)
      }
      const comment = `comment ${serial}`
      ledger.comments.tried.push(comment)
      requireStatus(await client.post(`${incident}/comments`, { comment }), 200)
      ledger.comments.acknowledged.push(comment)

      const assignedTo = `analyst-${serial}@example.com`
      ledger.assignedTo.tried.push(assignedTo)
      requireStatus(await client.patch(incident, { assignedTo }), 200)
      ledger.assignedTo = { acknowledged: assignedTo, tried: [assignedTo] }
    }
  } catch (cause) {
    // A request the kill cut off: nobody knows what became of it. Anything else is a failure.
    if (!(cause instanceof TypeError) && !(cause instanceof DOMException)) throw cause
  }
}

/** What one writer was promised and does not find, and what stands there twice or unasked. */
async function listLost(server: MortalServer, ledger: Ledger): Promise<string[]> {
  const { incidentId } = ledger
  const incident = await readIncident(server.store.read, server.tenantId, incidentId)
  if (incident === null) return [`incident ${incidentId}`]
  const lost: string[] = []
  const comments = incident.doc.comments.map(({ comment }) => comment ?? '')
  for (const comment of ledger.comments.acknowledged) {
    if (!comments.includes(comment)) lost.push(`${incidentId}: ${comment} is missing`)
  }
  if (new Set(comments).size < comments.length) lost.push(`${incidentId}: a comment stands twice`)
  for (const comment of comments) {
    if (!ledger.comments.tried.includes(comment)) lost.push(`${incidentId}: nobody wrote ${comment}`)
  }
  const { acknowledged, tried } = ledger.assignedTo
  // While its tasks wait for the customer, its owner is kept beside.
  const isHandedOver = incident.doc.assignedTo === customerName
  const owner = isHandedOver ? (incident.handedOverFrom ?? null) : incident.doc.assignedTo
  if (owner !== acknowledged && !tried.includes(owner)) lost.push(`${incidentId}: assigned to ${owner}`)
  for (const id of ledger.taskIds) {
    if ((await readTask(server.store.read, server.tenantId, id)) === null) lost.push(`task ${id}`)
  }
  for (const id of ledger.executed) {
    const executions = await readExecutionsOfTask(server.store.read, server.tenantId, id)
    if (executions.length === 0) lost.push(`the execution of task ${id}`)
  }
  lost.push(...(await listUnrecorded(server, incidentId, incident.version - 1)))
  return lost
}

/** Every change of an incident has its event, and no more audit entries than there were changes. */
async function listUnrecorded(server: MortalServer, incidentId: string, changes: number): Promise<string[]> {
  const entries = await server.store.read
    .selectFrom('audit')
    .select('action')
    .where('object_type', '=', 'incident')
    .where('object_id', '=', incidentId)
    .where('decision', '=', 'allowed')
    .execute()
  const events = await server.store.read
    .selectFrom('outbox')
    .select('seq')
    .where('resource', '=', 'incident')
    .where('object_id', '=', incidentId)
    .execute()
  const lost: string[] = []
  // A task that makes its incident wait is recorded as the task's creation; its event is there all the same.
  if (entries.length > changes) lost.push(`${incidentId}: ${entries.length} audit entries for ${changes} changes`)
  if (events.length !== changes) lost.push(`${incidentId}: ${events.length} events for ${changes} changes`)
  return lost
}

/** Waits until nothing is under way any more; what still is after so long is stuck. */
async function listStuck(server: MortalServer, ledgers: readonly Ledger[]): Promise<string[]> {
  const list = async (): Promise<string[]> => {
    const jobs = await server.store.read.selectFrom('jobs').select(['id', 'kind']).execute()
    if (jobs.length > 0) return jobs.map(({ id, kind }) => `job ${id} (${kind})`)
    const live: string[] = []
    for (const taskId of ledgers.flatMap((ledger) => ledger.taskIds)) {
      for (const { id, state } of await readExecutionsOfTask(server.store.read, server.tenantId, taskId)) {
        if (isLive(state)) live.push(`execution ${id} is ${state}`)
      }
    }
    return live
  }
  return waitUntil(list, (left) => left.length === 0, 180).catch(list)
}

async function compareEffects(
  server: MortalServer,
  effects: CountingHost['effects'],
  ledgers: readonly Ledger[],
): Promise<Pick<CrashFigures, 'doubled' | 'unaccounted'>> {
  const doubled = [...effects].filter(([, count]) => count > 1).map(([id, count]) => `${id}: ${count} times`)
  const unaccounted: string[] = []
  const known = new Set<string>()
  for (const taskId of ledgers.flatMap((ledger) => ledger.taskIds)) {
    const executions = await readExecutionsOfTask(server.store.read, server.tenantId, taskId)
    if (executions.length > 1) doubled.push(`task ${taskId} has ${executions.length} executions`)
    for (const { id, state } of executions) {
      known.add(id)
      const count = effects.get(id) ?? 0
      if (state === 'succeeded' && count === 0) unaccounted.push(`${id} succeeded without an effect`)
      if (state !== 'succeeded') unaccounted.push(`${id} ended ${state}, with ${count} effects`)
    }
  }
  for (const id of effects.keys()) if (!known.has(id)) unaccounted.push(`nobody asked for ${id}`)
  return { doubled, unaccounted }
}

/** The figures as lines of a table, for people. */
export function renderFigures(figures: readonly (readonly [name: string, CrashFigures])[]): string {
  const head = [
    '',
    'kills',
    'writes acknowledged',
    'lost',
    'executed',
    'doubled',
    'unaccounted',
    'stuck',
    'audit faults',
  ]
  const rows = figures.map(([name, found]) => [
    name,
    `${found.kills} (${Object.entries(found.deaths)
      .map(([death, count]) => `${count} ${death}`)
      .join(', ')})`,
    ...[found.acknowledged, found.lost.length, found.executed],
    ...[found.doubled.length, found.unaccounted.length, found.stuck.length, found.auditFaults.length],
  ])
  const lines = [head, ...rows].map((row) => row.map(String))
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n')
}
