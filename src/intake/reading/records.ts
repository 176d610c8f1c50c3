import { isFields } from '../fields.ts'
import type { Source } from '../normalised.ts'
import { openCsvRows } from './csv-rows.ts'
import { openJsonValues } from './json-values.ts'
import { isBlank, type RawRecord, type RecordReader } from './record.ts'

/** Equal rows are remembered this many distinct rows back; a repeat farther away counts as the first again. */
const maxRemembered = 100_000

/**
 * Opens the reader for what `source` sends: JSON in any layout, or CSV. JSON objects are taken in place of CSV rows too.
 * Equal rows of a source without ids are numbered ({@link Source.identifiedBy}).
 */
export function openRecords(source: Source): RecordReader {
  const reader = source.format === 'json' ? openJsonValues() : openRowsOrValues(source.identifiedBy ?? [])
  return source.identifiedBy === undefined ? reader : numberRepeats(reader, source.identifiedBy)
}

/** The first byte that is not blank tells JSON objects from CSV. */
function openRowsOrValues(columns: readonly string[]): RecordReader {
  let reader: RecordReader | null = null
  let held: Buffer = Buffer.alloc(0)
  return {
    push: (chunk) => {
      if (reader !== null) return reader.push(chunk)
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      const first = held.find((byte) => !isBlank(byte))
      if (first === undefined) return []
      reader = first === 0x7b || first === 0x5b ? openJsonValues() : openCsvRows(columns)
      return reader.push(held)
    },
    end: () => reader?.end() ?? [],
  }
}

function numberRepeats(reader: RecordReader, columns: readonly string[]): RecordReader {
  const seen = new Map<string, number>()
  const number = (record: RawRecord): RawRecord => {
    if (!('value' in record) || !isFields(record.value) || record.value.occurrence !== undefined) return record
    const { value } = record
    const key = JSON.stringify(columns.map((column) => String(value[column] ?? '')))
    const occurrence = (seen.get(key) ?? 0) + 1
    seen.set(key, occurrence)
    if (seen.size > maxRemembered) {
      const oldest = seen.keys().next().value
      if (oldest !== undefined) seen.delete(oldest)
    }
    return { line: record.line, value: { ...value, occurrence } }
  }
  return {
    push: (chunk) => reader.push(chunk).map(number),
    end: () => reader.end().map(number),
  }
}
