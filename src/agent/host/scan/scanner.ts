import { findProgram, type RunProgram } from '../run-program.ts'
import { findClamd, runClamdscan } from './clamd.ts'
import { runClamscan } from './clamscan.ts'
import type { ScanOptions, ScanOutcome } from './report.ts'
import { readSignatures } from './signatures.ts'

/** What the owner of the host said of ClamAV. */
export interface ScannerConfig {
  /** Folder of its signatures. */
  readonly clamav: string
  /** Settings of its daemon. */
  readonly clamd: string
}

/** Why this host cannot scan, with the fix; undefined when it can. */
export async function findScanProblem(run: RunProgram, { clamav, clamd }: ScannerConfig): Promise<string | undefined> {
  if (findProgram('clamscan') === undefined) {
    const daemon = await findClamd(run, clamd, clamav)
    return daemon === undefined ? 'ClamAV is not installed; run: apt-get install clamav' : undefined
  }
  return readSignatures(clamav, Date.now()) === undefined
    ? `ClamAV has no signatures in ${clamav}; run: freshclam`
    : undefined
}

/**
 * Scans through clamd when it runs, by clamscan otherwise, and by clamscan from the start when clamd goes away meanwhile.
 * @param listPath where a list of files may be written
 * @param onChange called with the reason when the second begins
 */
export async function runScan(
  run: RunProgram,
  { clamav, clamd }: ScannerConfig,
  listPath: string,
  options: ScanOptions,
  onChange: (reason: string) => void,
): Promise<ScanOutcome> {
  const daemon = await findClamd(run, clamd, clamav)
  if (daemon === undefined) return runClamscan(clamav, options)
  const outcome = await runClamdscan(daemon, listPath, options)
  if (!outcome.lost || options.signal.aborted || findProgram('clamscan') === undefined) return outcome
  onChange('clamd went away; clamscan begins anew')
  return runClamscan(clamav, options)
}
