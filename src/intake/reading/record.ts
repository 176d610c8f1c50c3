/** One record of a file or request: its value, or why it has none. Lines count from 1; of a record over several lines, the first. */
export type RawRecord =
  | { readonly line: number; readonly value: unknown }
  | { readonly line: number; readonly error: string }

/** Takes bytes as they come and gives the records that are complete. Holds at most one record and one chunk. */
export interface RecordReader {
  push(chunk: Buffer): RawRecord[]
  /** Gives what is left; the reader is used up. */
  end(): RawRecord[]
}

/** Longest record in bytes; a longer one is skipped and reported. */
export const maxRecordBytes = 1_048_576

/** The report on a record that is too long. */
export const tooLong: string = `The record is longer than ${maxRecordBytes} bytes.`

export const newline = 0x0a

/** How many lines end within `bytes` from `start` to `end`. */
export function countLines(bytes: Buffer, start: number, end: number): number {
  let count = 0
  for (let at = bytes.indexOf(newline, start); at !== -1 && at < end; at = bytes.indexOf(newline, at + 1)) count++
  return count
}

/** True for JSON's white space. */
export function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === newline || byte === 0x0d || byte === 0x09
}

/** True when the line from `start` to `end` holds nothing but white space. */
export function isBlankLine(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (!isBlank(bytes[at])) return false
  return true
}
