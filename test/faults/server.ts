import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createApplication } from '../../src/access/applications.ts'
import { ensureFirstTenant } from '../../src/access/tenants.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import { databaseFile } from '../../src/io/data-dir.ts'
import type { RoleName } from '../../src/model/permissions.ts'
import { openStore, type Store } from '../../src/store/db.ts'
import { insertIncidents } from '../../src/store/incidents.ts'
import { makeIncident } from '../store/given.ts'
import { onEnd } from '../support/cleanup.ts'
import type { Client, Reply } from '../support/cordon.ts'
import { type DatabaseKind, makeDatabase } from '../support/databases.ts'
import { findFreePort } from '../support/postgres.ts'

const cli = join(import.meta.dirname, '../../src/cli/main.ts')

/** A server that may be killed and started again, always on the same address and database. */
export interface MortalServer {
  /** What is really stored, whether the server runs or not. */
  readonly store: Store
  readonly tenantId: string
  readonly anonymous: Client
  /** Starts it and waits until it listens. @param failpoint where it kills itself */
  start(failpoint?: string): Promise<void>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
  /** Waits for its end; the signal that ended it. */
  ended(): Promise<NodeJS.Signals | null>
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

/** Prepares a database with a tenant and its incidents; the server itself is not started. It is gone with the test. */
export async function prepareServer(
  t: TestContext,
  kind: DatabaseKind,
  incidentIds: readonly string[],
): Promise<MortalServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'cordon-faults-'))
  onEnd(t, () => rmSync(dataDir, { recursive: true, force: true }))
  const database = kind === 'postgres' ? await makeDatabase(t, 'postgres') : null
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
  let child: ChildProcess | null = null
  const kill = async (): Promise<void> => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await endOf(child)
  }
  onEnd(t, kill)
  return {
    store,
    tenantId,
    anonymous: makeClient(origin, {}),
    start: async (failpoint) => {
      const env = { ...process.env, CORDON_LOG_LEVEL: 'info', CORDON_FAILPOINT: failpoint ?? '' }
      child = spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'pipe'], env })
      await untilListening(child)
    },
    kill,
    ended: async () => (child === null ? null : endOf(child)),
    as: async (role) => {
      const actor = { tenantId, id: 'test', kind: 'system', name: 'test' } as const
      const { clientId, clientSecret } = await createApplication(access, actor, { name: role, role })
      return makeClient(origin, await fetchToken(origin, tenantId, clientId, clientSecret))
    },
  }
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

/** A client whose requests throw when the server is gone: then nobody knows what became of them. */
function makeClient(origin: string, credentials: Readonly<Record<string, string>>): Client {
  const send: Client['send'] = async (method, path, body, headers): Promise<Reply> => {
    const answer = await fetch(`${origin}${path}`, {
      method,
      headers: { ...credentials, ...headers },
      body: body ?? null,
      signal: AbortSignal.timeout(20_000),
    })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true && text !== ''
    return {
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      text,
      body: isJson ? JSON.parse(text) : undefined,
    }
  }
  const withJson = (method: string, path: string, body: unknown, headers?: Record<string, string>): Promise<Reply> =>
    body === undefined
      ? send(method, path, undefined, headers)
      : send(method, path, JSON.stringify(body), { 'content-type': 'application/json', ...headers })
  return {
    send,
    get: (path, headers) => send('GET', path, undefined, headers),
    post: (path, body, headers) => withJson('POST', path, body, headers),
    patch: (path, body, headers) => withJson('PATCH', path, body, headers),
  }
}
