import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { type Intake, type IntakeReport, openIntake } from '../intake/intake.ts'
import type { Source } from '../intake/normalised.ts'
import { findSource, sources } from '../intake/sources/list.ts'
import { systemClock } from '../io/clock.ts'
import { CordonError } from '../model/errors.ts'
import { openFile } from './ingest-file.ts'
import { openRemoteIntake } from './ingest-remote.ts'
import { openProgress } from './progress.ts'
import { addStoreOptions, chooseTenant, printResult, runStoreCommand, type StoreOptions } from './store-command.ts'

interface IngestOptions extends StoreOptions {
  readonly source: string
  readonly tenant?: string
  readonly url?: string
  readonly clientId?: string
  readonly clientSecret?: string
  readonly ca?: string
  readonly quiet?: boolean
}

/** Exit code when the rest was taken in but some records were rejected. */
const someRejected = 3

/** A server may be running on the same data: it waits for each transaction, and finds its turn in the pauses. */
const batchSize = 500
const pauseMs = 10

/** Rejections printed one by one. */
const maxPrinted = 20

/** Adds `cordon ingest`: a file of alerts into a store, or over HTTP to a server. */
export function addIngestCommands(program: Command): void {
  addStoreOptions(program.command('ingest'))
    .description('take in a file of alerts (plain, .gz or .xz; - is standard input)')
    .argument('<file>')
    .requiredOption('--source <source>', Object.keys(sources).join(', '))
    .option('--tenant <tenant>', 'id or domain of the tenant; default: the first, with --url that of the client')
    .option('--url <url>', 'send to this server instead')
    .option('--client-id <id>', 'application to sign in with (--url)')
    .option('--client-secret <secret>', 'its secret (--url)')
    .option('--ca <file>', 'CA certificate of the server (--url)')
    .option('--quiet', 'no progress')
    .action(ingest)
}

async function ingest(file: string, options: IngestOptions): Promise<void> {
  if (options.url === undefined) {
    await runStoreCommand(options, 'ingest', async (deps, actor) => {
      const source = requireSource(options)
      const tenant = await chooseTenant(deps, options.tenant)
      const intakeDeps = { store: deps.store, clock: deps.clock, batchSize, pauseMs }
      const intake = openIntake(intakeDeps, { ...actor, tenantId: tenant.id }, source)
      await run(file, options, intake)
    })
    return
  }
  const { url, clientId, clientSecret } = options
  const source = requireSource(options)
  if (clientId === undefined || clientSecret === undefined) {
    throw new CordonError('BadRequest', '--url needs --client-id and --client-secret.')
  }
  if (options.data !== undefined || options.database !== undefined) {
    throw new CordonError('BadRequest', 'Give either --url or --data or --database.')
  }
  const ca = options.ca === undefined ? null : readCertificate(options.ca)
  const server = { url: requireOrigin(url), tenant: options.tenant ?? 'organizations', clientId, clientSecret, ca }
  const intake = openRemoteIntake(server, source)
  try {
    await run(file, options, intake)
  } finally {
    intake.close()
  }
}

/** Reads the file into the intake and prints what became of it. */
async function run(file: string, options: IngestOptions, intake: Intake): Promise<void> {
  const { nowMs } = systemClock
  const startedMs = nowMs()
  const opened = await openFile(file)
  const progress = openProgress(process.stderr, options.quiet === true, nowMs)
  const state = (): { share: number | null; alerts: number } => {
    const { accepted, duplicates } = intake.report()
    const share = opened.totalBytes === null ? null : opened.readBytes() / Math.max(1, opened.totalBytes)
    return { share, alerts: accepted + duplicates }
  }
  for await (const chunk of opened.content) {
    await intake.push(chunk)
    progress.show(state())
  }
  const report = await intake.end()
  progress.finish(state())
  printReport(options, report, (nowMs() - startedMs) / 1000)
  if (report.rejectedCount > 0) process.exitCode = someRejected
}

function printReport(options: IngestOptions, report: IntakeReport, seconds: number): void {
  const { accepted, duplicates, ignored, rejectedCount, incidentsOpened, incidentsMerged } = report
  for (const { line, error } of report.rejected.slice(0, maxPrinted)) {
    process.stderr.write(`line ${line}: ${error}\n`)
  }
  if (rejectedCount > maxPrinted) process.stderr.write(`and ${rejectedCount - maxPrinted} more\n`)
  const summary = {
    accepted,
    duplicates,
    rejected: rejectedCount,
    ignored,
    incidents: incidentsOpened - incidentsMerged,
    seconds: Math.round(seconds * 1000) / 1000,
  }
  printResult(options, summary, () => [
    `accepted    ${accepted}`,
    `duplicates  ${duplicates}`,
    `rejected    ${rejectedCount}`,
    `ignored     ${ignored}`,
    `incidents   ${incidentsOpened} opened, ${incidentsMerged} of older ones merged`,
    `seconds     ${summary.seconds}`,
  ])
}

function requireSource({ source }: IngestOptions): Source {
  const found = findSource(source.toLowerCase())
  if (found !== null) return found
  throw new CordonError('BadRequest', `There is no source ${source}; there are ${Object.keys(sources).join(', ')}.`)
}

function requireOrigin(text: string): string {
  const url = URL.parse(text)
  const isLocal = url !== null && /^(localhost|127\.[0-9.]+|\[::1\])$/.test(url.hostname)
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)) return url.origin
  throw new CordonError('BadRequest', '--url takes the https:// URL of the server (http:// on this machine only).')
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new CordonError('BadRequest', `The CA certificate ${path} cannot be read.`, { cause })
  }
}
