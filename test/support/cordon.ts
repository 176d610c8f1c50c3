import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApplication } from '../../src/access/applications.ts'
import { createTenant } from '../../src/access/tenants.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import { databaseFile } from '../../src/io/data-dir.ts'
import { createLog } from '../../src/io/log.ts'
import { type RunningServer, type ServerOptions, startServer } from '../../src/main.ts'
import type { RoleName } from '../../src/model/permissions.ts'
import { openStore, type Store } from '../../src/store/db.ts'
import type { Actor } from '../../src/store/record.ts'
import { type Ending, onEnd } from './cleanup.ts'
import { copySqliteTemplate, type DatabaseKind, makeMigratedDatabase } from './databases.ts'

/** An answer as a test looks at it. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** The body as JSON; undefined when there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any
}

/** Sends requests with one credential. */
export interface Client {
  get(path: string, headers?: Record<string, string>): Promise<Reply>
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>
  patch(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>
  send(method: string, path: string, body?: string | Buffer, headers?: Record<string, string>): Promise<Reply>
}

/** Credentials of a created application. */
export interface Credentials {
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string
}

/** A whole server for one test, spoken to as a client would: over TLS. */
export interface Cordon {
  readonly server: RunningServer
  readonly url: string
  /** PEM of the CA certificate to trust, and where it lies. */
  readonly ca: string
  readonly caPath: string
  readonly dataDir: string
  readonly tenantId: string
  /** A second connection to the same database: what is really stored. */
  readonly store: Store
  readonly anonymous: Client
  createClient(role: RoleName, tenantId?: string): Promise<Credentials>
  createTenant(name: string): Promise<string>
  /** A client with a token of that role. */
  as(role: RoleName, tenantId?: string): Promise<Client>
  token(credentials: Credentials): Promise<string>
  withToken(token: string): Client
}

const actor: Omit<Actor, 'tenantId'> = { id: 'test', kind: 'system', name: 'test' }

/** Starts a server on a free port with a folder of its own; stopped and removed with the test. */
export async function startCordon(
  t: Ending,
  options: Partial<ServerOptions> & { readonly databaseKind?: DatabaseKind } = {},
): Promise<Cordon> {
  const dataDir = mkdtempSync(join(tmpdir(), 'cordon-server-'))
  onEnd(t, () => rmSync(dataDir, { recursive: true, force: true }))
  const { databaseKind = 'sqlite', ...rest } = options
  const database =
    rest.database ?? (databaseKind === 'postgres' ? await makeMigratedDatabase(t, 'postgres') : undefined)
  if (database === undefined && !existsSync(databaseFile(dataDir))) copySqliteTemplate(databaseFile(dataDir))
  const log = createLog(process.env.CORDON_TEST_LOG ?? 'fatal')
  const server = await startServer(
    { dataDir, database, host: 'localhost', port: 0, http: false, publicOrigins: [], strictGraph: false, ...rest },
    log,
  )
  onEnd(t, () => server.stop())
  return speakTo(t, server, dataDir, database)
}

/** What tests need of a server that listens already, in this process or in one of its own. */
export async function speakTo(
  t: Ending,
  server: RunningServer,
  dataDir: string,
  database?: string | undefined,
): Promise<Cordon> {
  const store = await openStore(database ?? join(dataDir, 'cordon.db'))
  onEnd(t, () => store.close())
  const caPath = server.caPath ?? ''
  const ca = readFileSync(caPath, 'utf8')
  const agent = new Agent({ ca, keepAlive: true })
  onEnd(t, () => agent.destroy())
  const send = makeSend(server.url, agent)
  const [{ id: tenantId }] = (await store.read.selectFrom('tenants').select('id').execute()) as [{ id: string }]
  const access = { store, clock: systemClock, ids: randomIds }

  const cordon: Cordon = {
    server,
    url: server.url,
    ca,
    caPath,
    dataDir,
    tenantId,
    store,
    anonymous: makeClient(send, {}),
    withToken: (token) => makeClient(send, { Authorization: `Bearer ${token}` }),
    createClient: async (role, tenant = tenantId) => {
      const made = await createApplication(access, { ...actor, tenantId: tenant }, { name: `${role} test`, role })
      return { tenantId: tenant, clientId: made.clientId, clientSecret: made.clientSecret }
    },
    createTenant: async (name) => (await createTenant(access, actor, { name })).id,
    token: async (credentials) => {
      const form = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: credentials.clientId,
        client_secret: credentials.clientSecret,
        scope: 'https://graph.microsoft.com/.default',
      })
      const path = `/${credentials.tenantId}/oauth2/v2.0/token`
      const type = { 'Content-Type': 'application/x-www-form-urlencoded' }
      const reply = await send('POST', path, form.toString(), type)
      if (reply.status !== 200) throw new Error(`no token: ${reply.status} ${reply.text}`)
      return reply.body.access_token
    },
    as: async (role, tenant) => cordon.withToken(await cordon.token(await cordon.createClient(role, tenant))),
  }
  return cordon
}

type Send = (method: string, path: string, body?: string | Buffer, headers?: Record<string, string>) => Promise<Reply>

function makeSend(origin: string, agent: Agent): Send {
  return (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(origin)
      const name = isIP(hostname) === 0 ? { servername: hostname } : {}
      const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
      const request = httpsRequest(
        { hostname, ...name, port, path, method, agent, headers: { ...length, ...headers } },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8')
            const json = response.headers['content-type']?.startsWith('application/json') && text !== ''
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text,
              body: json ? JSON.parse(text) : undefined,
            })
          })
          response.on('error', reject)
        },
      )
      request.on('error', reject)
      request.end(body)
    })
}

function makeClient(send: Send, credentials: Record<string, string>): Client {
  const json = { 'Content-Type': 'application/json' }
  return {
    get: (path, headers) => send('GET', path, undefined, { ...credentials, ...headers }),
    post: (path, body, headers) =>
      body === undefined
        ? send('POST', path, undefined, { 'Content-Length': '0', ...credentials, ...headers })
        : send('POST', path, JSON.stringify(body), { ...json, ...credentials, ...headers }),
    patch: (path, body, headers) => send('PATCH', path, JSON.stringify(body), { ...json, ...credentials, ...headers }),
    send: (method, path, body, headers) => send(method, path, body, { ...credentials, ...headers }),
  }
}
