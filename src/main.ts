import { isIP, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type AuthenticateDeps, createAuthenticator } from './access/authenticate.ts'
import { createPasswordHasher } from './access/credentials/password-hash.ts'
import { createGuessLimit } from './access/credentials/passwords.ts'
import { createFailureGuard } from './access/limits/failures.ts'
import { createThrottle, defaultRateLimits, type RateLimits } from './access/limits/throttle.ts'
import { authenticateSession } from './access/sessions.ts'
import { type AccessDeps, ensureFirstTenant } from './access/tenants.ts'
import { createFirstSignInLink } from './access/users.ts'
import { openPackageFolder } from './agents/evidence/package-folder.ts'
import { type AgentChannel, openAgentChannel } from './agents/open.ts'
import { agentRoutes } from './api/agent/routes.ts'
import { type BatchDeps, batchRoutes } from './api/graph/batch/batch.ts'
import { openMetrics } from './api/monitoring/figures.ts'
import { type FigureSources, listFigures } from './api/monitoring/metrics.ts'
import { portalRoutes } from './api/portal/routes.ts'
import type { Call, Route } from './api/route.ts'
import { operationRoutes } from './api/routes.ts'
import type { RunDeps } from './api/run-route.ts'
import { createHttpServer } from './api/server.ts'
import { openOutsideIssuers } from './api/sign-in/outside.ts'
import { signInRoutes } from './api/sign-in/routes.ts'
import { openApiRoutes } from './api/v1/openapi/get.ts'
import { openCheckpointFolder } from './audit/checkpoint-folder.ts'
import { type CheckpointDeps, startCheckpoints } from './audit/checkpoints.ts'
import { createAuditVerifier } from './audit/verifier.ts'
import type { ConfiguredConnector, Connector } from './connectors/connector.ts'
import { readOwnHost } from './connectors/endpoint/cordon-agent/devices.ts'
import { createCordonAgentConnector } from './connectors/endpoint/cordon-agent/index.ts'
import { createSampleHostConnector } from './connectors/endpoint/sample-host/index.ts'
import { createLdapConnector } from './connectors/identity/ldap/index.ts'
import { type ConnectorKinds, createKinds } from './connectors/kinds.ts'
import { createRegistry } from './connectors/registry.ts'
import { listConnectors, openSecrets, type SettingsDeps } from './connectors/settings.ts'
import { type FindingsDeps, findingsHandlers } from './intake/sources/scan-findings.ts'
import { type Clock, randomIds, systemClock } from './io/clock.ts'
import { checkpointFolder, databaseFile } from './io/data-dir.ts'
import { listenOn } from './io/listen.ts'
import type { Logger } from './io/log.ts'
import { createOutbound, type OutboundOptions } from './io/outbound.ts'
import { openSealer } from './io/sealing.ts'
import { loadKeys, type ServerKeys } from './io/secrets.ts'
import { certificateNames, loadTls } from './io/tls.ts'
import { startTidying } from './jobs/tidy.ts'
import { type JobHandler, startWorker } from './jobs/worker.ts'
import { createDeliveries, type DeliverDeps } from './notify/deliver.ts'
import { openLiveFeed } from './notify/live.ts'
import { type NotifierDeps, startNotifier } from './notify/notifier.ts'
import { responseHandlers } from './respond/engine/handlers.ts'
import { type RefusalDeps, recordRefusal } from './respond/refusal.ts'
import type { RunDeps as HandlerDeps } from './respond/run.ts'
import { sampleHost } from './respond/samples/content.ts'
import { findSample } from './respond/samples/samples.ts'
import { readJournal, writeJournal } from './store/connectors.ts'
import { openStore, type Store } from './store/db.ts'
import { readHolders } from './store/executions.ts'
import { freeLeases } from './store/jobs.ts'
import { claimDatabase } from './store/single-server.ts'

/** Requests under way when the server stops get this long; then their connections are closed. */
const drainMs = 5_000

/** Questions for a passkey that one network address may ask for; each is kept for five minutes. */
const asksPerMinute = 120

