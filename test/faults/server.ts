import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApplication } from '../../src/access/applications.ts'
import { ensureFirstTenant } from '../../src/access/tenants.ts'
import { verifyAudit } from '../../src/cli/audit-verify.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import { databaseFile } from '../../src/io/data-dir.ts'
import type { RoleName } from '../../src/model/permissions.ts'
import { openStore, type Store } from '../../src/store/db.ts'
import { insertIncidents } from '../../src/store/incidents.ts'
import { makeIncident } from '../store/given.ts'
import { type Ending, onEnd } from '../support/cleanup.ts'
import { makeClient } from '../support/client.ts'
import type { Client } from '../support/cordon.ts'
import { type DatabaseKind, makeMigratedDatabase } from '../support/databases.ts'
import { findFreePort } from '../support/postgres.ts'

const cli = join(import.meta.dirname, '../../bin/cordon.js')

/** What a server dies of by itself: at a failpoint, or with the `count`-th call of a system call that any of its threads makes. */
export type Fate =
  | { readonly failpoint: string }
  | { readonly syscall: 'fdatasync' | 'pwrite64' | 'write' | 'writev'; readonly count: number }

/** A server that may be killed and started again, always on the same address and database. */
export interface MortalServer {
  /** What is really stored, whether the server runs or not. */
  readonly store: Store
  readonly tenantId: string
  readonly anonymous: Client
  /** Starts it and waits until it listens; it may die before that of its fate. */
  start(fate?: Fate): Promise<void>
  /** Everything it has written to its log and terminal. */
  output(): string
  /** Ends it as a power cut would. */
  kill(): Promise<void>
  /** Sends it a signal, e.g. the one that lets a stopped process go on. */
  signal(name: NodeJS.Signals): void
  /** The process as it runs now, or undefined. */
  pid(): number | undefined
  /** Waits for its end; the signal that ended it. */
  ended(): Promise<NodeJS.Signals | null>
  /** What `cordon audit verify` finds in its data; nothing when the log holds. */
  findAuditFaults(): Promise<readonly string[]>
  /** A client with a token of that role. The server must run. */
  as(role: RoleName): Promise<Client>
}

/** The body of a POST that makes a guided task: isolate that host. */
export function isolationTask(hostname: string, incidentId: string): object {
  return {
    displayName: `Isolate ${hostname}`,
    description: 'It talks to a known bad address.',
    actionType: 'isolateDevice',
    source: 'defenderExpertsGuidedResponse',
    responseAction: {
      '@odata.type': '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction',
      identifierValue: hostname,
      isolationType: 'full',
    },
    incident: { id: incidentId },
  }
}

/** The body of a POST that makes a guided task: block that indicator on every host. */
export function ruleTask(indicator: string, incidentId: string): object {
  return {
    displayName: `Block ${indicator}`,
    description: 'A known bad address.',
    actionType: 'submitIocRule',
    source: 'defenderExpertsGuidedResponse',
    responseAction: {
      '@odata.type': '#microsoft.graph.security.incidentTaskResponseAction',
      identifierValue: indicator,
    },
    incident: { id: incidentId },
  }
}

