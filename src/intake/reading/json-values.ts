import { readJson } from '../../io/json.ts'
import { CordonError } from '../../model/errors.ts'
import {
  countLines,
  isBlank,
  isBlankLine,
  maxRecordBytes,
  newline,
  type RawRecord,
  type RecordReader,
  tooLong,
} from './record.ts'

/** How the values stand in the bytes: not known yet, one per line, items of one array, or one after the other over several lines. */
type Layout = 'unknown' | 'lines' | 'array' | 'documents'

interface State {
  layout: Layout
  /** Bytes not yet given out. */
  rest: Buffer
  /** Line of the first byte of `rest`. */
  line: number
  /** Inside a value that is too long: drop until it ends. Its first line. */
  skippingFrom: number | null
  /** The array has ended; `overrun` when text after it has been reported. */
  closed: 'open' | 'closed' | 'overrun'
  scan: Scan
}

/** Where the search for the end of a value stands. */
interface Scan {
  at: number
  depth: number
  inString: boolean
}

/**
 * Reads JSON values from bytes: one per line (NDJSON), the items of one array, or values over several lines one after the other. The first
 * bytes decide. Every value passes the strict reader; one that does not is reported and the rest goes on.
 */
export function openJsonValues(): RecordReader {
  const state: State = {
    layout: 'unknown',
    rest: Buffer.alloc(0),
    line: 1,
    skippingFrom: null,
    closed: 'open',
    scan: { at: 0, depth: 0, inString: false },
  }
  return {
    push: (chunk) => {
      state.rest = state.rest.length === 0 ? chunk : Buffer.concat([state.rest, chunk])
      return takeRecords(state, false)
    },
    end: () => takeRecords(state, true),
  }
}

function takeRecords(state: State, isEnd: boolean): RawRecord[] {
  if (state.layout === 'unknown' && !detectLayout(state, isEnd)) return []
  const records = state.layout === 'lines' ? takeLines(state, isEnd) : takeValues(state, isEnd)
  if (isEnd && state.skippingFrom !== null) records.push({ line: state.skippingFrom, error: tooLong })
  return records
}

/** @returns false when more bytes are needed to tell */
function detectLayout(state: State, isEnd: boolean): boolean {
  const { rest } = state
  let start = rest[0] === 0xef && rest[1] === 0xbb && rest[2] === 0xbf ? 3 : 0
  while (start < rest.length && isBlank(rest[start])) start++
  consume(state, start)
  const first = state.rest[0]
  if (first === undefined) return isEnd
  if (first === 0x5b) {
    state.layout = 'array'
    consume(state, 1)
    return true
  }
  const lineEnd = state.rest.indexOf(newline)
  if (lineEnd === -1 && !isEnd && state.rest.length <= maxRecordBytes) return false
  const firstLine = lineEnd === -1 ? state.rest : state.rest.subarray(0, lineEnd)
  if (parses(firstLine)) {
    state.layout = 'lines'
    return true
  }
  // A first line that is no value: the beginning of one that goes on, or a broken line among good ones.
  const end = findValueEnd(state.rest, { at: 0, depth: 0, inString: false })
  if (end === -1 && !isEnd && state.rest.length <= maxRecordBytes) return false
  state.layout = end !== -1 && parses(state.rest.subarray(0, end)) ? 'documents' : 'lines'
  return true
}

function parses(bytes: Buffer): boolean {
  return 'value' in parse(bytes, 1)
}

function parse(bytes: Buffer, line: number): RawRecord {
  try {
    return { line, value: readJson(bytes) }
  } catch (cause) {
    if (cause instanceof CordonError) return { line, error: cause.message }
    throw cause
  }
}

function consume(state: State, bytes: number): void {
  state.line += countLines(state.rest, 0, bytes)
  state.rest = state.rest.subarray(bytes)
}

