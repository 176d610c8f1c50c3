import { spawn } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findProgram } from './run-program.ts'

/** Where Debian's ClamAV keeps its signatures. */
export const CLAMAV_DATABASE = '/var/lib/clamav'

const databaseFiles = /\.(cvd|cld|cud|hdb|hsb|hdu|hsu|mdb|msb|ndb|ndu|ldb|ldu|yara|yar|sdb|zmd|idb)$/

/** The signatures of this host. */
export interface Signatures {
  /** Of the newest file. */
  readonly ageDays: number
}

/** Why this host cannot scan, with the fix; undefined when it can. */
export function findScanProblem(database: string): string | undefined {
  if (findProgram('clamscan') === undefined) return 'ClamAV is not installed; run: apt-get install clamav'
  return readSignatures(database, Date.now()) === undefined
    ? `ClamAV has no signatures in ${database}; run: freshclam`
    : undefined
}

/** What is known of the signatures in a folder; undefined when there are none. */
export function readSignatures(database: string, nowMs: number): Signatures | undefined {
  const times = listIfThere(database)
    .filter((name) => databaseFiles.test(name))
    .map((name) => statSync(join(database, name)).mtimeMs)
  if (times.length === 0) return undefined
  return { ageDays: Math.max(0, Math.floor((nowMs - Math.max(...times)) / 86_400_000)) }
}

/** What a scan came to. */
export interface ScanOutcome {
  /** As clamscan(1) has it: 0 nothing found, 1 something found, 2 errors; null when it was ended. */
  readonly exit: number | null
  readonly files: number
  readonly found: readonly Found[]
  /** How often something was found; `found` holds the first of them. */
  readonly findings: number
  /** Signatures that were loaded; 0 when the database is unusable. */
  readonly signatures: number
  readonly engine: string
  /** First lines of what went wrong. */
  readonly errors: readonly string[]
}

/** A file in which a signature was found. */
export interface Found {
  readonly path: string
  readonly signature: string
}

/** What a scan is told and tells. */
export interface ScanOptions {
  readonly database: string
  readonly places: readonly string[]
  /** Folders that are left out, as whole paths. */
  readonly exclude: readonly string[]
  /** Stays on the file system of each place. */
  readonly oneFileSystem: boolean
  readonly signal: AbortSignal
  /** Called with every line about a file. */
  readonly onFile: (files: number, findings: number) => void
}

const MAX_FOUND = 100
const MAX_ERRORS = 5

/**
 * Runs clamscan at the lowest priority of processor and disk. The kernel ends it with us.
 * @source clamscan(1)
 */
export function runScan(options: ScanOptions): Promise<ScanOutcome> {
  const { database, places, exclude, oneFileSystem, signal } = options
  const path = findProgram('clamscan') ?? 'clamscan'
  const words = [
    ...['--pdeathsig', 'KILL', '--', 'nice', '-n', '19', 'ionice', '-c', '3', path],
    ...[`--database=${database}`, '--recursive', '--stdout', '--follow-dir-symlinks=0', '--follow-file-symlinks=0'],
    ...(oneFileSystem ? ['--cross-fs=no'] : []),
    ...exclude.map((folder) => `--exclude-dir=^${folder.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}(/|$)`),
    ...['--', ...places],
  ]
  const child = spawn('setpriv', words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' },
  })
  const kill = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  const reader = createReport(options.onFile)
  createInterface({ input: child.stdout }).on('line', reader.line)
  createInterface({ input: child.stderr }).on('line', reader.error)
  return new Promise((resolve) => {
    child.once('error', (error) => reader.error(error.message))
    child.once('close', (exit) => {
      signal.removeEventListener('abort', kill)
      resolve(reader.end(exit))
    })
    if (signal.aborted) kill()
  })
}

interface Report {
  readonly line: (line: string) => void
  readonly error: (line: string) => void
  readonly end: (exit: number | null) => ScanOutcome
}

function createReport(onFile: ScanOptions['onFile']): Report {
  const found: Found[] = []
  const errors: string[] = []
  const summary = new Map<string, string>()
  let files = 0
  let findings = 0
  let summing = false
  const error = (line: string): void => {
    if (errors.length < MAX_ERRORS && line.trim() !== '') errors.push(line.slice(0, 200))
  }
  return {
    error,
    line: (line) => {
      if (line.startsWith('----------- SCAN SUMMARY')) summing = true
      else if (summing) summary.set(line.split(': ')[0] ?? '', line.split(': ')[1] ?? '')
      else {
        const match = /^(.*): (.+?)( FOUND)?$/.exec(line)
        if (match?.[3] !== undefined) {
          findings += 1
          if (found.length < MAX_FOUND) found.push({ path: match[1] ?? '', signature: match[2] ?? '' })
        } else if (match !== null && line.startsWith('WARNING')) error(line)
        if (match === null) return
        files += 1
        onFile(files, findings)
      }
    },
    end: (exit) => ({
      exit,
      files: Number(summary.get('Scanned files') ?? files),
      found,
      findings,
      signatures: Number(summary.get('Known viruses') ?? 0),
      engine: `ClamAV ${summary.get('Engine version') ?? 'unknown'}`,
      errors,
    }),
  }
}

function listIfThere(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return []
    throw error
  }
}