/** How a server is set up. */
export interface ServerOptions {
  /** Folder of keys, certificates and the embedded database. */
  readonly dataDir: string
  /** `postgres://` URL; the embedded database in `dataDir` without. */
  readonly database?: string | undefined
  /** Address to listen on. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Plain http; on loopback only. */
  readonly http: boolean
  /** Further origins clients use, e.g. `https://cordon.example`. */
  readonly publicOrigins: readonly string[]
  /** What may be reached beyond the public internet, and which CA is trusted beside the public ones. */
  readonly outbound?: OutboundOptions | undefined
  /** Support exactly the documented list of eight. */
  readonly strictGraph: boolean
  /** Origins whose pages may call the Graph routes; none without. */
  readonly corsOrigins?: readonly string[]
  /** Folder that checkpoints of the audit log are written to; one in `dataDir` without. */
  readonly auditCheckpoints?: string | undefined
  /** Requests a minute that are let in; {@link defaultRateLimits} without. */
  readonly rateLimits?: Partial<RateLimits>
}

/** A server that is listening. */
export interface RunningServer {
  /** The first origin, `https://localhost:8443`. */
  readonly url: string
  /** Where clients find the CA certificate to trust; null over plain http. */
  readonly caPath: string | null
  /** Signs the first person in, once; null when somebody has already. */
  readonly signInUrl: string | null
  /** Every operation it serves. */
  readonly routes: readonly Route[]
  /** Takes no new requests, ends what is under way and closes the store. */
  stop(): Promise<void>
}

/**
 * Puts a server together and starts it: store, keys, jobs, routes, listening. Stops in reverse order.
 * @throws Error with the reason, when an option is wrong or something it needs cannot be had
 */
export async function startServer(options: ServerOptions, log: Logger): Promise<RunningServer> {
  const clock = systemClock
  const ids = randomIds
  checkOptions(options)
  const names = listNames(options)
  const { store, keys, tls, release } = await openInstallation(options, names, clock, (text) => log.info(text))
  const tenant = await ensureFirstTenant({ store, clock, ids })
  if (store.dialect === 'sqlite') await freeLeases(store)
  const link = await createFirstSignInLink({ store, clock, ids }, tenant.id)

  const origins: string[] = []
  const hosts = new Set<string>()
  let draining = false
  const failures = createFailureGuard({ store, clock, log, firstTenantId: tenant.id })
  const { tokenKeys, commandKey, pagingKey, auditKeys } = keys
  const audit = openAudit({ store, clock, log, auditKeys }, options)
  const channel = openAgentChannel({ store, clock, ids, log, commandKey, packages: openPackageFolder(options.dataDir) })
  const portalOrigin = (): string => firstOrigin(options, listening.port)
  const ways = openWays({ store, clock, ids, portalOrigin }, channel, options)
  const isOwnHost = (host: string): boolean => hosts.has(host.toLowerCase())
  const watched = openWatch(
    { store, clock, heldPolls: channel.polls.held, auditProblem: audit.auditProblem },
    tenant.id,
  )
  const { publicOrigins } = options
  const access = openSignIn({ store, clock, ids, failures, tokenKeys, firstTenantId: tenant.id, publicOrigins }, ways)
  const who = openAccess(access, origins)
  const feed = openLiveFeed({ store, log })
  const parts = { ...audit, ...who, ...watched, ...ways, feed, packages: channel.packages, isDraining: () => draining }
  const deps = { store, clock, ids, log, pagingKey, isOwnHost, ...parts, portalOrigin }
  const admit = createThrottle(clock, { ...defaultRateLimits, ...options.rateLimits })
  const edge = { log, clock, ids, admit, recordRefusal: createRefusalRecorder(deps) }
  const single = [...operationRoutes(deps), ...signInRoutes(access), ...portalRoutes(access), ...agentRoutes(channel)]
  const routes = completeRoutes(edge, single)
  const httpDeps = {
    ...edge,
    ...who,
    tls,
    countRequest: watched.metrics.countRequest,
    corsOrigins: new Set(options.corsOrigins),
    isOwnHost,
  }
  const stopBackground = startBackground(deps)
  const listening = await listenOn(() => createHttpServer(httpDeps, routes), options)
  const { port } = listening
  for (const host of ownHosts(names, port, options)) hosts.add(host)
  for (const host of hosts) origins.push(`${options.http ? 'http' : 'https'}://${host}`)
  const url = firstOrigin(options, port)
  return {
    url,
    caPath: tls?.caPath ?? null,
    signInUrl: link ? `${url}${link.path}` : null,
    routes,
    stop: async () => {
      draining = true
      // Held polls and streams would keep the server open.
      channel.polls.stop()
      await feed.stop()
      const impatient = setTimeout(() => listening.closeAllConnections(), drainMs)
      await listening.close()
      clearTimeout(impatient)
      await stopBackground()
      await failures.stop()
      await audit.checkpoints.stop()
      await store.close()
      release?.()
    },
  }
}