function takeLines(state: State, isEnd: boolean): RawRecord[] {
  const records: RawRecord[] = []
  let start = 0
  const take = (end: number): void => {
    if (state.skippingFrom !== null) {
      records.push({ line: state.skippingFrom, error: tooLong })
      state.skippingFrom = null
    } else if (end - start > maxRecordBytes) records.push({ line: state.line, error: tooLong })
    else if (!isBlankLine(state.rest, start, end)) records.push(parse(state.rest.subarray(start, end), state.line))
  }
  for (let end = state.rest.indexOf(newline); end !== -1; end = state.rest.indexOf(newline, start)) {
    take(end)
    state.line += 1
    start = end + 1
  }
  if (isEnd && start < state.rest.length) {
    take(state.rest.length)
    start = state.rest.length
  } else if (state.rest.length - start > maxRecordBytes) {
    state.skippingFrom ??= state.line
    start = state.rest.length
  }
  state.rest = state.rest.subarray(start)
  return records
}

/** Items of the array, or documents: values, with commas and white space between. */
function takeValues(state: State, isEnd: boolean): RawRecord[] {
  const records: RawRecord[] = []
  for (;;) {
    if (state.scan.at === 0 && state.skippingFrom === null) {
      skipSeparators(state, records)
      if (state.rest.length === 0) break
    }
    const end = findValueEnd(state.rest, state.scan)
    if (end === -1) break
    if (state.skippingFrom !== null) records.push({ line: state.skippingFrom, error: tooLong })
    else if (end > maxRecordBytes) records.push({ line: state.line, error: tooLong })
    else records.push(parse(state.rest.subarray(0, end), state.line))
    finishValue(state, end)
  }
  if (isEnd) finishRest(state, records)
  else if (state.rest.length > maxRecordBytes) {
    state.skippingFrom ??= state.line
    state.scan.at -= state.rest.length
    consume(state, state.rest.length)
  }
  return records
}

function finishValue(state: State, end: number): void {
  consume(state, end)
  state.skippingFrom = null
  state.scan = { at: 0, depth: 0, inString: false }
}

function finishRest(state: State, records: RawRecord[]): void {
  if (state.rest.length > 0 && state.skippingFrom === null) {
    records.push({ line: state.line, error: 'The text ends inside this record.' })
  } else if (state.layout === 'array' && state.closed === 'open' && state.rest.length === 0) {
    records.push({ line: state.line, error: "The array has no ']' at its end." })
  }
}

function skipSeparators(state: State, records: RawRecord[]): void {
  let at = 0
  for (; at < state.rest.length; at++) {
    const byte = state.rest[at]
    if (isBlank(byte)) continue
    if (state.closed !== 'open') {
      const line = state.line + countLines(state.rest, 0, at)
      if (state.closed === 'closed') records.push({ line, error: "Text after the array's end." })
      state.closed = 'overrun'
      at = state.rest.length
      break
    }
    if (byte === 0x5d && state.layout === 'array') state.closed = 'closed'
    else if (byte !== 0x2c) break
  }
  consume(state, at)
}

/**
 * The byte after the value that begins at 0, going on where `scan` stopped; -1 when the value does not end within `bytes`. Brackets are
 * counted, not matched: a wrong value is one wrong record, which the parser then refuses.
 */
function findValueEnd(bytes: Buffer, scan: Scan): number {
  for (; scan.at < bytes.length; scan.at++) {
    const byte = bytes[scan.at]
    if (scan.inString) {
      if (byte === 0x5c) scan.at++
      else if (byte === 0x22) scan.inString = false
    } else if (byte === 0x22) scan.inString = true
    else if (byte === 0x7b || byte === 0x5b) scan.depth++
    else if (byte === 0x7d || byte === 0x5d) {
      // A bracket that nothing opened is a wrong value of its own.
      if (scan.depth === 0) return Math.max(scan.at, 1)
      scan.depth--
      if (scan.depth === 0) return scan.at + 1
    } else if (scan.depth === 0 && scan.at > 0 && (byte === 0x2c || byte === newline)) return scan.at
  }
  return -1
}
