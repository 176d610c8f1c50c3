const names = [
  'seq',
  'time',
  'actorId',
  'actorKind',
  'actorName',
  'action',
  'objectType',
  'objectId',
  'decision',
  'code',
  'reason',
  'requestId',
  'details',
  'hash',
] as const

/** What of an audit entry stands in a file. */
export type CsvEntry = Readonly<Record<(typeof names)[number], unknown>>

/** Entries as CSV (RFC 4180). A cell that a spreadsheet would take for a formula gets an apostrophe in front. */
export function toCsv(entries: readonly CsvEntry[]): string {
  const rows = entries.map((entry) => names.map((name) => toCell(entry[name])).join(','))
  return `${[names.join(','), ...rows].join('\r\n')}\r\n`
}

function toCell(value: unknown): string {
  const text =
    value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