interface Installation {
  readonly store: Store
  readonly keys: ServerKeys
  readonly tls: Awaited<ReturnType<typeof loadTls>> | null
  /** Gives the database file free for another server. */
  readonly release: (() => void) | null
}

/** Opens what a data folder holds. */
async function openInstallation(
  options: ServerOptions,
  names: readonly string[],
  clock: Clock,
  say: (text: string) => void,
): Promise<Installation> {
  const file = databaseFile(options.dataDir)
  const release = options.database === undefined ? claimDatabase(file) : null
  const [store, keys, tls] = await Promise.all([
    openStore(options.database ?? file, say),
    loadKeys(options.dataDir, clock),
    options.http ? null : loadTls(options.dataDir, names, clock),
  ])
  return { store, keys, tls, release }
}

/** What is counted and measured, for whoever watches the server. */
function openWatch(sources: FigureSources, firstTenantId: string) {
  const metrics = openMetrics()
  for (const figure of listFigures(sources)) metrics.add(figure)
  return { metrics, firstTenantId }
}

/** What people sign in with: passwords, and the outside issuers that were set up as connectors. */
function openSignIn<T extends Pick<AccessDeps, 'store' | 'clock'>>(
  base: T,
  { sealer, kinds }: Pick<SettingsDeps, 'sealer'> & { readonly kinds: ConnectorKinds },
) {
  const outside = openOutsideIssuers({ store: base.store, sealer }, kinds.oidc)
  const guesses = createGuessLimit(base.clock)
  const asks = createGuessLimit(base.clock, { perWindow: asksPerMinute, windowMs: 60_000 })
  return { ...base, outside, hasher: createPasswordHasher(), guesses, asks }
}

/** What names the callers of this server, by bearer token or by the portal's session. */
function openAccess(access: Omit<AuthenticateDeps, 'origins'> & AccessDeps, origins: readonly string[]) {
  return {
    authenticate: createAuthenticator({ ...access, origins: () => origins }),
    authenticateSession: (call: Call) => authenticateSession(access, call),
  }
}

/** What signs the audit log and what verifies it, over one folder of checkpoints. */
function openAudit(deps: Omit<CheckpointDeps, 'folder'>, options: ServerOptions) {
  const folder = openCheckpointFolder(options.auditCheckpoints ?? checkpointFolder(options.dataDir))
  const checkpoints = startCheckpoints({ ...deps, folder })
  return { checkpoints, auditProblem: checkpoints.problem, auditVerifier: createAuditVerifier({ ...deps, folder }) }
}

interface WayDeps extends Omit<SettingsDeps, 'sealer'> {
  readonly portalOrigin: () => string
}

/** What leads out of this server: the rules, the keys of secrets, and every connector behind one face. */
function openWays(base: WayDeps, channel: AgentChannel, options: ServerOptions) {
  const { clock, store } = base
  const outbound = createOutbound(options.outbound ?? { allow: [] })
  const settings = { sealer: openSealer(options.dataDir, clock), kinds: createKinds({ ...base, outbound }) }
  const connectors = [
    createCordonAgentConnector({ ...channel, readOwnHost }),
    createSampleHostConnector({
      clock,
      hostName: sampleHost,
      hasSample: async (tenantId) => (await findSample(store.read, tenantId)) !== null,
    }),
    connectDirectories({ ...base, ...settings }),
  ]
  const channels = {
    kinds: settings.kinds.channels,
    list: (tenantId: string) => listConnectors(store.read, tenantId),
    open: (connector: ConfiguredConnector) => openSecrets({ ...settings, store }, connector),
  }
  const registry = createRegistry(connectors, { strictGraph: options.strictGraph })
  return { ...settings, channels, outbound, registry }
}

