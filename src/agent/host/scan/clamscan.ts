import { createReport, type ScanOptions, type ScanOutcome } from './report.ts'
import { startScanner } from './scanner-process.ts'

/**
 * Scans with clamscan, which loads the signatures itself.
 * @param database folder of the signatures
 * @source clamscan(1)
 */
export async function runClamscan(database: string, options: ScanOptions): Promise<ScanOutcome> {
  const { places, exclude, folder, oneFileSystem, signal, onFile } = options
  const words = [
    ...[
      `--database=${database}`,
      `--tempdir=${folder}`,
      '--recursive',
      '--stdout',
      '--follow-dir-symlinks=0',
      '--follow-file-symlinks=0',
    ],
    ...(oneFileSystem ? ['--cross-fs=no'] : []),
    ...exclude.map((place) => `--exclude-dir=^${place.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}(/|$)`),
    ...['--', ...places],
  ]
  const report = createReport(onFile)
  const exit = await startScanner('clamscan', words, signal, report)
  const { summary } = report
  const read = report.read()
  return {
    ...read,
    by: 'clamscan',
    exit,
    files: Number(summary.get('Scanned files') ?? read.files),
    signatures: Number(summary.get('Known viruses') ?? 0),
    engine: `ClamAV ${summary.get('Engine version') ?? 'unknown'}`,
  }
}
