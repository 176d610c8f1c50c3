import type { Command } from 'commander'
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
    .action(serve)
}

async function serve(options: ServeOptions): Promise<void> {
  const env = readEnvironment(process.env)
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
      strictGraph: options.strictGraph === true || env.strictGraph === '1',
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

function readPort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new CordonError('BadRequest', `--port takes 0 to 65535, not '${text}'`)
  return port
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
