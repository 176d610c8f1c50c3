import { DecodeError, type Decoder } from './decode.ts'

const form = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,7}))?Z$/

/**
 * Writes an instant as it stands on the wire and in the store.
 * @param epochMs milliseconds since 1970, UTC
 * @returns ISO 8601 UTC with exactly 7 fraction digits, so that text order is time order
 */
export function formatInstant(epochMs: number): string {
  return `${new Date(Math.floor(epochMs)).toISOString().slice(0, -1)}0000Z`
}

/** Milliseconds since 1970 of an instant written by {@link formatInstant} or with fewer fraction digits; finer digits are cut off. */
export function parseInstantMs(instant: string): number {
  return Date.parse(instant)
}

/** An ISO 8601 UTC instant with up to 7 fraction digits; comes out with exactly 7. */
export const instant: Decoder<string> = (value, path) => {
  const match = typeof value === 'string' ? form.exec(value) : null
  if (typeof value !== 'string' || match === null || Number.isNaN(Date.parse(value))) {
    throw new DecodeError(path, 'UTC instant')
  }
  return `${match[1]}.${(match[2] ?? '').padEnd(7, '0')}Z`
}
