import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { createApplication } from '../src/access/applications.ts'
import { ensureFirstTenant } from '../src/access/tenants.ts'
import { randomIds, systemClock } from '../src/io/clock.ts'
import { databaseFile } from '../src/io/data-dir.ts'
import type { RoleName } from '../src/model/permissions.ts'
import { openStore } from '../src/store/db.ts'
import { seedIncidents } from './seed.ts'

const cli = join(import.meta.dirname, '../bin/cordon.js')

/** A Cordon server in a process of its own. */
export interface CordonProcess {
  readonly url: string
  readonly pid: number
  /** From the start of the process to its listening line. */
  readonly readyMs: number
  /** Resident memory now. */
  rssMiB(): number
  /** The most it ever was. */
  peakRssMiB(): number
  stop(): Promise<void>
}

/** How a server of the bench is started. */
export interface StartOptions {
  readonly http: boolean
  /** Loopback without. */
  readonly host?: string
  /** A free one without. */
  readonly port?: number
  /** `postgres://` URL; the embedded database without. */
  readonly database?: string | undefined
}

/** Starts `cordon serve` on a free loopback port. */
export async function startCordon(dataDir: string, options: StartOptions): Promise<CordonProcess> {
  const startedAt = performance.now()
  // No limit on requests: what the server can do is measured, not what it lets in.
  const limits = ['--rate-limit', '999999999', '--tenant-rate-limit', '999999999']
  const address = [
    '--host',
    options.host ?? '127.0.0.1',
    '--port',
    String(options.port ?? 0),
    ...(options.http ? ['--http'] : []),
  ]
  const database = options.database === undefined ? [] : ['--database', options.database]
  const serve = ['serve', '--data', dataDir, ...database, ...address, ...limits]
  // By its own first line, as users start it.
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter)
  const child = spawn(cli, serve, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, PATH: path, CORDON_LOG_LEVEL: 'info' },
  })
  const url = await readUrl(child)
  const readyMs = performance.now() - startedAt
  return {
    // The address, not the name: looking a name up is no part of what is measured.
    url: url.replace('localhost', '127.0.0.1'),
    pid: child.pid ?? 0,
    readyMs,
    rssMiB: () => readMemoryMiB(child.pid ?? 0, 'VmRSS'),
    peakRssMiB: () => readMemoryMiB(child.pid ?? 0, 'VmHWM'),
    stop: () => stopChild(child),
  }
}

async function readUrl(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new TypeError('the server has no output')
  for await (const line of createInterface({ input: child.stdout })) {
    const entry: unknown = JSON.parse(line)
    if (typeof entry !== 'object' || entry === null || !('msg' in entry) || entry.msg !== 'listening') continue
    if ('url' in entry && typeof entry.url === 'string') {
      child.stdout.resume()
      return entry.url
    }
  }
  throw new Error('the server ended before it listened')
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  await ended
}

function readMemoryMiB(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1] ?? Number.NaN) / 1024
}

/** What the bench knows of a prepared data folder. */
export interface Prepared {
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string
  readonly incidentIds: readonly string[]
  /** Those whose status is active. */
  readonly activeIds: readonly string[]
}

/** Makes a data folder with a client and seeded incidents. */
export async function prepareData(dataDir: string, incidents: number, role: RoleName = 'responder'): Promise<Prepared> {
  const store = await openStore(databaseFile(dataDir))
  const deps = { store, clock: systemClock, ids: randomIds }
  try {
    const { id: tenantId } = await ensureFirstTenant(deps)
    const actor = { tenantId, id: 'bench', kind: 'system', name: 'bench' } as const
    const { clientId, clientSecret } = await createApplication(deps, actor, { name: 'bench', role })
    return { tenantId, clientId, clientSecret, ...(await seedIncidents(store, tenantId, incidents)) }
  } finally {
    await store.close()
  }
}

/** Gets an access token as any client does. */
export async function fetchToken(
  url: string,
  prepared: Pick<Prepared, 'tenantId' | 'clientId' | 'clientSecret'>,
): Promise<string> {
  const answer = await fetch(`${url}/${prepared.tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: prepared.clientId,
      client_secret: prepared.clientSecret,
      scope: 'https://graph.microsoft.com/.default',
    }),
  })
  const body: unknown = await answer.json()
  if (typeof body === 'object' && body !== null && 'access_token' in body && typeof body.access_token === 'string') {
    return body.access_token
  }
  throw new Error(`no token: ${answer.status} ${JSON.stringify(body)}`)
}
