import { createHash } from 'node:crypto'

/**
 * JSON with one possible spelling per value: no spaces, property names in UTF-16 order, numbers and texts as ECMAScript writes them.
 * Properties that are undefined are left out.
 * @throws TypeError for what JSON does not have (NaN, functions, bigint)
 * @source RFC 8785 section 3.2
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('canonical JSON has no such number')
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map((item: unknown) => canonicalJson(item)).join(',')}]`
  if (typeof value !== 'object') throw new TypeError(`canonical JSON has no ${typeof value}`)
  const members = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
    .map(([name, item]) => `${JSON.stringify(name)}:${canonicalJson(item)}`)
  return `{${members.join(',')}}`
}

/** SHA-256 over {@link canonicalJson} of the value, as `sha256:` and 64 lower-case hexadecimal digits. */
export function digestJson(value: unknown): string {
  return `sha256:${sha256Hex(canonicalJson(value))}`
}

/** SHA-256 of text (as UTF-8) or bytes, 64 lower-case hexadecimal digits. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
