import { type Clause, clauseError, clauseLimitError, limits, quoteName } from './clause.ts'
import type { ComparisonOperator, FilterSyntax, LambdaSyntax, LiteralSyntax } from './syntax.ts'
import { isAt, opensParenthesis, readToken, type Scanner, startScanner } from './tokens.ts'

type Operator = ComparisonOperator | 'has' | 'in' | 'and' | 'or'

/** How tight each operator binds; `not` and parentheses bind tighter than all of them. */
const precedence: Readonly<Record<Operator, number>> = {
  or: 1,
  and: 2,
  eq: 3,
  ne: 3,
  in: 3,
  has: 3,
  gt: 4,
  ge: 4,
  lt: 4,
  le: 4,
}

const operators: ReadonlyMap<string, Operator> = new Map(
  Object.keys(precedence).flatMap((name) => (isOperator(name) ? [[name, name]] : [])),
)

function isOperator(name: string): name is Operator {
  return Object.hasOwn(precedence, name)
}

interface Parser {
  readonly clause: Clause
  readonly scanner: Scanner
  terms: number
  depth: number
  insideLambda: boolean
}

/**
 * Reads `$filter` into its syntax tree, by precedence climbing.
 * @throws CordonError BadRequest with the position, tooManyTermsInQuery or maxQueryLengthExceeded past a limit
 * @source design contract 15; precedence as in OData 4.01 URL conventions 5.1.1.17, so `not a eq b` is `(not a) eq b`
 */
export function parseFilter(clause: Clause): FilterSyntax {
  const scanner = startScanner(clause)
  if (isAt(scanner, 'end')) throw clauseError(clause, 'An expression is expected', scanner.at)
  const parser: Parser = { clause, scanner, terms: 0, depth: 0, insideLambda: false }
  const filter = parseExpression(parser, 1)
  if (!isAt(scanner, 'end')) throw unexpected(parser, 'an operator or the end')
  return filter
}

function parseExpression(parser: Parser, lowest: number): FilterSyntax {
  let left = parseOperand(parser)
  let chain: FilterSyntax[] | undefined
  for (;;) {
    const operator = currentOperator(parser)
    if (operator === undefined || precedence[operator] < lowest) return left
    const at = parser.scanner.at
    readToken(parser.scanner)
    switch (operator) {
      case 'and':
      case 'or': {
        const right = parseExpression(parser, precedence[operator] + 1)
        if (chain !== undefined && left.kind === operator) {
          chain.push(right)
        } else {
          chain = [left, right]
          left = { kind: operator, terms: chain, at }
        }
        break
      }
      case 'in':
        countTerm(parser, at)
        left = { kind: 'in', left, items: parseItems(parser), at }
        break
      default:
        countTerm(parser, at)
        left = { kind: 'compare', operator, left, right: parseExpression(parser, precedence[operator] + 1), at }
    }
  }
}

function currentOperator(parser: Parser): Operator | undefined {
  const { scanner } = parser
  if (!isAt(scanner, 'name')) {
    if (isAt(scanner, 'end') || isAt(scanner, ')') || isAt(scanner, ',')) return undefined
    throw unexpected(parser, 'an operator')
  }
  const operator = operators.get(scanner.text.toLowerCase())
  if (operator === undefined) throw unexpected(parser, 'an operator')
  return operator
}

function parseOperand(parser: Parser): FilterSyntax {
  const { scanner } = parser
  const { at } = scanner
  switch (scanner.kind) {
    case '(': {
      enter(parser, at)
      readToken(scanner)
      const inner = parseExpression(parser, 1)
      expect(parser, ')')
      parser.depth--
      return inner
    }
    case 'name':
      return parseNamed(parser)
    case 'string':
    case 'typed':
    case 'number':
    case 'datetime':
      return takeLiteral(scanner, scanner.kind)
    default:
      throw unexpected(parser, 'a property or value')
  }
}

function parseNamed(parser: Parser): FilterSyntax {
  const { scanner } = parser
  const { at, text } = scanner
  switch (text.toLowerCase()) {
    case 'not': {
      enter(parser, at)
      readToken(scanner)
      const operand = parseOperand(parser)
      parser.depth--
      return { kind: 'not', operand, at }
    }
    case 'null':
      return takeLiteral(scanner, 'null')
    case 'true':
    case 'false':
      return takeLiteral(scanner, 'boolean')
  }
  if (operators.has(text.toLowerCase())) throw unexpected(parser, 'a property or value')
  if (!opensParenthesis(scanner)) {
    readToken(scanner)
    return { kind: 'path', path: text, at }
  }
  const slash = text.lastIndexOf('/')
  return slash < 0 ? parseCall(parser) : parseLambda(parser, slash)
}

