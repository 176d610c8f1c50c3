import { hash } from 'node:crypto'

/** Entity values longer than this are shortened, with a hash so that they stay distinct (index rows have a size limit). */
export const maxEntityValue = 400

/**
 * Shortens text to `max` characters (UTF-16 units) and says so: the end names how long it was. Never splits a surrogate pair.
 * @param max at least 64
 */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text
  const mark = ` … [cut: ${text.length} characters]`
  return text.slice(0, safeEnd(text, max - mark.length)) + mark
}

/** Keeps long keys distinct: the beginning and a hash of the whole. */
export function shortenKey(text: string, max: number): string {
  if (text.length <= max) return text
  const digest = hash('sha256', text, 'hex').slice(0, 32)
  return `${text.slice(0, safeEnd(text, max - digest.length - 1))}~${digest}`
}

function safeEnd(text: string, end: number): number {
  const unit = text.charCodeAt(end - 1)
  return unit >= 0xd800 && unit <= 0xdbff ? end - 1 : end
}

/**
 * A stable id over the fields that make an event: prefix, second of the event and the first 128 bits of SHA-256 over the JSON array of the
 * fields, in hex. The time goes first, so that ids come in about the order of the events ({@link timeOfId}).
 * @param at 7-digit instant of the event
 * @param fields null stands for a field the sensor left out
 */
export function fingerprint(prefix: string, at: string, fields: readonly (string | number | null)[]): string {
  const seconds = Math.max(0, Math.floor(Date.parse(`${at.slice(0, 23)}Z`) / 1000))
  return `${prefix}-${hexSeconds(seconds)}-${hash('sha256', JSON.stringify(fields), 'hex').slice(0, 32)}`
}

/**
 * The time an id carries, as 8 hex digits of seconds: that of a {@link fingerprint}, and that of Wazuh's ids (`1700000000.12345`).
 * @returns null for other ids
 */
export function timeOfId(id: string): string | null {
  const parts = /^(?:[a-z]+-([0-9a-f]{8})-[0-9a-f]{32}|(\d{9,10})\.\d+)$/.exec(id)
  if (parts === null) return null
  return parts[1] ?? hexSeconds(Number(parts[2]))
}

function hexSeconds(seconds: number): string {
  return Math.min(seconds, 0xffffffff).toString(16).padStart(8, '0')
}
