import { isUtf8 } from 'node:buffer'
import { CordonError } from '../../model/errors.ts'
import { isBlankLine, maxRecordBytes, newline, type RawRecord, type RecordReader } from './record.ts'

const quote = 0x22
const comma = 0x2c

interface State {
  rest: Buffer
  line: number
  header: readonly string[] | null
  /** How far the search for the end of the first record of `rest` has come. */
  at: number
  inQuotes: boolean
  /** True where a quote opens: at the first byte of a field, and right after a closing quote (a doubled one). */
  mayOpen: boolean
}

/**
 * Reads CSV rows below a header as objects by column name; fields in quotes may hold commas, line ends and doubled quotes.
 * A quote that never closes costs its own line only.
 * @param columns names the header must have
 * @throws CordonError BadRequest (from `push` or `end`) when the header lacks one of them
 * @source RFC 4180
 */
export function openCsvRows(columns: readonly string[]): RecordReader {
  const state: State = { rest: Buffer.alloc(0), line: 1, header: null, at: 0, inQuotes: false, mayOpen: true }
  return {
    push: (chunk) => {
      state.rest = state.rest.length === 0 ? chunk : Buffer.concat([state.rest, chunk])
      return takeRows(state, columns, false)
    },
    end: () => takeRows(state, columns, true),
  }
}

function takeRows(state: State, columns: readonly string[], isEnd: boolean): RawRecord[] {
  const records: RawRecord[] = []
  while (state.rest.length > 0) {
    const end = findRowEnd(state)
    const unclosed = end === -1 && (isEnd ? state.inQuotes : state.rest.length > maxRecordBytes)
    if (end === -1 && !isEnd && !unclosed) break
    const firstLineEnd = unclosed ? state.rest.indexOf(newline) : -1
    const rowEnd = unclosed ? firstLineEnd : end
    const stop = rowEnd === -1 ? state.rest.length : rowEnd
    if (unclosed) records.push({ line: state.line, error: 'A quote is opened and never closed.' })
    else if (!isBlankLine(state.rest, 0, stop)) takeRow(state, columns, stop, records)
    state.line += unclosed ? 1 : linesOf(state.rest, stop)
    state.rest = state.rest.subarray(rowEnd === -1 ? stop : stop + 1)
    Object.assign(state, { at: 0, inQuotes: false, mayOpen: true })
  }
  return records
}

function linesOf(bytes: Buffer, end: number): number {
  let lines = 1
  for (let at = bytes.indexOf(newline); at !== -1 && at < end; at = bytes.indexOf(newline, at + 1)) lines++
  return lines
}

/** The newline that ends the first row of `rest`; -1 when there is none yet. */
function findRowEnd(state: State): number {
  const { rest } = state
  for (; state.at < rest.length; state.at++) {
    const byte = rest[state.at]
    if (state.inQuotes) {
      if (byte !== quote) continue
      state.inQuotes = false
      state.mayOpen = true
    } else if (byte === quote && state.mayOpen) state.inQuotes = true
    else if (byte === newline) return state.at
    else state.mayOpen = byte === comma
  }
  return -1
}

function takeRow(state: State, columns: readonly string[], end: number, records: RawRecord[]): void {
  const { line } = state
  const bytes = state.rest.subarray(0, end)
  if (!isUtf8(bytes)) {
    records.push({ line, error: 'The row is not UTF-8.' })
    return
  }
  const text = bytes.toString('utf8').replace(/\r$/, '')
  const fields = splitFields(text)
  if (state.header === null) {
    state.header = readHeader(fields, columns)
    return
  }
  if (fields.length !== state.header.length) {
    records.push({ line, error: `The row has ${fields.length} fields, the header ${state.header.length}.` })
  } else if (text.includes('\0')) records.push({ line, error: 'The row holds a NUL.' })
  else records.push({ line, value: Object.fromEntries(state.header.map((name, index) => [name, fields[index]])) })
}

function readHeader(fields: readonly string[], columns: readonly string[]): readonly string[] {
  const header = fields.map((name) => name.replace(/^\uFEFF/, '').trim())
  const missing = columns.filter((column) => !header.includes(column))
  if (missing.length === 0) return header
  throw new CordonError('BadRequest', `The first line must name the columns ${columns.join(', ')}.`)
}

function splitFields(text: string): string[] {
  if (!text.includes('"')) return text.split(',')
  const fields: string[] = []
  let at = 0
  for (;;) {
    let end: number
    if (text[at] === '"') {
      end = closingQuote(text, at + 1)
      const after = text.indexOf(',', end + 1)
      const stop = after === -1 ? text.length : after
      // What stands between the closing quote and the comma is kept, as most readers do.
      fields.push(text.slice(at + 1, end).replaceAll('""', '"') + text.slice(end + 1, stop))
      end = stop
    } else {
      const after = text.indexOf(',', at)
      end = after === -1 ? text.length : after
      fields.push(text.slice(at, end))
    }
    if (end >= text.length) return fields
    at = end + 1
  }
}

function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at !== -1; at = text.indexOf('"', at + 2)) {
    if (text[at + 1] !== '"') return at
  }
  return text.length
}
