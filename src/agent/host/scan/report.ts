/** What a scan came to. */
export interface ScanOutcome {
  readonly by: 'clamscan' | 'clamd'
  /** As clamscan(1) and clamdscan(1) have it: 0 nothing found, 1 something found, 2 errors; null when it was ended. */
  readonly exit: number | null
  readonly files: number
  readonly found: readonly Found[]
  /** How often something was found; `found` holds the first of them. */
  readonly findings: number
  /** Signatures that were loaded, 0 when the database is unusable; null when clamd has them, which does not say how many. */
  readonly signatures: number | null
  readonly engine: string
  /** The scanner lost the daemon that has the signatures, so that files were left out. */
  readonly lost: boolean
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
  readonly places: readonly string[]
  /** Folders that are left out, as whole paths. */
  readonly exclude: readonly string[]
  /** Folder of the agent's own, empty, for what a scanner unpacks. */
  readonly folder: string
  /** Stays on the file system of each place. */
  readonly oneFileSystem: boolean
  readonly signal: AbortSignal
  /** Called with every line about a file. */
  readonly onFile: (files: number, findings: number) => void
}

/** What the lines of a scanner say, put together while they come. */
export interface Report {
  readonly line: (line: string) => void
  readonly error: (line: string) => void
  /** The next file is called by a number; this is its path. */
  readonly nameNext: (path: string) => void
  /** Lines of the scanner's own summary, by their first words. */
  readonly summary: ReadonlyMap<string, string>
  readonly read: () => Pick<ScanOutcome, 'files' | 'found' | 'findings' | 'lost' | 'errors'>
}

const MAX_FOUND = 100
const MAX_ERRORS = 5

/** What clamdscan says when the daemon ended, of the file it had and of each one after it. */
const lostDaemon = new RegExp(
  [
    'no ?reply from clamd$',
    'clamd may not be responding$',
    "^ERROR: (Could not connect to clamd|Can't (send to|lookup) clamd|Communication error|Clamd closed the connection)",
  ].join('|'),
)
const problem = /^(WARNING|ERROR|LibClamAV \w+): | ERROR$/

/** Reads what clamscan and clamdscan print: a line for each file, then a summary. */
export function createReport(onFile: ScanOptions['onFile']): Report {
  const found: Found[] = []
  const errors: string[] = []
  const summary = new Map<string, string>()
  let files = 0
  let findings = 0
  let summing = false
  let lost = false
  let next: string | undefined
  const error = (line: string): void => {
    if (errors.length < MAX_ERRORS && line.trim() !== '') errors.push(line.slice(0, 200))
  }
  return {
    error,
    summary,
    nameNext: (path) => {
      next = path
    },
    line: (line) => {
      const gone = !summing && lostDaemon.test(line)
      lost ||= gone
      if (line.startsWith('----------- SCAN SUMMARY')) summing = true
      else if (summing) summary.set(line.split(': ')[0] ?? '', line.split(': ')[1] ?? '')
      else if (gone || problem.test(line)) error(line)
      else {
        const match = /^(.*): (.+?)( FOUND)?$/.exec(line)
        if (match === null) return
        const path = next ?? match[1] ?? ''
        next = undefined
        if (match[3] !== undefined) {
          findings += 1
          if (found.length < MAX_FOUND) found.push({ path, signature: match[2] ?? '' })
        }
        files += 1
        onFile(files, findings)
      }
    },
    read: () => ({ files, found, findings, lost, errors }),
  }
}
