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
 * A stable id over the fields that make an event: `<prefix>-` and the first 128 bits of SHA-256 over their JSON array, in hex.
 * @param fields null stands for a field the sensor left out
 */
export function fingerprint(prefix: string, fields: readonly (string | number | null)[]): string {
  return `${prefix}-${hash('sha256', JSON.stringify(fields), 'hex').slice(0, 32)}`
}
