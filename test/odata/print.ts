import type { FilterSyntax, LiteralSyntax } from '../../src/api/odata/parse/syntax.ts'

const levels = { or: 1, and: 2, eq: 3, ne: 3, in: 3, has: 3, gt: 4, ge: 4, lt: 4, le: 4 } as const
const tightest = 5

/** Writes a syntax tree as the text of a `$filter`, with just the parentheses it needs. */
export function printFilter(syntax: FilterSyntax): string {
  switch (syntax.kind) {
    case 'and':
    case 'or': {
      const own = levels[syntax.kind]
      return syntax.terms.map((term) => printAbove(term, own + 1)).join(` ${syntax.kind} `)
    }
    case 'not':
      return `not ${syntax.operand.kind === 'not' ? printFilter(syntax.operand) : printAbove(syntax.operand, tightest)}`
    case 'compare': {
      const own = levels[syntax.operator]
      return `${printAbove(syntax.left, own)} ${syntax.operator} ${printAbove(syntax.right, own + 1)}`
    }
    case 'in':
      return `${printAbove(syntax.left, levels.in)} in (${syntax.items.map((item) => printAbove(item, tightest)).join(', ')})`
    case 'call':
      return `${syntax.name}(${syntax.args.map(printFilter).join(',')})`
    case 'lambda':
      return syntax.body === null
        ? `${syntax.path}/${syntax.quantifier}()`
        : `${syntax.path}/${syntax.quantifier}(${syntax.variable}:${printFilter(syntax.body)})`
    case 'path':
      return syntax.path
    case 'literal':
      return printLiteral(syntax)
  }
}

function printAbove(syntax: FilterSyntax, lowest: number): string {
  return levelOf(syntax) >= lowest ? printFilter(syntax) : `(${printFilter(syntax)})`
}

function levelOf(syntax: FilterSyntax): number {
  switch (syntax.kind) {
    case 'and':
    case 'or':
    case 'in':
      return levels[syntax.kind]
    case 'compare':
      return levels[syntax.operator]
    default:
      return tightest
  }
}

function printLiteral({ type, text, prefix }: LiteralSyntax): string {
  const quoted = `'${text.replaceAll("'", "''")}'`
  if (type === 'string') return quoted
  return type === 'typed' ? `${prefix}${quoted}` : text
}
