import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { type CordonProcess, fetchToken, startCordon } from '../cordon.ts'
import { medianOf } from '../random.ts'
import { pathOfChange, type ScaleCase, scaleCases, sinceThen } from './cases.ts'
import { type Place, prepareDatabase } from './databases.ts'
import { eachDatabase, type OnDatabase } from './each-database.ts'
import type { ScaleReport, ScaleRow } from './report.ts'

/** What is measured and how. */
export interface ScalePlan {
  readonly small: number
  readonly large: number
  /** Requests of each kind at each size. */
  readonly requests: number
  /** Folder of the databases, kept for the next run; a temporary one without. */
  readonly folder: string | undefined
  readonly databases: readonly DatabaseName[]
  readonly wanted: (name: string) => boolean
}

/** The databases Cordon runs on. */
export type DatabaseName = 'sqlite' | 'postgres'

/** Requests sent before any is measured. */
const warmUps = 5

type Say = (text: string) => void

/**
 * Measures lists on a small and on a large database of the same kind, request by request in turns, so that whatever else the machine does
 * falls on both.
 * @param say is told what happens
 */
export async function measureScale(plan: ScalePlan, say: Say): Promise<ScaleReport> {
  const rows: ScaleRow[] = []
  const memory: ScaleReport['memory'][number][] = []
  await eachDatabase(plan.folder, plan.databases, async (on) => {
    const measured = await measureOn(plan, on, say)
    rows.push(...measured.rows)
    memory.push({ database: on.name, incidents: plan.large, peakMiB: measured.peakMiB })
  })
  return { small: plan.small, large: plan.large, requests: plan.requests, rows, memory }
}

interface Measured {
  readonly rows: readonly ScaleRow[]
  readonly peakMiB: number
}

async function measureOn(
  plan: ScalePlan,
  { name: database, folder, cluster }: OnDatabase,
  say: Say,
): Promise<Measured> {
  const placeOf = (incidents: number): Place => ({
    dataDir: join(folder, `${database}-${incidents}`),
    cluster,
    incidents,
  })
  const tell: Say = (text) => say(`${database}: ${text}`)
  const servers: Served[] = []
  try {
    for (const incidents of [plan.small, plan.large]) servers.push(await serve(placeOf(incidents), tell))
    const [small, large] = servers
    if (small === undefined || large === undefined) throw new TypeError('two servers were started')
    const rows: ScaleRow[] = []
    for (const scaleCase of scaleCases) {
      if (!plan.wanted(scaleCase.name)) continue
      tell(scaleCase.name)
      rows.push(await measureCase(database, small, large, scaleCase, plan.requests))
    }
    return { rows, peakMiB: large.server.peakRssMiB() }
  } finally {
    for (const { agent, server } of servers) {
      agent.destroy()
      await server.stop()
    }
  }
}

/** A server on a filled database, and the one connection that asks it. */
export interface Served {
  readonly server: CordonProcess
  readonly token: string
  readonly agent: Agent
}

/** Starts a server on the database of a place, which is filled where it is not yet. */
export async function serve(place: Place, say: Say): Promise<Served> {
  const seeded = await prepareDatabase(place, say)
  const server = await startCordon(seeded.dataDir, { http: true, database: seeded.database })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return { server, token: await fetchToken(server.url, seeded), agent }
}

async function measureCase(
  database: DatabaseName,
  small: Served,
  large: Served,
  scaleCase: ScaleCase,
  requests: number,
): Promise<ScaleRow> {
  const sides = [
    { served: small, path: await findPage(small, scaleCase), times: [] as number[] },
    { served: large, path: await findPage(large, scaleCase), times: [] as number[] },
  ] as const
  for (let sent = -warmUps; sent < requests; sent++) {
    for (const { served, path, times } of sides) {
      // An option that is ignored, so that no remembered answer serves it; on PostgreSQL none is remembered.
      const answer = await ask(served, database === 'sqlite' ? `${path}&n=${sent}` : path)
      checkAnswer(scaleCase, path, answer)
      if (sent >= 0) times.push(answer.ms)
    }
  }
  const [smallMs, largeMs] = [medianOf(sides[0].times), medianOf(sides[1].times)]
  const { name, isCounted = false } = scaleCase
  return { database, name, isCounted, smallMs, largeMs }
}

/** The path of the page a case is about, as a client gets to it. */
async function findPage(served: Served, scaleCase: ScaleCase): Promise<string> {
  let path = await placeInTime(served, scaleCase)
  for (let page = 1; page < (scaleCase.page ?? 1); page++) {
    const { link } = await ask(served, path)
    if (link === null) throw new Error(`${scaleCase.name}: there are only ${page} pages`)
    const { pathname, search } = new URL(link)
    path = `${pathname}${search}`
  }
  return path
}

async function placeInTime(served: Served, { name, path, changes }: ScaleCase): Promise<string> {
  if (changes === undefined) return path
  const { first } = await ask(served, pathOfChange(path, changes))
  const at = isRecord(first) ? (first.lastUpdateDateTime ?? first.lastModifiedDateTime) : undefined
  if (typeof at !== 'string') throw new Error(`${name}: nothing has changed so often`)
  return path.replace(encodeURIComponent(sinceThen), encodeURIComponent(at))
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function checkAnswer({ name, rows, isCounted }: ScaleCase, path: string, answer: Answer): void {
  const isCount = typeof answer.count === 'number' && answer.count >= answer.rows
  if (answer.status !== 200 || answer.rows !== rows || (isCounted && !isCount)) {
    throw new Error(`${name}: ${path} answered ${answer.status} with ${answer.rows} rows, count ${answer.count}`)
  }
}

/** What a request came to. */
export interface Answer {
  readonly status: number
  /** From sending the request to the last byte of the answer. */
  readonly ms: number
  readonly rows: number
  readonly first: unknown
  readonly count: unknown
  readonly link: string | null
}

/** Asks for a list. */
export function ask({ server, token, agent }: Served, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const headers = { authorization: `Bearer ${token}` }
    const sent = request(`${server.url}${path}`, { headers, agent }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const ms = performance.now() - startedAt
        const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
        resolve({ status: response.statusCode ?? 0, ms, ...readList(body) })
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

function readList(body: unknown): Pick<Answer, 'rows' | 'first' | 'count' | 'link'> {
  if (!isRecord(body) || !Array.isArray(body.value)) return { rows: -1, first: null, count: null, link: null }
  const { value, '@odata.count': count, '@odata.nextLink': link } = body
  return { rows: value.length, first: value[0], count, link: typeof link === 'string' ? link : null }
}
