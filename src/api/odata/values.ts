import { CordonError } from '../../model/errors.ts'
import { quoteName } from './parse/clause.ts'

/** How an answer's JSON is written. */
export interface JsonFormat {
  readonly metadata: 'none' | 'minimal' | 'full'
  /** Int64 values as strings. */
  readonly ieee754Compatible: boolean
}

const largestWholeNumber = 2 ** 31 - 1

/**
 * Reads `$top` and `$skip`: decimal digits and nothing else.
 * @throws CordonError BadRequest for a sign, fraction, exponent, other base or a number above 2^31 - 1
 */
export function readWholeNumber(option: 'top' | 'skip', text: string): number {
  let isDigits = text.length > 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 48 || code > 57) isDigits = false
  }
  const value = isDigits ? Number(text) : Number.NaN
  if (value <= largestWholeNumber) return value
  throw new CordonError(
    'BadRequest',
    `Invalid value ${quoteName(text)} for $${option}: a whole number from 0 to ${largestWholeNumber} is expected.`,
    { target: `$${option}` },
  )
}

/** Reads `$count`: exactly `true` or `false`. */
export function readBoolean(option: 'count', text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw new CordonError('BadRequest', `Invalid value ${quoteName(text)} for $${option}: true or false is expected.`, {
    target: `$${option}`,
  })
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
  return { metadata, ieee754Compatible }
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
