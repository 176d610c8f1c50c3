import { extname } from 'node:path'
import type { SQLInputValue } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { CordonError } from '../model/errors.ts'
import type { ExplainFailure } from './read-failures.ts'
import type { ScanOrder, ScanReport } from './scan-thread.ts'

/** Runs SELECTs that may read a whole table in a thread of its own, so that everything else is answered meanwhile. */
export interface Scanner {
  /**
   * The rows of a SELECT whose conditions begin with `inTime` of scans.ts.
   * @param patienceMs how long it may take, the wait for others before it with it; the scanner's patience without
   * @throws CordonError ServiceUnavailable when it takes longer, or when too many wait before it
   */
  scan(sql: string, parameters: readonly SQLInputValue[], patienceMs?: number): Promise<unknown[]>
  close(): Promise<void>
}

/** How long a question may take, and how many may wait. PostgreSQL gives a statement as long. */
export const scanLimits = { patienceMs: 15_000, waiting: 16 } as const

interface Asked {
  readonly order: Omit<ScanOrder, 'patienceMs'>
  readonly endsAtMs: number
  readonly resolve: (rows: unknown[]) => void
  readonly reject: (cause: unknown) => void
}

/**
 * A scanner of a SQLite file. Its thread starts with the first question and keeps nobody alive.
 * @param explain makes of a failure of SQLite what the caller gets
 */
export function openScanner(path: string, explain: ExplainFailure, limits: ScanLimits = scanLimits): Scanner {
  const asked: Asked[] = []
  let thread: Worker | null = null
  let lastId = 0

  const failAll = (cause: unknown): void => {
    thread = null
    for (const { reject } of asked.splice(0)) reject(explain(cause, 'connect'))
  }
  const start = (): Worker => {
    const started = new Worker(new URL(`./scan-thread${extname(import.meta.url)}`, import.meta.url), {
      workerData: path,
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    })
    started.on('message', (report: ScanReport) => finish(report))
    started.on('error', failAll)
    started.on('exit', () => {
      if (thread === started) failAll(new Error('the scanner ended'))
    })
    started.unref()
    return started
  }
  /** One after the other: the first in the list is the one under way. */
  const askNext = (): void => {
    const [first] = asked
    if (first === undefined) {
      thread?.unref()
      return
    }
    const patienceMs = first.endsAtMs - performance.now()
    if (patienceMs <= 0) {
      finish({ id: first.order.id, isLate: true })
      return
    }
    thread ??= start()
    thread.ref()
    thread.postMessage({ ...first.order, patienceMs } satisfies ScanOrder)
  }
  const finish = (report: ScanReport): void => {
    const done = asked.shift()
    if (done === undefined || done.order.id !== report.id) throw new Error('the scanner answered what nobody asked')
    if ('rows' in report) done.resolve([...report.rows])
    else if ('isLate' in report) done.reject(lateAnswer(limits))
    else done.reject(explain(Object.assign(new Error(report.message), { errcode: report.errcode }), 'query'))
    askNext()
  }

  return {
    scan: (sql, parameters, patienceMs = limits.patienceMs) =>
      new Promise((resolve, reject) => {
        if (asked.length >= limits.waiting) {
          reject(crowdedAnswer(limits))
          return
        }
        const endsAtMs = performance.now() + patienceMs
        asked.push({ order: { id: ++lastId, sql, parameters }, endsAtMs, resolve, reject })
        if (asked.length === 1) askNext()
      }),
    close: async () => {
      const ended = thread?.terminate()
      failAll(new Error('the store is closed'))
      await ended
    },
  }
}

/** See {@link scanLimits}. */
export interface ScanLimits {
  readonly patienceMs: number
  readonly waiting: number
}

const late = new WeakSet<object>()

/** What a question gets that takes too long, on either database. */
export function lateAnswer({ patienceMs }: Pick<ScanLimits, 'patienceMs'> = scanLimits): CordonError {
  const advice = 'Narrow it, e.g. by a range of createdDateTime.'
  const message = `This takes longer than ${patienceMs / 1000} s to answer. ${advice}`
  const answer = new CordonError('ServiceUnavailable', message, { retryAfterSeconds: 30 })
  late.add(answer)
  return answer
}

/** Whether a question took longer than it was given. */
export function isLate(cause: unknown): boolean {
  return typeof cause === 'object' && cause !== null && late.has(cause)
}

function crowdedAnswer({ patienceMs, waiting }: ScanLimits): CordonError {
  const message = `${waiting} questions that read whole tables wait already. Narrow this one, or ask again later.`
  return new CordonError('ServiceUnavailable', message, { retryAfterSeconds: Math.ceil(patienceMs / 1000) })
}
