/**
 * Counts the rows of a file while it comes: lines of JSON, or rows of CSV (RFC 4180), in which a line can end within quotes. The first row of
 * CSV is its header and no row.
 * @returns takes the next bytes, gives the rows so far
 */
export function createRowCounter(format: 'csv' | 'jsonl'): (bytes: Uint8Array) => number {
  const [quote, newline] = [0x22, 0x0a]
  let isQuoted = false
  let rows = format === 'csv' ? -1 : 0
  return (bytes) => {
    for (const byte of bytes) {
      if (byte === quote && format === 'csv') isQuoted = !isQuoted
      else if (byte === newline && !isQuoted) rows += 1
    }
    return Math.max(0, rows)
  }
}
