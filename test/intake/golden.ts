import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { normaliseRecord } from '../../src/intake/intake.ts'
import { type IntakeContext, isRejection, type Source } from '../../src/intake/normalised.ts'
import { openRecords } from '../../src/intake/reading/records.ts'

/** Where the pairs lie: `<source>[-<name>].in.<ending>` and `<source>[-<name>].out.json`. */
export const goldenFolder: string = fileURLToPath(new URL('../golden/sources/', import.meta.url))

/** The moment the golden records arrive. */
export const goldenContext: IntakeContext = { receivedAt: '2025-01-02T03:04:05.6780000Z', senderId: 'sender-1' }

/** The inputs of one source. */
export function goldenInputs(source: string): string[] {
  return readdirSync(goldenFolder).filter((name) => name.startsWith(source) && name.includes('.in.'))
}

/** The name of the file that holds what an input becomes. */
export function goldenOutput(input: string): string {
  return join(goldenFolder, input.replace(/\.in\..*$/, '.out.json'))
}

/** What a source makes of a file, record by record. */
export function readGolden(source: Source, input: string): unknown[] {
  const reader = openRecords(source)
  const records = [...reader.push(readFileSync(join(goldenFolder, input))), ...reader.end()]
  return records.map((record) => {
    const { line } = record
    if ('error' in record) return { line, rejected: record.error }
    const outcome = normaliseRecord(source, record.value, goldenContext)
    if (outcome === 'ignored') return { line, ignored: true }
    return isRejection(outcome) ? { line, rejected: outcome.rejected } : { line, alert: outcome }
  })
}
