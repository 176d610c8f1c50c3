import { createHash } from 'node:crypto'
import { createReadStream, existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { RunAntiVirusScanBody } from '../../protocol/bodies/runAntiVirusScan.ts'
import type { JsonObject } from '../../protocol/decode.ts'
import type { ProofCheck } from '../../protocol/result.ts'
import type { Found, ScanOutcome } from '../host/scan/report.ts'
import { findScanProblem, runScan } from '../host/scan/scanner.ts'
import { readSignatures } from '../host/scan/signatures.ts'
import { readLocalMounts } from '../host/walk.ts'
import { stateFiles } from '../state.ts'
import { type ActionDeps, type ActionOrder, type ActionOutcome, describeFailure } from './action.ts'
import { writeProof } from './isolateDevice.ts'

/** Signatures older than this are worth a warning. */
const STALE_DAYS = 7
/** What is larger is named by its path only. */
const MAX_HASHED_BYTES = 256 * 1024 * 1024
const FIRST_PROGRESS_MS = 3_000
const PROGRESS_MS = 30_000

/** Where a quick scan looks, beside the executables that run. @source design actions.md 8.6 */
const quickPlaces = [
  ...['/tmp', '/var/tmp', '/dev/shm', '/home', '/root', '/etc/cron.d', '/etc/cron.daily', '/etc/cron.hourly'],
  ...['/etc/cron.weekly', '/etc/cron.monthly', '/var/spool/cron', '/etc/systemd/system', '/etc/init.d'],
  ...['/usr/local/bin', '/usr/local/sbin', '/var/www', '/srv'],
]

/**
 * Scans the host with ClamAV. A scan that ran to its end is a success, whatever it found; the findings are artifacts of the result. One
 * that was cut short with the agent is begun anew: it changes nothing.
 * @source design actions.md 7.4, 8.6
 */
export async function runAntiVirusScan(
  deps: ActionDeps,
  order: ActionOrder,
  body: RunAntiVirusScanBody,
): Promise<ActionOutcome> {
  const { config } = deps
  const problem = await findScanProblem(deps.run, config)
  const before: JsonObject = {}
  if (problem !== undefined) return describeFailure('failed', 'NoScanner', problem, { before, after: null })
  const places = choosePlaces(body.scan, config.scan)
  if (order.dryRun) {
    const target = { state: 'succeeded' as const, changed: false }
    const detail = `would scan ${places.length} places`
    return { state: 'succeeded', target, code: 'DryRun', detail, before, after: before, proof: null, artifacts: [] }
  }
  if (order.resumedFrom === null) order.begin(before)
  deps.failpoint('before-scan')
  const started = performance.now()
  const late = AbortSignal.timeout(body.maxSeconds * 1000)
  let nextReport = started + FIRST_PROGRESS_MS
  const folder = emptyFolder(deps)
  const options = {
    places,
    folder,
    exclude: ['/proc', '/sys', deps.state.path],
    oneFileSystem: body.scan === 'full',
    signal: AbortSignal.any([late, order.signal]),
    onFile: (files: number, findings: number) => {
      if (performance.now() < nextReport) return
      nextReport = performance.now() + PROGRESS_MS
      order.progress(`${files} files scanned, ${findings} findings`)
    },
  }
  const listPath = join(deps.state.path, stateFiles.scanList)
  const outcome = await runScan(deps.run, config, listPath, options, order.progress)
  rmSync(listPath, { force: true })
  rmSync(folder, { recursive: true, force: true })
  const seconds = Math.ceil((performance.now() - started) / 1000)
  const after = describeScan(body, outcome, readSignatures(config.clamav, deps.clock.nowMs())?.ageDays ?? 0, seconds)
  const failure = findFailure(outcome, late.aborted, body.maxSeconds)
  if (failure !== undefined) return describeFailure('failed', failure.code, failure.detail, { before, after })
  const stale = Number(after.databaseAgeDays) > STALE_DAYS
  return {
    state: 'succeeded',
    target: { state: 'succeeded', changed: false },
    code: stale ? 'StaleSignatures' : null,
    detail: stale ? `the newest signatures are ${after.databaseAgeDays} days old; run: freshclam` : null,
    before,
    after,
    proof: { ...writeProof(deps, after, listChecks(outcome)), method: outcome.by },
    artifacts: await Promise.all(outcome.found.map(describeFinding)),
  }
}

/** Where a scanner unpacks what it looks into. One that was killed with the agent has left something behind: it goes with the next scan. */
function emptyFolder(deps: ActionDeps): string {
  const folder = join(deps.state.path, stateFiles.scanFolder)
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  mkdirSync(folder, { mode: 0o700 })
  return folder
}

/** Files and folders of a scan that are there. */
function choosePlaces(scan: 'quick' | 'full', configured: readonly string[]): readonly string[] {
  if (scan === 'full') return readLocalMounts().local.map((place) => place.toString('utf8'))
  return (configured.length > 0 ? configured : [...quickPlaces, ...listRunning()]).filter((place) => existsSync(place))
}

function listRunning(): readonly string[] {
  const paths = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readlinkSync(`/proc/${pid}/exe`)]
      } catch {
        // It ended meanwhile, or is a thread of the kernel.
        return []
      }
    })
  return [...new Set(paths)]
}

function findFailure(
  { by, exit, signatures, files, lost, errors }: ScanOutcome,
  late: boolean,
  maxSeconds: number,
): { readonly code: string; readonly detail: string } | undefined {
  const first = errors[0] ?? 'no reason given'
  if (late) return { code: 'TimedOut', detail: `not finished after ${maxSeconds} s; ${files} files were scanned` }
  if (exit === null || exit > 2 || lost)
    return { code: 'ScannerEnded', detail: `${by} ended before its time: ${first}` }
  if (signatures === 0)
    return { code: 'NoSignatures', detail: `ClamAV cannot use its signatures: ${first}; run: freshclam` }
  // Files that go away while it looks make it answer 2 as well; what counts is that it came to its end.
  return exit === 2 && files === 0 ? { code: 'ScanFailed', detail: first } : undefined
}

function describeScan(
  body: RunAntiVirusScanBody,
  outcome: ScanOutcome,
  databaseAgeDays: number,
  seconds: number,
): JsonObject {
  const { by, engine, signatures, files, findings, exit, errors } = outcome
  return {
    scan: body.scan,
    by,
    engine,
    signatures,
    databaseAgeDays,
    files,
    findings,
    exit,
    errors: [...errors],
    seconds,
  }
}

function listChecks({ exit, files, findings, signatures }: ScanOutcome): readonly ProofCheck[] {
  return [
    { name: 'exit', want: 'any', got: String(exit) },
    { name: 'signatures', want: 'any', got: signatures === null ? 'those of clamd' : String(signatures) },
    { name: 'files', want: 'any', got: String(files) },
    { name: 'findings', want: 'any', got: String(findings) },
  ]
}

async function describeFinding({ path, signature }: Found): Promise<JsonObject> {
  const finding: JsonObject = { kind: 'finding', path: path.slice(0, 4000), signature: signature.slice(0, 300) }
  try {
    const info = lstatSync(path)
    if (!info.isFile() || info.size > MAX_HASHED_BYTES) return { ...finding, size: info.size }
    const [sha1, sha256] = [createHash('sha1'), createHash('sha256')]
    for await (const chunk of createReadStream(path)) for (const hash of [sha1, sha256]) hash.update(chunk)
    return { ...finding, size: info.size, sha1: sha1.digest('hex'), sha256: sha256.digest('hex') }
  } catch {
    // It went away after it was found: its path and signature are what is left.
    return finding
  }
}