/** The directories that people set up, with their secrets opened for each call, and the database as their journal. */
function connectDirectories(deps: SettingsDeps & { readonly kinds: ConnectorKinds }): Connector {
  const { store, clock } = deps
  const kind = deps.kinds.ldap
  return createLdapConnector({
    kind,
    clock,
    open: (connector) => openSecrets(deps, connector),
    list: async (tenantId) => (await listConnectors(store.read, tenantId)).filter((one) => one.kind === kind.name),
    journal: {
      read: async (tenantId, executionId) => {
        const found = await readJournal(store.read, tenantId, executionId)
        return found === null ? undefined : JSON.parse(found)
      },
      write: (tenant_id, execution_id, found) => {
        const row = { tenant_id, execution_id, found: JSON.stringify(found), at: clock.now() }
        return store.transaction((tx) => writeJournal(tx, row))
      },
    },
    findOtherHolds: async ({ tenantId, target, taskId }, family) => {
      const holders = await readHolders(store.read, tenantId, target.key, family)
      return holders.filter((holder) => holder.taskId !== taskId)
    },
  })
}

/** Adds what speaks of the others: batches of them, and their description. */
function completeRoutes(edge: BatchDeps, single: readonly Route[]): Route[] {
  const described = [...single, ...batchRoutes(edge, single)]
  return [...described, ...openApiRoutes(described)]
}

/** Starts what works without being asked. @returns what stops it, after what is under way */
function startBackground(deps: DeliverDeps & HandlerDeps & FindingsDeps & NotifierDeps): () => Promise<void> {
  const notifier = startNotifier(deps)
  const worker = startWorker({ ...deps, handlers: listHandlers(deps) })
  const stopTidying = startTidying(deps)
  return async () => {
    await notifier.stop()
    await worker.stop()
    await stopTidying()
  }
}

/** What is done by jobs, by kind of job. */
function listHandlers(deps: DeliverDeps & HandlerDeps & FindingsDeps): Readonly<Record<string, JobHandler>> {
  return { ...createDeliveries(deps), ...responseHandlers(deps), ...findingsHandlers(deps) }
}

function createRefusalRecorder(deps: RefusalDeps): RunDeps['recordRefusal'] {
  return (call, caller, route, error) =>
    recordRefusal(deps, caller, { action: `${route.method} ${route.path}`, objectId: call.params.id ?? '' }, error)
}

function checkOptions(options: ServerOptions): void {
  if (options.http && !isLoopback(options.host)) {
    throw new Error(`--http serves without encryption and so only on loopback; '${options.host}' is not loopback`)
  }
  checkOrigins('--public-origin', options.publicOrigins)
  checkOrigins('--cors-origin', options.corsOrigins ?? [])
}

function checkOrigins(option: string, origins: readonly string[]): void {
  for (const origin of origins) {
    const url = URL.parse(origin)
    if (!url || url.origin !== origin || !/^https?:$/.test(url.protocol)) {
      throw new Error(`${option} takes an origin such as https://cordon.example, not '${origin}'`)
    }
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** Names and addresses this server may be asked for; on a wildcard address all of the machine's own. */
function listNames(options: ServerOptions): string[] {
  const wildcard = options.host === '0.0.0.0' || options.host === '::'
  const own = wildcard ? Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((i) => i.address)) : []
  return certificateNames([options.host, ...own.filter((address) => !address.includes('%')), ...options.publicOrigins])
}

function ownHosts(names: readonly string[], port: number, options: ServerOptions): string[] {
  const usual = options.http ? 80 : 443
  const hosts = names.flatMap((name) => {
    const host = isIPv6(name) ? `[${name}]` : name
    return port === usual ? [host, `${host}:${port}`] : [`${host}:${port}`]
  })
  return [...hosts, ...options.publicOrigins.map((origin) => new URL(origin).host)]
}

function firstOrigin(options: ServerOptions, port: number): string {
  const [published] = options.publicOrigins
  if (published !== undefined) return published
  const wildcard = options.host === '0.0.0.0' || options.host === '::'
  const name = wildcard || isLoopback(options.host) ? 'localhost' : options.host
  const host = isIP(name) === 6 ? `[${name}]` : name
  return `${options.http ? 'http' : 'https'}://${host}:${port}`
}
