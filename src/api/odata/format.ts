import { CordonError } from '../../model/errors.ts'
import type { Call } from '../route.ts'
import { quoteName } from './parse/clause.ts'

/** How an answer's JSON is written. */
export interface JsonFormat {
  readonly metadata: 'none' | 'minimal' | 'full'
  /** Int64 values as strings. */
  readonly ieee754Compatible: boolean
}

/** The format of an answer nobody asked anything else of. */
export const defaultFormat: JsonFormat = { metadata: 'minimal', ieee754Compatible: false }

/**
 * The format a request asks for: `$format` before `Accept`.
 * @throws CordonError NotAcceptable for a `$format` that is not JSON, BadRequest for an unknown `odata.metadata`
 * @source design contract 15 and 17
 */
export function readRequestFormat(call: Pick<Call, 'rawQuery' | 'headers'>): JsonFormat {
  const asked = findFormatOption(call.rawQuery)
  if (asked !== null) return readFormat(asked)
  const { accept } = call.headers
  const text = typeof accept === 'string' ? accept : (accept ?? []).join(',')
  return /metadata|ieee754/i.test(text) ? readAccept(text) : defaultFormat
}

/** The decoded value of `$format`; null when there is none. Whether it may stand there is the query's own reader's business. */
export function findFormatOption(rawQuery: string): string | null {
  if (!/format/i.test(rawQuery)) return null
  const value = /(?:^|&)(?:\$|%24)?format=([^&]+)/i.exec(rawQuery)?.[1]
  if (value === undefined) return null
  try {
    return decodeURIComponent(value.replaceAll('+', ' '))
  } catch (cause) {
    throw new CordonError('BadRequest', 'The query string holds a broken percent escape or is not UTF-8.', { cause })
  }
}

/** Of the ranges JSON falls into, the one with the highest weight; of equals the first. */
function readAccept(text: string): JsonFormat {
  let best = { range: '', weight: 0 }
  for (const range of text.split(',')) {
    const type = range.split(';', 1)[0]?.trim().toLowerCase()
    if (type !== 'application/json' && type !== 'application/*' && type !== '*/*') continue
    const weight = Number(/;\s*q=([\d.]+)/i.exec(range)?.[1] ?? 1)
    if (weight > best.weight) best = { range: range.trim(), weight }
  }
  return /^application\/json/i.test(best.range) ? readFormat(best.range) : defaultFormat
}

/**
 * Reads `$format`, or one media type of an Accept header.
 * @throws CordonError NotAcceptable for anything but JSON, BadRequest for an unknown `odata.metadata`
 * @source design contract 15 and 17
 */
export function readFormat(text: string): JsonFormat {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  if (type !== 'json' && type !== 'application/json') {
    throw new CordonError('NotAcceptable', `The format ${quoteName(text)} is not offered; ask for application/json.`, {
      target: '$format',
    })
  }
  let metadata: JsonFormat['metadata'] = 'minimal'
  let ieee754Compatible = false
  for (const parameter of parameters) {
    const equals = parameter.indexOf('=')
    const name = parameter.slice(0, equals < 0 ? undefined : equals).trim()
    const value = equals < 0 ? '' : parameter.slice(equals + 1).trim()
    if (name === 'odata.metadata' || name === 'metadata') metadata = readMetadataLevel(value)
    if (name === 'ieee754compatible') ieee754Compatible = value === 'true'
  }
  return metadata === 'minimal' && !ieee754Compatible ? defaultFormat : { metadata, ieee754Compatible }
}

function readMetadataLevel(value: string): JsonFormat['metadata'] {
  if (value === 'none' || value === 'minimal' || value === 'full') return value
  throw new CordonError(
    'BadRequest',
    `Invalid odata.metadata ${quoteName(value)}: none, minimal or full is expected.`,
    {
      target: '$format',
    },
  )
}
