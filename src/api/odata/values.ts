import { CordonError } from '../../model/errors.ts'
import { quoteName } from './parse/clause.ts'

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
