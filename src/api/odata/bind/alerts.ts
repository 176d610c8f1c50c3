import { type Clause, clauseError, quoteName } from '../parse/clause.ts'
import type { FilterSyntax, LambdaSyntax } from '../parse/syntax.ts'

/** What the alerts of an incident can be looked for by. */
const searchable = 'serviceSource'

/**
 * Checks `alerts/any(a:a/serviceSource eq '...')`: conditions on the source of alerts and on nothing else of them, so that no alert is read.
 * @throws CordonError BadRequest naming the part that is something else
 */
export function checkAlerts(clause: Clause, { variable, body, at }: LambdaSyntax): void {
  if (body === null) throw clauseError(clause, `Alerts can be looked for only by conditions on ${searchable}`, at)
  checkCondition(clause, variable, body)
}

function checkCondition(clause: Clause, variable: string, syntax: FilterSyntax): void {
  switch (syntax.kind) {
    case 'and':
    case 'or':
      for (const term of syntax.terms) checkCondition(clause, variable, term)
      return
    case 'not':
      checkCondition(clause, variable, syntax.operand)
      return
    case 'compare':
    case 'in':
      if (syntax.left.kind === 'path' && syntax.left.path.startsWith(`${variable}/`)) {
        const name = syntax.left.path.slice(variable.length + 1)
        if (name === searchable) return
        const message = `Alerts of an incident cannot be looked for by ${quoteName(name)}, only by ${searchable}`
        throw clauseError(clause, message, syntax.left.at)
      }
      throw refuse(clause, variable, syntax)
    default:
      throw refuse(clause, variable, syntax)
  }
}

function refuse(clause: Clause, variable: string, syntax: FilterSyntax): Error {
  return clauseError(clause, `A condition like ${variable}/${searchable} eq '...' is expected`, syntax.at)
}
