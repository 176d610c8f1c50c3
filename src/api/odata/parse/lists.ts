import { type Clause, clauseError, clauseLimitError, limits, quoteName } from './clause.ts'
import { isAt, readToken, startScanner } from './tokens.ts'

export interface OrderItem {
  readonly path: string
  readonly direction: 'asc' | 'desc'
  readonly at: number
}

export interface SelectItem {
  readonly name: string
  readonly at: number
}

export interface ExpandOption {
  /** As written, without a leading `$` and in lower case. */
  readonly name: string
  readonly value: string
  /** Where `value` begins in the option's text. */
  readonly at: number
}

export interface ExpandItem {
  readonly name: string
  readonly options: readonly ExpandOption[]
  readonly at: number
}

/** Reads `$orderby`: properties, each with `asc` (the default) or `desc` in any case. Expressions are refused. */
export function parseOrderBy(clause: Clause): OrderItem[] {
  const scanner = startScanner(clause)
  const items: OrderItem[] = []
  for (;;) {
    const { at, text: path } = scanner
    if (!isAt(scanner, 'name')) throw clauseError(clause, 'A property name is expected', at)
    readToken(scanner)
    let direction: 'asc' | 'desc' = 'asc'
    if (isAt(scanner, 'name')) {
      const word = scanner.text.toLowerCase()
      if (word !== 'asc' && word !== 'desc') {
        throw clauseError(clause, `Expected asc, desc or a comma, but ${quoteName(scanner.text)} stands`, scanner.at)
      }
      direction = word
      readToken(scanner)
    }
    items.push({ path, direction, at })
    if (isAt(scanner, 'end')) return items
    if (!isAt(scanner, ',')) {
      throw clauseError(
        clause,
        'Only properties can be sorted by, each with asc or desc; an expression stands',
        scanner.at,
      )
    }
    readToken(scanner)
  }
}

/** Reads `$select`: names and `*`, separated by commas. */
export function parseSelect(clause: Clause): SelectItem[] {
  const items: SelectItem[] = []
  let from = 0
  while (from <= clause.text.length) {
    const comma = clause.text.indexOf(',', from)
    const to = comma < 0 ? clause.text.length : comma
    const { text: name, at } = trimPart(clause.text, from, to)
    if (name === '') throw clauseError(clause, 'A property name is expected', at)
    items.push({ name, at })
    if (items.length > limits.selectItems) {
      const message = `There are more than ${limits.selectItems} names`
      throw clauseLimitError(clause, 'tooManyTermsInQuery', message, at)
    }
    from = to + 1
  }
  return items
}

/**
 * Reads `$expand`: names, each with its own options in parentheses, separated by semicolons.
 * The options are cut apart here and read by the caller; quotes and inner parentheses keep a filter in one piece.
 */
export function parseExpand(clause: Clause): ExpandItem[] {
  const items: ExpandItem[] = []
  let from = 0
  for (;;) {
    const nameEnd = findMark(clause, from, '(,')
    const { text: name, at } = trimPart(clause.text, from, nameEnd)
    if (name === '') throw clauseError(clause, 'The name of a navigation property is expected', at)
    const opens = clause.text[nameEnd] === '('
    const close = opens ? findMark(clause, nameEnd + 1, ')') : nameEnd
    if (opens && close >= clause.text.length) {
      throw clauseError(clause, 'The parenthesis that opens here is not closed', nameEnd)
    }
    items.push({ name, at, options: opens ? splitOptions(clause, nameEnd + 1, close) : [] })
    const end = opens ? skipBlanks(clause.text, close + 1) : close
    if (end >= clause.text.length) return items
    if (clause.text[end] !== ',') throw clauseError(clause, 'Expected a comma or the end', end)
    from = end + 1
  }
}

function splitOptions(clause: Clause, start: number, close: number): ExpandOption[] {
  const options: ExpandOption[] = []
  let from = start
  while (from <= close) {
    const end = Math.min(findMark(clause, from, ';)'), close)
    const equals = clause.text.indexOf('=', from)
    if (equals < 0 || equals > end) throw clauseError(clause, 'An option like $select=... is expected', from)
    const name = trimPart(clause.text, from, equals).text.toLowerCase()
    const value = trimPart(clause.text, equals + 1, end)
    if (value.text === '') throw clauseError(clause, `The option ${quoteName(name)} is empty`, value.at)
    options.push({ name: name.startsWith('$') ? name.slice(1) : name, value: value.text, at: value.at })
    from = end + 1
  }
  return options
}

/** The next place of one of `marks` outside quotes and inner parentheses; the text's length when there is none. */
function findMark(clause: Clause, from: number, marks: string): number {
  const { text } = clause
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const char = text.charAt(at)
    if (depth === 0 && marks.includes(char)) return at
    if (char === '(') depth++
    else if (char === ')') depth--
    else if (char === "'") {
      const close = text.indexOf("'", at + 1)
      if (close < 0) throw clauseError(clause, 'The string that begins here is not closed', at)
      at = close
    }
  }
  return text.length
}

function trimPart(text: string, from: number, to: number): { readonly text: string; readonly at: number } {
  const at = Math.min(skipBlanks(text, from), to)
  return { text: text.slice(at, to).trimEnd(), at }
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t') at++
  return at
}
