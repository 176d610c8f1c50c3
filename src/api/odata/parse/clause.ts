import { CordonError } from '../../../model/errors.ts'

/**
 * What one query may ask for. Together with the request target's 16 KiB these bound the price of a query before the database sees it.
 * @source design contract 15
 */
export const limits = {
  comparisonTerms: 100,
  listItems: 100,
  depth: 20,
  literalLength: 2048,
  optionLength: 8192,
  selectItems: 200,
  nestedTop: 1000,
} as const

/** The query options that hold a small language of their own. */
export type ClauseName = 'filter' | 'orderby' | 'select' | 'expand'

/**
 * The text a parser reads, cut out of one query option.
 * `base` is where `text` begins inside the option's decoded value, so that an error inside `$expand=alerts($filter=...)` names a position the caller can count to.
 */
export interface Clause {
  readonly name: ClauseName
  readonly text: string
  readonly base: number
}

/** The clause made of a whole option value. */
export function wholeClause(name: ClauseName, text: string): Clause {
  return { name, text, base: 0 }
}

/**
 * The error of a clause that breaks the grammar or the model.
 * @param at index into `clause.text`, in UTF-16 units from 0; left out where the message names the part itself
 */
export function clauseError(clause: Clause, message: string, at?: number): CordonError {
  const place = at === undefined ? '' : `, at position ${clause.base + at}`
  return new CordonError('BadRequest', `Invalid ${clause.name} clause: ${message}${place}.`, {
    target: `$${clause.name}`,
  })
}

/** The error of a clause that asks for more than {@link limits} admit. */
export function clauseLimitError(
  clause: Clause,
  kind: 'tooManyTermsInQuery' | 'maxQueryLengthExceeded',
  message: string,
  at: number,
): CordonError {
  return new CordonError(kind, `Invalid ${clause.name} clause: ${message}, at position ${clause.base + at}.`, {
    target: `$${clause.name}`,
  })
}

/** A name of the caller as it may stand in a message: never longer than a property name has any reason to be. */
export function quoteName(name: string): string {
  return name.length > 128 ? `'${name.slice(0, 128)}...'` : `'${name}'`
}
