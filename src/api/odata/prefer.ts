/** What a request prefers, of what Cordon can honour. Preferences are wishes: what is unknown or malformed is ignored, never an error. */
export interface Preferences {
  readonly includeUnknownEnumMembers: boolean
  /** `odata.maxpagesize` or `maxpagesize`; null when absent or no whole number above 0. */
  readonly maxPageSize: number | null
  readonly return: 'minimal' | 'representation' | null
}

/** Preferences of a request without the header. */
export const noPreferences: Preferences = { includeUnknownEnumMembers: false, maxPageSize: null, return: null }

/**
 * Reads the Prefer header, given once or several times. Names count in any case; of one preference sent twice the first counts.
 * @source RFC 7240; design contract 1.5 and 13
 */
export function readPreferences(header: string | readonly string[] | undefined): Preferences {
  if (header === undefined || header.length === 0) return noPreferences
  const found = new Map<string, string>()
  for (const text of typeof header === 'string' ? [header] : header) {
    for (const preference of splitOutsideQuotes(text, ',')) {
      const [first = ''] = splitOutsideQuotes(preference, ';')
      const equals = first.indexOf('=')
      const name = (equals < 0 ? first : first.slice(0, equals)).trim().toLowerCase()
      const value = equals < 0 ? '' : unquote(first.slice(equals + 1).trim())
      const plain = name.startsWith('odata.') ? name.slice('odata.'.length) : name
      if (!found.has(plain)) found.set(plain, value)
    }
  }
  const wanted = found.get('return')?.toLowerCase()
  return {
    includeUnknownEnumMembers: isSwitchedOn(found.get('include-unknown-enum-members')),
    maxPageSize: readPageSize(found.get('maxpagesize')),
    return: wanted === 'minimal' || wanted === 'representation' ? wanted : null,
  }
}

/** `Preference-Applied` for the preferences that were honoured; null when there was none. */
export function renderPreferenceApplied(applied: Partial<Preferences>): string | null {
  const parts: string[] = []
  if (applied.includeUnknownEnumMembers) parts.push('include-unknown-enum-members')
  if (applied.maxPageSize) parts.push(`odata.maxpagesize=${applied.maxPageSize}`)
  if (applied.return) parts.push(`return=${applied.return}`)
  return parts.length === 0 ? null : parts.join(', ')
}

function isSwitchedOn(value: string | undefined): boolean {
  return value === '' || value?.toLowerCase() === 'true'
}

function readPageSize(text: string | undefined): number | null {
  if (text === undefined || text.length === 0 || text.length > 9) return null
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 48 || code > 57) return null
  }
  const size = Number(text)
  return size > 0 ? size : null
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = []
  let from = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '"') quoted = !quoted
    else if (char === '\\' && quoted) at++
    else if (char === separator && !quoted) {
      parts.push(text.slice(from, at))
      from = at + 1
    }
  }
  parts.push(text.slice(from))
  return parts
}

function unquote(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replaceAll('\\', '') : text
}
