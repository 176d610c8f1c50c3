import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { connectionSettings, inTimeFunction } from './sqlite.ts'

// The thread of scanner.ts: runs one SELECT after the other on a connection of its own.

/** A SELECT to run, as scanner.ts sends it. */
export interface ScanOrder {
  readonly id: number
  readonly sql: string
  readonly parameters: readonly SQLInputValue[]
  /** Milliseconds it may take from now on. */
  readonly patienceMs: number
}

/** What became of it. */
export type ScanReport =
  | { readonly id: number; readonly rows: readonly unknown[] }
  | { readonly id: number; readonly isLate: true }
  | { readonly id: number; readonly message: string; readonly errcode: number | undefined }

const connection = new DatabaseSync(String(workerData), { timeout: 1_000 })
for (const setting of connectionSettings) connection.exec(setting)
connection.exec('PRAGMA query_only = ON')

let endsAtMs = 0
connection.function(inTimeFunction, { varargs: true }, () => {
  if (performance.now() > endsAtMs) throw new RangeError('late')
  return 1
})

function run({ id, sql, parameters, patienceMs }: ScanOrder): ScanReport {
  endsAtMs = performance.now() + patienceMs
  try {
    return { id, rows: connection.prepare(sql).all(...parameters) }
  } catch (cause) {
    if (performance.now() > endsAtMs) return { id, isLate: true }
    const errcode = cause instanceof Error && 'errcode' in cause ? Number(cause.errcode) : undefined
    return { id, message: cause instanceof Error ? cause.message : 'unknown', errcode }
  }
}

parentPort?.on('message', (order: ScanOrder) => parentPort?.postMessage(run(order)))
