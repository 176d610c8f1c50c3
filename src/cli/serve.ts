import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { RateLimits } from '../access/limits/throttle.ts'
import { readEnvironment } from '../io/env.ts'
import { CordonError } from '../model/errors.ts'

interface ServeOptions {
  readonly data?: string
  readonly database?: string
  readonly host?: string
  readonly port?: string
  readonly http?: boolean
  readonly publicOrigin?: readonly string[]
  readonly strictGraph?: boolean
  readonly outboundAllow?: readonly string[]
  readonly outboundCa?: string
  readonly corsOrigin?: readonly string[]
  readonly auditCheckpoints?: string
  readonly rateLimit?: string
  readonly tenantRateLimit?: string
}

/** Longest time from SIGTERM to exit; whatever is still under way then is picked up by the next start. */
const drainMs = 9_000

/** Adds `cordon serve`. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('run the server: Graph API, portal and agent channel')
    .option('--data <dir>', 'folder of keys, certificates and the embedded database (CORDON_DATA, default ./data)')
    .option('--database <url>', 'postgres:// URL instead of the embedded database (CORDON_DATABASE)')
    .option('--host <host>', 'address to listen on (CORDON_HOST, default localhost)')
    .option('--port <port>', 'port to listen on, 0 for a free one (CORDON_PORT, default 8443)')
    .option('--http', 'plain http without TLS, on loopback only')
    .option('--public-origin <origin...>', 'origins clients use, e.g. https://cordon.example (CORDON_PUBLIC_ORIGINS)')
    .option('--strict-graph', 'support exactly the action types Graph documents (CORDON_STRICT_GRAPH=1)')
    .option(
      '--cors-origin <origin...>',
      'origins whose pages may call the Graph API (CORDON_CORS_ORIGINS, default none)',
    )
    .option(
      '--audit-checkpoints <dir>',
      'folder for signed checkpoints of the audit log (CORDON_AUDIT_CHECKPOINTS, default DATA/checkpoints)',
    )
    .option('--rate-limit <requests>', 'requests a minute let in per application or person (CORDON_RATE_LIMIT)')
    .option('--tenant-rate-limit <requests>', 'requests a minute let in per tenant (CORDON_TENANT_RATE_LIMIT)')
    .option(
      '--outbound-allow <network...>',
      'inner networks notifications and connectors may go to, e.g. 10.1.2.0/24:8443 (CORDON_OUTBOUND_ALLOW)',
    )
    .option('--outbound-ca <file>', 'CA certificate of inner receivers (CORDON_OUTBOUND_CA)')
    .action(serve)
}

async function serve(options: ServeOptions): Promise<void> {
  const env = readEnvironment()
  const [{ startServer }, { createLog }] = await Promise.all([import('../main.ts'), import('../io/log.ts')])
  const log = createLog(env.logLevel ?? 'info')
  const server = await startServer(
    {
      dataDir: options.data ?? env.data ?? 'data',
      database: options.database ?? env.database,
      host: options.host ?? env.host ?? 'localhost',
      port: readPort(options.port ?? env.port ?? '8443'),
      http: options.http === true,
      publicOrigins: options.publicOrigin ?? env.publicOrigins?.split(',') ?? [],
      outbound: {
        allow: options.outboundAllow ?? env.outboundAllow?.split(',') ?? [],
        ca: readCa(options.outboundCa ?? env.outboundCa),
      },
      strictGraph: options.strictGraph === true || env.strictGraph === '1',
      corsOrigins: options.corsOrigin ?? env.corsOrigins?.split(',') ?? [],
      auditCheckpoints: options.auditCheckpoints ?? env.auditCheckpoints,
      rateLimits: {
        ...readLimit('perCallerPerMinute', '--rate-limit', options.rateLimit ?? env.rateLimit),
        ...readLimit('perTenantPerMinute', '--tenant-rate-limit', options.tenantRateLimit ?? env.tenantRateLimit),
      },
    },
    log,
  )
  stopOnSignal(async () => {
    log.info('draining')
    await server.stop()
    log.info('stopped')
  })
  log.info({ url: server.url, ca: server.caPath }, 'listening')
  const lines = [
    `Cordon is ready at ${server.url}`,
    ...(server.signInUrl ? [`Sign in, once and within the hour: ${server.signInUrl}`] : []),
    ...(server.caPath ? [`Clients trust this CA certificate: ${server.caPath}`] : []),
  ]
  process.stderr.write(`\n${lines.join('\n')}\n\n`)
}

function readCa(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readFileSync(path, 'utf8')
}

function readPort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new CordonError('BadRequest', `--port takes 0 to 65535, not '${text}'`)
  return port
}

function readLimit(name: keyof RateLimits, option: string, text: string | undefined): Partial<RateLimits> {
  if (text === undefined) return {}
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new CordonError('BadRequest', `${option} takes a whole number of requests a minute from 1 on, not '${text}'`)
  }
  return { [name]: Number(text) }
}

function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false
  const onSignal = (): void => {
    if (stopping) process.exit(0)
    stopping = true
    setTimeout(() => process.exit(0), drainMs).unref()
    stop().then(
      () => process.exit(0),
      (cause: unknown) => {
        process.stderr.write(`cordon: ${cause instanceof Error ? cause.message : String(cause)}\n`)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}
