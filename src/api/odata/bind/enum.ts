import { type EnumTable, enumValue } from '../../../model/edm.ts'
import { type Clause, clauseError, quoteName } from '../parse/clause.ts'
import type { LiteralSyntax, PathSyntax } from '../parse/syntax.ts'

/** What an enum literal stands for: one number, or every member hidden from this caller. */
export type EnumValue =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'hidden'; readonly sentinel: number }

/** Namespaces in front of an enum's name, the older ones included. @source design contract 15 */
const namespaces = ['microsoft.graph.security.', 'microsoft.graph.', 'graph.', '']

/**
 * Reads an enum literal: a member in any case (quoted or not), a number inside quotes, either behind the enum's type name, and for flags a comma list.
 * @param revealHidden the caller sent `Prefer: include-unknown-enum-members`
 * @throws CordonError BadRequest for an unknown member, a bare number, and a hidden member the caller did not opt in to
 * @source design contract 13 and 15
 */
export function readEnumLiteral(
  clause: Clause,
  table: EnumTable,
  literal: LiteralSyntax | PathSyntax,
  revealHidden: boolean,
): EnumValue {
  const text = enumText(clause, table, literal)
  const parts = table.isFlags ? text.split(',').map((part) => part.trim()) : [text]
  let value = 0
  for (const part of parts) {
    const number = memberNumber(table, part)
    if (number === undefined) {
      const message = `${quoteName(part)} is not a member of '${table.qualifiedName}'`
      throw clauseError(clause, message, literal.at)
    }
    value = table.isFlags ? value | number : number
    if (revealHidden || table.sentinel === null) continue
    if (number > table.sentinel) {
      const message = `${quoteName(part)} can be named only with the header 'Prefer: include-unknown-enum-members'`
      throw clauseError(clause, message, literal.at)
    }
    if (number === table.sentinel && parts.length === 1) return { kind: 'hidden', sentinel: table.sentinel }
  }
  return { kind: 'value', value }
}

function enumText(clause: Clause, table: EnumTable, literal: LiteralSyntax | PathSyntax): string {
  if (literal.kind === 'path') return literal.path
  switch (literal.type) {
    case 'string':
      return literal.text
    case 'typed': {
      if (namespaces.some((namespace) => literal.prefix === namespace + table.name)) return literal.text
      const message = `${quoteName(literal.prefix)} is not the type '${table.qualifiedName}' that is compared`
      throw clauseError(clause, message, literal.at)
    }
    default:
      throw clauseError(clause, `A member of '${table.qualifiedName}' in single quotes is expected`, literal.at)
  }
}

/** A number inside quotes counts only when it is a member's, so a typing error is found here and not by an empty answer. */
function memberNumber(table: EnumTable, text: string): number | undefined {
  const named = enumValue(table, text)
  if (named !== null) return table.members[named]
  if (text === '' || text.length > 10 || [...text].some((char) => char < '0' || char > '9')) return undefined
  const number = Number(text)
  const known = Object.values(table.members)
  if (!table.isFlags) return known.includes(number) ? number : undefined
  const allBits = known.reduce((bits, member) => bits | member, 0)
  return (number & ~allBits) === 0 ? number : undefined
}