function parseCall(parser: Parser): FilterSyntax {
  const { scanner } = parser
  const { at } = scanner
  const name = scanner.text.toLowerCase()
  enter(parser, at)
  // A predicate is a term by itself: contains(a,'x') stands where a eq 'x' could.
  if (name === 'contains' || name === 'startswith' || name === 'endswith') countTerm(parser, at)
  readToken(scanner)
  readToken(scanner)
  const args: FilterSyntax[] = []
  if (!isAt(scanner, ')')) {
    args.push(parseExpression(parser, 1))
    while (isAt(scanner, ',')) {
      readToken(scanner)
      args.push(parseExpression(parser, 1))
      if (args.length > limits.listItems)
        throw tooMany(parser, `A call takes at most ${limits.listItems} arguments`, at)
    }
  }
  expect(parser, ')')
  parser.depth--
  return { kind: 'call', name, args, at }
}

function parseLambda(parser: Parser, slash: number): LambdaSyntax {
  const { scanner, clause } = parser
  const { at, text } = scanner
  const path = text.slice(0, slash)
  const quantifier = text.slice(slash + 1).toLowerCase()
  if (quantifier !== 'any' && quantifier !== 'all') {
    throw clauseError(clause, `The function ${quoteName(text)} is not supported`, at)
  }
  if (parser.insideLambda) throw clauseError(clause, 'any and all cannot be nested', at)
  readToken(scanner)
  readToken(scanner)
  if (isAt(scanner, ')')) {
    if (quantifier === 'all') throw unexpected(parser, 'a variable and a condition')
    countTerm(parser, at)
    readToken(scanner)
    return { kind: 'lambda', path, quantifier, variable: '', body: null, at }
  }
  if (!isAt(scanner, 'name') || scanner.text.includes('/')) throw unexpected(parser, 'a variable')
  const variable = scanner.text
  readToken(scanner)
  expect(parser, ':')
  parser.insideLambda = true
  const body = parseExpression(parser, 1)
  parser.insideLambda = false
  expect(parser, ')')
  return { kind: 'lambda', path, quantifier, variable, body, at }
}

function parseItems(parser: Parser): FilterSyntax[] {
  const { scanner } = parser
  const { at } = scanner
  expect(parser, '(')
  const items = [parseOperand(parser)]
  while (isAt(scanner, ',')) {
    readToken(scanner)
    items.push(parseOperand(parser))
    if (items.length > limits.listItems) throw tooMany(parser, `'in' takes at most ${limits.listItems} values`, at)
  }
  expect(parser, ')')
  return items
}

function takeLiteral(scanner: Scanner, type: LiteralSyntax['type']): LiteralSyntax {
  const literal: LiteralSyntax = { kind: 'literal', type, text: scanner.text, prefix: scanner.prefix, at: scanner.at }
  readToken(scanner)
  return literal
}

function expect(parser: Parser, kind: '(' | ')' | ':'): void {
  if (!isAt(parser.scanner, kind)) throw unexpected(parser, `'${kind}'`)
  readToken(parser.scanner)
}

function enter(parser: Parser, at: number): void {
  parser.depth++
  if (parser.depth > limits.depth) throw tooMany(parser, `Nesting is deeper than ${limits.depth} levels`, at)
}

function countTerm(parser: Parser, at: number): void {
  parser.terms++
  if (parser.terms > limits.comparisonTerms) {
    throw tooMany(parser, `There are more than ${limits.comparisonTerms} comparisons`, at)
  }
}

function tooMany(parser: Parser, message: string, at: number): Error {
  return clauseLimitError(parser.clause, 'tooManyTermsInQuery', message, at)
}

function unexpected(parser: Parser, wanted: string): Error {
  const { scanner, clause } = parser
  const found = isAt(scanner, 'end') ? 'the expression ends' : `${quoteName(scanner.text)} stands`
  return clauseError(clause, `Expected ${wanted}, but ${found}`, scanner.at)
}
