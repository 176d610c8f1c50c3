import type { AuditEntry } from '../../api/wire.ts'

/** Entries as CSV (RFC 4180). A cell that a spreadsheet would take for a formula gets an apostrophe in front. */
export function toCsv(entries: readonly AuditEntry[]): string {
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
  const rows = entries.map((entry) => names.map((name) => toCell(entry[name])).join(','))
  return `${[names.join(','), ...rows].join('\r\n')}\r\n`
}

function toCell(value: unknown): string {
  const text =
    value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