/** Where a server lives, when that is nothing usual. */
export interface Surroundings {
  /** An existing folder for its data. */
  readonly dataDir?: string
  /** A PostgreSQL database of the test's own. */
  readonly database?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Prepares a database with a tenant and its incidents; the server itself is not started. It is gone with the test. */
export async function prepareServer(
  t: Ending,
  kind: DatabaseKind,
  incidentIds: readonly string[],
  surroundings: Surroundings = {},
): Promise<MortalServer> {
  const dataDir = surroundings.dataDir ?? mkdtempSync(join(tmpdir(), 'cordon-faults-'))
  if (surroundings.dataDir === undefined) onEnd(t, () => rmSync(dataDir, { recursive: true, force: true }))
  const database = kind === 'postgres' ? (surroundings.database ?? (await makeMigratedDatabase(t, 'postgres'))) : null
  const store = await openStore(database ?? databaseFile(dataDir))
  onEnd(t, () => store.close())
  const access = { store, clock: systemClock, ids: randomIds }
  const { id: tenantId } = await ensureFirstTenant(access)
  await store.transaction((tx) =>
    insertIncidents(
      tx,
      incidentIds.map((id) => makeIncident(id, 'active', tenantId)),
    ),
  )
  const port = await findFreePort()
  const origin = `http://127.0.0.1:${port}`
  const options = ['--data', dataDir, '--host', '127.0.0.1', '--port', String(port), '--http']
  const arguments_ = [cli, 'serve', ...options, ...(database === null ? [] : ['--database', database])]
  const output: Buffer[] = []
  let child: ChildProcess | null = null
  const kill = async (): Promise<void> => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    // Its whole process group: a tracer must not outlive it, nor it the tracer.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    await endOf(child)
  }
  onEnd(t, kill)
  return {
    store,
    tenantId,
    anonymous: makeClient(origin, {}),
    start: async (fate) => {
      const failpoint = fate && 'failpoint' in fate ? fate.failpoint : ''
      const env = { ...process.env, CORDON_LOG_LEVEL: 'info', ...surroundings.env, CORDON_FAILPOINT: failpoint }
      const [program, ...traced] = [...tracer(fate), process.execPath, ...arguments_]
      child = spawn(program, traced, { stdio: ['ignore', 'pipe', 'pipe'], env, detached: true })
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => output.push(chunk))
      await untilListening(child)
    },
    output: () => Buffer.concat(output).toString('utf8'),
    kill,
    signal: (name) => {
      if (child?.pid !== undefined) process.kill(-child.pid, name)
    },
    pid: () => child?.pid,
    ended: async () => (child === null ? null : endOf(child)),
    findAuditFaults: async () => {
      const { report, lines } = await verifyAudit({ data: dataDir, ...(database === null ? {} : { database }) })
      return report.holds ? [] : lines
    },
    as: async (role) => {
      const actor = { tenantId, id: 'test', kind: 'system', name: 'test' } as const
      const { clientId, clientSecret } = await createApplication(access, actor, { name: role, role })
      return makeClient(origin, await fetchToken(origin, tenantId, clientId, clientSecret))
    },
  }
}

/** The program and its arguments that make a server die in the middle of a system call; nothing for any other fate. */
function tracer(fate: Fate | undefined): [string, ...string[]] | [] {
  if (fate === undefined || 'failpoint' in fate) return []
  const { syscall, count } = fate
  const inject = `${syscall}:signal=SIGKILL:when=${count}`
  return [
    'strace',
    '-f',
    '--seccomp-bpf',
    '-qqq',
    '-o',
    '/dev/null',
    '-e',
    `trace=${syscall}`,
    '-e',
    `inject=${inject}`,
  ]
}

function endOf(child: ChildProcess): Promise<NodeJS.Signals | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.signalCode)
  return new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
}

function untilListening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    child.once('exit', (code, signal) => reject(new Error(`the server ended with ${code ?? signal}: ${log}`)))
    const read = (chunk: Buffer): void => {
      log = (log + chunk.toString()).slice(-10_000)
      if (log.includes('"msg":"listening"')) resolve()
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
  })
}

async function fetchToken(
  origin: string,
  tenantId: string,
  clientId: string,
  clientSecret: string,
): Promise<Record<string, string>> {
  const scope = 'https://graph.microsoft.com/.default'
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, scope }
  const answer = await fetch(`${origin}/${tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
  })
  const body: unknown = await answer.json()
  if (typeof body === 'object' && body !== null && 'access_token' in body) {
    return { authorization: `Bearer ${body.access_token}` }
  }
  throw new Error(`no token: ${answer.status}`)
}
