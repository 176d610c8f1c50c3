import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs'
import { findProgram, type RunProgram } from '../run-program.ts'
import { readLocalMounts, walkFiles } from '../walk.ts'
import { createReport, type Report, type ScanOptions, type ScanOutcome } from './report.ts'
import { startScanner } from './scanner-process.ts'
import { CLAMAV_DATABASE } from './signatures.ts'

/** Where Debian's clamav-daemon has its settings. */
export const CLAMD_CONFIG = '/etc/clamav/clamd.conf'

/** Files one clamdscan is given; its start costs a few milliseconds. */
const BATCH_FILES = 2_000
/** What clamdscan reads of a line of its list. */
const MAX_LINE_BYTES = 1_000
const settings = ['--fdpass', '--stdout', '--no-summary'] as const
const lineEnd = 0x0a
const carriageReturn = 0x0d

/** A clamd that answers, with the signatures of the folder that was asked for. */
export interface Clamd {
  readonly config: string
  readonly engine: string
}

/**
 * The daemon of this host; undefined when there is none, it does not answer within seconds, or its signatures lie in another folder than
 * those the owner named.
 * @param config path of its clamd.conf
 * @param database folder of the signatures
 * @source clamd.conf(5), clamdscan(1)
 */
export async function findClamd(run: RunProgram, config: string, database: string): Promise<Clamd | undefined> {
  if (findProgram('clamdscan') === undefined || readDatabaseFolder(config) !== database) return undefined
  const ping = await run('clamdscan', [`--config-file=${config}`, '--ping=2:1'])
  if (ping.code !== 0) return undefined
  const version = await run('clamdscan', [`--config-file=${config}`, '--version'])
  return { config, engine: version.stdout.split(/[/\n]/)[0]?.trim() || 'ClamAV unknown' }
}

/**
 * Scans through clamd, which has the signatures in memory. The files are opened here and handed over, so that the daemon needs no right to
 * read them; they are listed here too, so that no link is followed, no folder of ours is entered, and it is known how far the scan is.
 * @param listPath where a list of files is written, batch by batch
 * @source clamdscan(1), `--fdpass`, `--file-list`
 */
export async function runClamdscan(
  { config, engine }: Clamd,
  listPath: string,
  options: ScanOptions,
): Promise<ScanOutcome> {
  const report = createReport(options.onFile)
  const start = (words: readonly string[], input?: number): Promise<number | null> =>
    startScanner('clamdscan', [`--config-file=${config}`, ...settings, ...words], options.signal, report, input)
  let exit: number | null = 0
  for await (const batch of listBatches(options)) {
    const lines = batch.filter(isLine).flatMap((path) => [path, Buffer.of(lineEnd)])
    writeFileSync(listPath, Buffer.concat(lines), { mode: 0o600 })
    if (lines.length > 0) exit = worse(exit, await start([`--file-list=${listPath}`]))
    for (const path of batch.filter((path) => !isLine(path))) {
      if (exit === null || report.read().lost) break
      exit = worse(exit, await scanInput(path, report, (input) => start(['-'], input)))
    }
    if (exit === null || report.read().lost) break
  }
  return { ...report.read(), by: 'clamd', exit, signatures: null, engine }
}

/** A file whose name cannot stand in a list of lines: the scanner gets it opened, and calls it by the number of its descriptor. */
async function scanInput(
  path: Buffer,
  report: Report,
  start: (input: number) => Promise<number | null>,
): Promise<number | null> {
  const input = tryOpen(path)
  if (input === undefined) return 0
  try {
    report.nameNext(path.toString('utf8'))
    return await start(input)
  } finally {
    closeSync(input)
  }
}

async function* listBatches({
  places,
  exclude,
  oneFileSystem,
  signal,
}: ScanOptions): AsyncGenerator<readonly Buffer[], void, undefined> {
  const roots = places.map((place) => Buffer.from(place))
  // A quick scan enters what is mounted below its places; none of them holds a file system of the kernel.
  const points = oneFileSystem ? readLocalMounts().points : new Set<string>()
  let batch: Buffer[] = []
  for await (const paths of walkFiles(roots, exclude, points)) {
    if (signal.aborted) return
    batch.push(...paths)
    while (batch.length >= BATCH_FILES) {
      yield batch.slice(0, BATCH_FILES)
      batch = batch.slice(BATCH_FILES)
    }
  }
  if (batch.length > 0) yield batch
}

function isLine(path: Buffer): boolean {
  return path.length <= MAX_LINE_BYTES && !path.includes(lineEnd) && !path.includes(carriageReturn)
}

function tryOpen(path: Buffer): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    // It went away after it was listed.
    return undefined
  }
}

function worse(left: number | null, right: number | null): number | null {
  if (left === null || right === null) return null
  return left === 1 || right === 1 ? 1 : Math.max(left, right)
}

function readDatabaseFolder(config: string): string | undefined {
  try {
    return /^\s*DatabaseDirectory\s+(\S+)/m.exec(readFileSync(config, 'utf8'))?.[1] ?? CLAMAV_DATABASE
  } catch {
    // No daemon is set up here.
    return undefined
  }
}
