import { describeMachine, layOut, round } from '../report.ts'
import type { DatabaseName } from './run.ts'

/** Medians of one kind of request at both sizes. */
export interface ScaleRow {
  readonly database: DatabaseName
  readonly name: string
  /** Counts what matches a filter: the larger time is limited, not the ratio. */
  readonly isCounted: boolean
  readonly smallMs: number
  readonly largeMs: number
}

/** Everything a run found. */
export interface ScaleReport {
  /** Incidents of the smaller and the larger database; each has three alerts. */
  readonly small: number
  readonly large: number
  readonly requests: number
  readonly rows: readonly ScaleRow[]
  /** The most memory the server on the larger database took. */
  readonly memory: readonly { readonly database: DatabaseName; readonly incidents: number; readonly peakMiB: number }[]
}

const mostRatio = 1.5
const mostCountedMs = 150
const mostMemoryMiB = 300

/** Whether a row is within its limit. @source issue "The wire contract, complete" */
export function isWithin(row: ScaleRow): boolean {
  return row.isCounted ? row.largeMs <= mostCountedMs : row.largeMs <= row.smallMs * mostRatio
}

/** A table for people. */
export function renderScaleTable(report: ScaleReport): string {
  const head = ['', '', `${thousands(report.small)} incidents`, thousands(report.large), 'ratio', 'target', '']
  const lines = report.rows.map((row) => [
    row.database,
    row.name,
    `${round(row.smallMs)} ms`,
    `${round(row.largeMs)} ms`,
    (row.largeMs / row.smallMs).toFixed(2),
    row.isCounted ? `<= ${mostCountedMs} ms` : `ratio <= ${mostRatio}`,
    isWithin(row) ? 'met' : 'MISSED',
  ])
  const memory = report.memory.map(({ database, peakMiB }) => [
    database,
    'most memory of the server',
    '',
    `${round(peakMiB)} MiB`,
    '',
    `<= ${mostMemoryMiB} MiB`,
    peakMiB <= mostMemoryMiB ? 'met' : 'MISSED',
  ])
  return layOut([head, ...lines, ...memory], new Set([2, 3, 4]))
}

/** Everything as one JSON object. */
export function renderScaleJson(report: ScaleReport): string {
  const rows = report.rows.map((row) => ({ ...row, ratio: row.largeMs / row.smallMs, meetsTarget: isWithin(row) }))
  const memory = report.memory.map((entry) => ({ ...entry, meetsTarget: entry.peakMiB <= mostMemoryMiB }))
  return JSON.stringify({ machine: describeMachine(), ...report, rows, memory }, null, 2)
}

function thousands(count: number): string {
  return count.toLocaleString('en-US')
}
