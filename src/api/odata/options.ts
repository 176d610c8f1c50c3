import { CordonError } from '../../model/errors.ts'
import { limits, quoteName } from './parse/clause.ts'

/** The system query options Cordon answers to. */
export type OptionName = (typeof optionNames)[number]

const optionNames = [
  'filter',
  'orderby',
  'select',
  'expand',
  'top',
  'skip',
  'count',
  'skiptoken',
  'deltatoken',
  'format',
] as const

/** Decoded values by option; never empty. */
export type Options = ReadonlyMap<OptionName, string>

const offered: ReadonlyMap<string, OptionName> = new Map(optionNames.map((name) => [name, name]))

/** System query options that exist and are refused, with or without `$`. @source design contract 3.2 */
const refused = new Set(['search', 'apply', 'compute', 'index', 'schemaversion'])

/**
 * Reads the query part of a request target.
 *
 * Names count after decoding, in any case, with or without `$`; `+` and `%20` are blanks; empty pairs are skipped; names that are no system
 * option and carry no `$` are ignored. The same option twice is refused, unless the request carries a token: then clients append to the link
 * they were given, so the last `$top` counts and any other option may repeat its value.
 * @param rawQuery the text after `?`, as it stood on the wire
 * @param allowed options this kind of request answers to
 * @throws CordonError BadRequest; maxQueryLengthExceeded for an option of more than 8192 characters
 * @source design contract 1.4 and 16.2
 */
export function readOptions(rawQuery: string, allowed: readonly OptionName[]): Options {
  const pairs: [OptionName, string][] = []
  let from = 0
  while (from < rawQuery.length) {
    const ampersand = rawQuery.indexOf('&', from)
    const end = ampersand < 0 ? rawQuery.length : ampersand
    if (end > from) {
      const option = readPair(rawQuery.slice(from, end))
      if (option !== null) pairs.push(option)
    }
    from = end + 1
  }
  const options = collect(pairs)
  for (const name of options.keys()) {
    if (!allowed.includes(name)) throw optionError(name, `The query option '$${name}' does not apply to this request.`)
  }
  return options
}

function readPair(pair: string): [OptionName, string] | null {
  const equals = pair.indexOf('=')
  const written = decode(equals < 0 ? pair : pair.slice(0, equals))
  const value = decode(equals < 0 ? '' : pair.slice(equals + 1))
  const lower = written.toLowerCase()
  const plain = lower.startsWith('$') ? lower.slice(1) : lower
  const name = offered.get(plain)
  if (name === undefined) {
    if (plain === lower && !refused.has(plain)) return null
    throw optionError(plain, `The query option ${quoteName(written)} is not supported.`)
  }
  if (value === '') throw optionError(name, `The query option '$${name}' is empty.`)
  if (value.length > limits.optionLength) {
    const message = `The query option '$${name}' is longer than ${limits.optionLength} characters.`
    throw new CordonError('maxQueryLengthExceeded', message, { target: `$${name}` })
  }
  return [name, value]
}

function collect(pairs: readonly [OptionName, string][]): Map<OptionName, string> {
  const options = new Map<OptionName, string>()
  const followsLink = pairs.some(([name]) => name === 'skiptoken' || name === 'deltatoken')
  for (const [name, value] of pairs) {
    const earlier = options.get(name)
    if (earlier !== undefined && !followsLink) throw optionError(name, `The query option '$${name}' stands twice.`)
    if (earlier !== undefined && name !== 'top' && earlier !== value) {
      throw optionError(name, `The query option '$${name}' stands twice with different values.`)
    }
    options.set(name, value)
  }
  return options
}

/** Percent-decodes once. Bytes outside ASCII have to be escaped: raw ones reach us as other characters than the client meant. */
function decode(text: string): string {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 126)
      throw new CordonError('BadRequest', 'The query string holds characters that must be percent-encoded.')
  }
  const blanks = text.includes('+') ? text.replaceAll('+', ' ') : text
  let decoded = blanks
  if (blanks.includes('%')) {
    try {
      decoded = decodeURIComponent(blanks)
    } catch (cause) {
      throw new CordonError('BadRequest', 'The query string holds a broken percent escape or is not UTF-8.', { cause })
    }
  }
  if (decoded.includes('\0')) throw new CordonError('BadRequest', 'The query string holds a NUL character.')
  return decoded
}

function optionError(name: string, message: string): CordonError {
  return new CordonError('BadRequest', message, { target: `$${name.slice(0, 128)}` })
}
