import { readFileSync } from 'node:fs'
import { arch, cpus, release } from 'node:os'
import { join } from 'node:path'

/** One figure of the bench. */
export interface Row {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What the least possible work for the same result reaches, in the same run and unit. */
  readonly floor?: number
  /** What was compared with. */
  readonly floorName?: string
  readonly p50Ms?: number
  readonly p99Ms?: number
  /** Processor time of the server per request, Cordon and floor. */
  readonly cpuMicros?: { readonly cordon: number; readonly floor?: number }
  readonly answerBytes?: number
  /** Single rounds, Cordon and floor. */
  readonly rounds?: { readonly cordon: readonly number[]; readonly floor: readonly number[] }
  readonly target?: Target
}

/** What is wanted of the ratio to the floor, or of the value itself. */
export interface Target {
  readonly of: 'ratio' | 'value'
  readonly least?: number
  readonly most?: number
}

/** Cordon's share of the floor; null without a floor. */
export function ratioOf(row: Row): number | null {
  return row.floor === undefined ? null : row.value / row.floor
}

/** Whether the target is reached; null without one. */
export function meetsTarget(row: Row): boolean | null {
  if (!row.target) return null
  const measured = row.target.of === 'ratio' ? ratioOf(row) : row.value
  if (measured === null) return null
  return measured >= (row.target.least ?? -Infinity) && measured <= (row.target.most ?? Infinity)
}

/** Everything as one JSON object: where it was measured, the rows, ratios and targets. */
export function renderJson(rows: readonly Row[], settings: object): string {
  const manifest: { version: string } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'))
  const machine = describeMachine()
  const figures = rows.map((row) => ({ ...row, ratio: ratioOf(row), meetsTarget: meetsTarget(row) }))
  return JSON.stringify({ cordon: manifest.version, machine, settings, rows: figures }, null, 2)
}

/** Where something was measured. */
export function describeMachine(): object {
  const [cpu] = cpus()
  return { node: process.version, kernel: release(), arch: arch(), cpu: cpu?.model, cores: cpus().length }
}

/** A table for people. */
export function renderTable(rows: readonly Row[]): string {
  const head = ['', 'cordon', '', 'floor', 'ratio', 'p50 / p99 ms', 'cpu us', 'target', '']
  const lines = rows.map((row) => {
    const ratio = ratioOf(row)
    const met = meetsTarget(row)
    return [
      row.name,
      round(row.value),
      row.unit,
      row.floor === undefined ? '' : round(row.floor),
      ratio === null ? '' : ratio.toFixed(2),
      row.p50Ms === undefined ? '' : `${round(row.p50Ms)} / ${round(row.p99Ms ?? 0)}`,
      describeCpu(row),
      describeTarget(row),
      met === null ? '' : met ? 'met' : 'MISSED',
    ]
  })
  return layOut([head, ...lines], new Set([1, 3, 4, 5, 6]))
}

/** Lines of equally many cells as aligned columns. @param numeric columns that align to the right */
export function layOut(lines: readonly (readonly string[])[], numeric: ReadonlySet<number>): string {
  const widths = lines[0]?.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0))) ?? []
  return lines
    .map((line) =>
      line
        .map((cell, at) => (numeric.has(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function describeCpu({ cpuMicros }: Row): string {
  if (!cpuMicros) return ''
  return cpuMicros.floor === undefined
    ? round(cpuMicros.cordon)
    : `${round(cpuMicros.cordon)} / ${round(cpuMicros.floor)}`
}

function describeTarget({ target, unit }: Row): string {
  if (!target) return ''
  const of = target.of === 'ratio' ? 'ratio' : unit
  return target.least === undefined ? `${of} <= ${target.most}` : `${of} >= ${target.least}`
}

/** A figure with as many digits as mean anything. */
export function round(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Math.round(value * 100) / 100)
}
