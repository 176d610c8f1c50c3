import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import type { LoadRequest } from 'autocannon'
import type { Recorded } from './floor.ts'
import type { LoadOrder, LoadReport } from './load.ts'
import { medianOf, pickSome } from './random.ts'

/** How long and how often is measured. */
export interface Effort {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
}

/** Medians of one side over all rounds. */
export interface Measured {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Processor time of the server per request: what is left of a figure when other work keeps the machine busy. */
  readonly cpuMicros: number
  readonly rounds: readonly number[]
}

/** A server under load. */
export interface Side {
  readonly url: string
  readonly pid: number
}

/** One round on one side. */
export interface Round extends LoadReport {
  readonly cpuMicros: number
}

/** A kind of request to measure. */
export interface ReadCase {
  readonly name: string
  readonly paths: readonly string[]
  /** JSON texts that are sent by POST, each to the one path; without, the paths are asked by GET. */
  readonly bodies?: readonly string[]
  /** Throws when an answer is not what is asked for. */
  readonly check: (path: string, body: unknown) => void
}

const connections = 8

/** The process that sends requests. */
export interface LoadGenerator {
  send(order: LoadOrder): Promise<LoadReport>
  stop(): void
}

/** Starts the load generator. */
export function startLoadGenerator(): LoadGenerator {
  const child = fork(join(import.meta.dirname, 'load.ts'))
  return {
    send: (order) => exchange<LoadReport>(child, order),
    stop: () => child.disconnect(),
  }
}

function exchange<T>(child: ChildProcess, message: object): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`a process of the bench ended with ${code}`))
    child.once('exit', onExit)
    child.once('message', (answer) => {
      child.off('exit', onExit)
      // The other end is a file of ours.
      resolve(answer as T)
    })
    child.send(message)
  })
}

/** One answer, whole. */
interface Fetched {
  readonly status: number
  readonly headers: Recorded['headers']
  readonly body: Buffer
}

function fetchOnce(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<Fetched> {
  const method = body === undefined ? 'GET' : 'POST'
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      )
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Both sides of a comparison, and the bytes of one answer. */
export interface Comparison {
  readonly cordon: Measured
  readonly floor: Measured
  readonly answerBytes: number
}

/**
 * Measures a kind of read against a bare Node server that sends the same bytes, in turns.
 * @throws Error when an answer is wrong, before or while it is measured
 */
export async function compareReads(
  load: LoadGenerator,
  cordon: Side,
  token: string,
  read: ReadCase,
  effort: Effort,
): Promise<Comparison> {
  const authorization = `Bearer ${token}`
  const headers = read.bodies ? { authorization, 'content-type': 'application/json' } : { authorization }
  const recorded = await record(cordon.url, headers, read)
  const child = fork(join(import.meta.dirname, 'floor.ts'))
  try {
    const floor: Side = { url: await exchange<string>(child, recorded), pid: child.pid ?? 0 }
    await checkFloor(floor.url, headers, recorded, read.bodies?.[0])
    const lists = makeLists(read, headers)
    const rounds: Record<'cordon' | 'floor', Round[]> = { cordon: [], floor: [] }
    for (const side of [cordon, floor]) await sendRound(load, side, effort.warmUpSeconds, lists)
    for (let round = 0; round < effort.rounds; round++) {
      rounds.cordon.push(requireClean(read.name, await sendRound(load, cordon, effort.seconds, lists)))
      rounds.floor.push(requireClean(`floor of ${read.name}`, await sendRound(load, floor, effort.seconds, lists)))
    }
    const answerBytes = medianOf(recorded.map(({ body }) => Buffer.from(body, 'base64').length))
    return { cordon: summarize(rounds.cordon), floor: summarize(rounds.floor), answerBytes }
  } finally {
    child.disconnect()
  }
}

async function sendRound(
  load: LoadGenerator,
  side: Side,
  seconds: number,
  lists: LoadOrder['connections'],
): Promise<Round> {
  const before = readCpuMicros(side.pid)
  const report = await load.send({ url: side.url, seconds, connections: lists })
  return { ...report, cpuMicros: (readCpuMicros(side.pid) - before) / report.succeeded }
}

/** Processor time of a process, user and system; Linux counts in hundredths of a second. */
function readCpuMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

async function record(url: string, headers: Readonly<Record<string, string>>, read: ReadCase): Promise<Recorded[]> {
  const recorded: Recorded[] = []
  for (const path of read.paths) {
    const answer = await fetchOnce(url, path, headers, read.bodies?.[0])
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.body.toString('utf8')}`)
    read.check(path, JSON.parse(answer.body.toString('utf8')))
    // Node writes these itself, for both sides alike.
    const { date: _date, connection: _connection, 'keep-alive': _keepAlive, ...own } = answer.headers
    recorded.push({ path, headers: own, body: answer.body.toString('base64') })
  }
  return recorded
}

async function checkFloor(
  url: string,
  headers: Readonly<Record<string, string>>,
  recorded: readonly Recorded[],
  sentBody: string | undefined,
): Promise<void> {
  for (const { path, body } of recorded.slice(0, 3)) {
    const answer = await fetchOnce(url, path, headers, sentBody)
    if (answer.status !== 200 || answer.body.toString('base64') !== body)
      throw new Error(`the floor differs on ${path}`)
  }
}

/** The same requests for each connection, each in an order of its own. */
function makeLists({ paths, bodies }: ReadCase, headers: Readonly<Record<string, string>>): LoadRequest[][] {
  const [path = ''] = paths
  const requests: LoadRequest[] = bodies
    ? bodies.map((body) => ({ method: 'POST', path, headers, body }))
    : paths.map((one) => ({ method: 'GET', path: one, headers }))
  return Array.from({ length: connections }, (_, index) => pickSome(requests, requests.length, 100 + index))
}

/** Changes of an incident's status for so many seconds: each connection has active incidents of its own and sets them to and fro. */
export async function measureWrites(
  load: LoadGenerator,
  cordon: Side,
  token: string,
  activeIds: readonly string[],
  seconds: number,
): Promise<Round> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const lists = Array.from({ length: connections }, (_, index) => {
    const own = activeIds.filter((_id, at) => at % connections === index)
    return ['inProgress', 'active'].flatMap((status) =>
      own.map((id) => ({
        method: 'PATCH',
        path: `/v1.0/security/incidents/${id}`,
        headers,
        body: JSON.stringify({ status }),
      })),
    )
  })
  return requireClean('PATCH', await sendRound(load, cordon, seconds, lists))
}

function requireClean(name: string, round: Round): Round {
  if (round.failed > 0 || round.succeeded === 0) {
    throw new Error(`${name}: ${round.failed} of ${round.succeeded + round.failed} requests failed`)
  }
  return round
}

/** Medians over rounds. */
export function summarize(rounds: readonly Round[]): Measured {
  const median = (name: 'perSecond' | 'p50Ms' | 'p99Ms' | 'cpuMicros'): number =>
    medianOf(rounds.map((round) => round[name]))
  return {
    perSecond: median('perSecond'),
    p50Ms: median('p50Ms'),
    p99Ms: median('p99Ms'),
    cpuMicros: median('cpuMicros'),
    rounds: rounds.map((round) => Math.round(round.perSecond)),
  }
}
