import { createHash } from 'node:crypto'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { ExportEnd } from '../../respond/record-export.ts'
import type { Answer } from '../route.ts'

/** One row of a file: its cells by name. */
export type ExportRow = Readonly<Record<string, unknown>>

/** The forms of a file. */
export const exportFormats = ['csv', 'jsonl'] as const

/** What becomes a file. */
export interface Export {
  /** Of the file, without its ending. */
  readonly name: string
  readonly format: string
  /** The cells of a CSV row, in this order; a line of JSON holds the whole row. */
  readonly columns: readonly string[]
  /** The rows page by page, each read when the one before has been taken. */
  readonly pages: () => AsyncIterable<readonly ExportRow[]>
  /** Leaves a trace of what was handed over, once for each file that was begun, before a whole one ends. */
  readonly record: (end: ExportEnd) => Promise<void>
}

/**
 * Answers with a file that is written while its rows are read: the first of them leave before the last are looked for, and a client that is slow
 * to take them is waited for. How many rows there are, and the SHA-256 of the whole, stand in trailers behind it; a file without them broke
 * off.
 * @source RFC 9110 6.5 for trailers, RFC 4180 for CSV
 */
export function answerExport({ name, format, columns, pages, record }: Export): Answer {
  const isCsv = format === 'csv'
  const hash = createHash('sha256')
  const digest = (): string => hash.copy().digest('hex')
  let rows = 0
  const write = async function* (): AsyncGenerator<string> {
    const head = isCsv ? `${columns.join(',')}\r\n` : ''
    let text = head
    let ending: ExportEnd['ending'] = 'cut'
    try {
      for await (const page of pages()) {
        rows += page.length
        text += page.map((row) => (isCsv ? toCsvRow(columns, row) : `${JSON.stringify(row)}\n`)).join('')
        hash.update(text)
        if (text !== '') yield text
        text = ''
        await yieldToOthers()
      }
      hash.update(text)
      if (text !== '') yield text
      ending = 'whole'
    } finally {
      // Also when the client goes away: the reader of these pieces ends them then.
      await record({ ending, rows, sha256: digest() })
    }
  }
  return {
    status: 200,
    contentType: isCsv ? 'text/csv; charset=utf-8; header=present' : 'application/x-ndjson; charset=utf-8',
    headers: {
      'Cache-Control': 'no-store',
      'Content-Disposition': `attachment; filename="${name}.${format}"`,
    },
    pieces: {
      text: write(),
      trailerNames: ['Cordon-Row-Count', 'Cordon-Content-SHA256'],
      trailers: () => ({ 'Cordon-Row-Count': String(rows), 'Cordon-Content-SHA256': digest() }),
    },
  }
}

/** A row of CSV (RFC 4180). A cell that a spreadsheet would take for a formula gets an apostrophe in front. */
export function toCsvRow(columns: readonly string[], row: ExportRow): string {
  return `${columns.map((name) => toCell(row[name])).join(',')}\r\n`
}

function toCell(value: unknown): string {
  const text =
    value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
