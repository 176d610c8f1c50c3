import { type Clause, clauseError, clauseLimitError, limits } from './clause.ts'

export type TokenKind = '(' | ')' | ',' | ':' | 'name' | 'string' | 'typed' | 'number' | 'datetime' | 'end'

/**
 * The clause's current token. {@link readToken} moves it one token on; nothing is read ahead, so a clause of any length costs no memory beside its text.
 */
export interface Scanner {
  readonly clause: Clause
  kind: TokenKind
  /** Where the current token begins. */
  at: number
  /** Where the next token is looked for. */
  next: number
  /** The token's text; for strings without quotes and with `''` made `'`. */
  text: string
  /** The type name in front of a `typed` string. */
  prefix: string
}

/** A scanner that stands on the clause's first token. */
export function startScanner(clause: Clause): Scanner {
  const scanner: Scanner = { clause, kind: 'end', at: 0, next: 0, text: '', prefix: '' }
  readToken(scanner)
  return scanner
}

const tab = 9
const space = 32
const quote = 39
const plus = 43
const minus = 45
const dot = 46
const colon = 58

const punctuation: Readonly<Record<number, TokenKind>> = { 40: '(', 41: ')', 44: ',', 58: ':' }

/** Moves to the next token. @throws CordonError BadRequest on a character that begins none, and on an unfinished string */
export function readToken(scanner: Scanner): void {
  const { text } = scanner.clause
  let at = scanner.next
  while (at < text.length && isBlank(text.charCodeAt(at))) at++
  scanner.at = at
  scanner.prefix = ''
  if (at >= text.length) {
    scanner.kind = 'end'
    scanner.text = ''
    scanner.next = at
    return
  }
  const code = text.charCodeAt(at)
  const mark = punctuation[code]
  if (mark !== undefined) {
    scanner.kind = mark
    scanner.text = mark
    scanner.next = at + 1
  } else if (code === quote) {
    readString(scanner, at)
    scanner.kind = 'string'
  } else if (isNameStart(code)) {
    readName(scanner)
  } else if (isDigit(code) || (code === minus && isDigit(text.charCodeAt(at + 1)))) {
    readNumberOrDatetime(scanner)
  } else {
    throw clauseError(
      scanner.clause,
      `The character '${String.fromCodePoint(text.codePointAt(at) ?? 0)}' is not expected`,
      at,
    )
  }
}

/** True when the current token is of `kind`. A function, because the compiler cannot see that {@link readToken} changes the kind. */
export function isAt(scanner: Scanner, kind: TokenKind): boolean {
  return scanner.kind === kind
}

/** True when the clause goes on with `(` right after the current token, as function calls and lambdas do. */
export function opensParenthesis(scanner: Scanner): boolean {
  return scanner.clause.text.charCodeAt(scanner.next) === 40
}

function readName(scanner: Scanner): void {
  const { text } = scanner.clause
  let end = scanner.at + 1
  while (end < text.length && isNamePart(text.charCodeAt(end))) end++
  const name = text.slice(scanner.at, end)
  if (text.charCodeAt(end) === quote) {
    readString(scanner, end)
    scanner.kind = 'typed'
    scanner.prefix = name
    return
  }
  scanner.kind = 'name'
  scanner.text = name
  scanner.next = end
}

/** Reads the string that opens at `open` into the scanner's text. */
function readString(scanner: Scanner, open: number): void {
  const { clause } = scanner
  let value = ''
  let from = open + 1
  for (;;) {
    const close = clause.text.indexOf("'", from)
    if (close < 0) throw clauseError(clause, 'The string that begins here is not closed', open)
    value += clause.text.slice(from, close)
    if (clause.text.charCodeAt(close + 1) !== quote) {
      scanner.next = close + 1
      break
    }
    value += "'"
    from = close + 2
  }
  if (value.length > limits.literalLength) {
    const message = `The string is longer than ${limits.literalLength} characters`
    throw clauseLimitError(clause, 'maxQueryLengthExceeded', message, open)
  }
  scanner.text = value
}

function readNumberOrDatetime(scanner: Scanner): void {
  const { clause, at } = scanner
  const { text } = clause
  let end = at + 1
  while (end < text.length && isValuePart(text.charCodeAt(end))) end++
  if (end - at > limits.literalLength) {
    const message = `The value is longer than ${limits.literalLength} characters`
    throw clauseLimitError(clause, 'maxQueryLengthExceeded', message, at)
  }
  const value = text.slice(at, end)
  scanner.next = end
  if (looksLikeDate(value)) {
    scanner.kind = 'datetime'
    scanner.text = value
    const offset = readBlankOffset(text, end)
    if (offset !== '' && needsOffset(value)) {
      scanner.text += `+${offset}`
      scanner.next = end + 1 + offset.length
    }
    return
  }
  if (!isNumber(value)) throw clauseError(clause, `'${value.slice(0, 64)}' is neither a number nor a date`, at)
  scanner.kind = 'number'
  scanner.text = value
}

/** A `+` that reached us as a blank: clients write `00:00:00+00:00` into a URL without escaping it, and `+` decodes to a space. */
function readBlankOffset(text: string, at: number): string {
  if (text.charCodeAt(at) !== space) return ''
  const offset = text.slice(at + 1, at + 6)
  const digits = [0, 1, 3, 4].every((index) => isDigit(offset.charCodeAt(index)))
  const ends = at + 6 >= text.length || !isValuePart(text.charCodeAt(at + 6))
  return digits && ends && offset.charCodeAt(2) === colon ? offset : ''
}

/** True for a date with a time and no zone yet: `2026-01-01T00:00:00`. */
function needsOffset(value: string): boolean {
  const time = value.toUpperCase().indexOf('T')
  if (time < 0 || value.endsWith('Z') || value.endsWith('z')) return false
  return !value.includes('+', time) && !value.includes('-', time)
}

/** Digits, a minus and a digit: the start of a date, however many digits its year has. */
function looksLikeDate(value: string): boolean {
  const from = value.charCodeAt(0) === minus ? 1 : 0
  let at = from
  while (isDigit(value.charCodeAt(at))) at++
  return at > from && value.charCodeAt(at) === minus && isDigit(value.charCodeAt(at + 1))
}

/** `-? digits [. digits] [e [+-] digits]`, read by hand so that no text can make it slow. */
function isNumber(value: string): boolean {
  let at = skipDigits(value, value.charCodeAt(0) === minus ? 1 : 0)
  if (value.charCodeAt(at) === dot) {
    const fraction = skipDigits(value, at + 1)
    if (fraction === at + 1) return false
    at = fraction
  }
  if (value[at] === 'e' || value[at] === 'E') {
    const sign = value.charCodeAt(at + 1)
    const from = sign === plus || sign === minus ? at + 2 : at + 1
    const exponent = skipDigits(value, from)
    if (exponent === from) return false
    at = exponent
  }
  return at === value.length
}

function skipDigits(value: string, from: number): number {
  let at = from
  while (isDigit(value.charCodeAt(at))) at++
  return at
}

function isBlank(code: number): boolean {
  return code === space || code === tab
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90)
}

/** Letters, `_`, and the `$` and `@` of `$it`, `$count` and parameter aliases. */
function isNameStart(code: number): boolean {
  return isLetter(code) || code === 95 || code === 36 || code === 64
}

/** As {@link isNameStart}, and digits, the dot of a qualified name and the slash of a path. */
function isNamePart(code: number): boolean {
  return isNameStart(code) || isDigit(code) || code === dot || code === 47
}

function isValuePart(code: number): boolean {
  return isDigit(code) || isLetter(code) || code === dot || code === colon || code === plus || code === minus
}
