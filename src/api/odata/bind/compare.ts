import { readDateTime } from '../../../model/edm.ts'
import { type EnumName, enums } from '../../../model/generated.ts'
import type { BoundFilter, BoundScalar, CompareOperator, ValueType } from '../../../model/query.ts'
import { type Clause, clauseError, quoteName } from '../parse/clause.ts'
import type { FilterSyntax, LiteralSyntax } from '../parse/syntax.ts'
import { readEnumLiteral } from './enum.ts'

/** The left side of a comparison: a scalar and what it may be compared with. */
export interface Comparand {
  readonly scalar: BoundScalar
  readonly type: ValueType
  /** The enum of an `enum`. */
  readonly enumName: EnumName | null
  readonly nullable: boolean
  /** As the caller wrote it, for messages. */
  readonly name: string
  /** A literal, lower case, that is no member and matches every row. */
  readonly wildcard: string | null
}

type BoundLiteral =
  | { readonly kind: 'value'; readonly value: string | number }
  | { readonly kind: 'null' }
  | { readonly kind: 'everything' }
  | { readonly kind: 'hidden'; readonly sentinel: number }

const everyRow: BoundFilter = { kind: 'constant', value: true }
const noRow: BoundFilter = { kind: 'constant', value: false }

/** Reads `operator literal` against `left`. @throws CordonError BadRequest when the literal does not fit the property */
export function bindComparison(
  clause: Clause,
  left: Comparand,
  operator: CompareOperator,
  right: FilterSyntax,
  revealHidden: boolean,
): BoundFilter {
  const literal = bindLiteral(clause, left, right, revealHidden)
  switch (literal.kind) {
    case 'null':
      if (operator === 'eq') return left.nullable ? { kind: 'isNull', scalar: left.scalar } : noRow
      return operator === 'ne' ? present(left) : noRow
    case 'everything':
      return operator === 'eq' || operator === 'ge' || operator === 'le' ? everyRow : noRow
    case 'hidden':
      return compareHidden(left, operator, literal.sentinel)
    case 'value':
      if (left.type === 'int' && typeof literal.value === 'number') return compareInt(left, operator, literal.value)
      return { kind: 'compare', operator, scalar: left.scalar, value: literal.value }
  }
}

/** Reads `in (...)` against `left`; null and hidden members in the list become terms of their own. */
export function bindIn(
  clause: Clause,
  left: Comparand,
  items: readonly FilterSyntax[],
  revealHidden: boolean,
): BoundFilter {
  const values: (string | number)[] = []
  const terms: BoundFilter[] = []
  for (const item of items) {
    const literal = bindLiteral(clause, left, item, revealHidden)
    if (literal.kind !== 'value') terms.push(bindComparison(clause, left, 'eq', item, revealHidden))
    else if (left.type !== 'int' || isStorable(literal.value)) values.push(literal.value)
  }
  if (values.length > 0) terms.unshift({ kind: 'in', scalar: left.scalar, values })
  const [only = noRow] = terms
  return terms.length > 1 ? { kind: 'or', terms } : only
}

/** Reads `has`: every bit of the literal is set. Only flags enums have bits of their own. */
export function bindHas(clause: Clause, left: Comparand, right: FilterSyntax, revealHidden: boolean): BoundFilter {
  if (left.enumName === null || !enums[left.enumName].isFlags) {
    throw clauseError(clause, `'has' needs a flags enumeration, which ${quoteName(left.name)} is not`, right.at)
  }
  const literal = bindLiteral(clause, left, right, revealHidden)
  if (literal.kind === 'hidden') return compareHidden(left, 'eq', literal.sentinel)
  if (literal.kind !== 'value' || typeof literal.value !== 'number') return noRow
  return { kind: 'flags', scalar: left.scalar, bits: literal.value }
}

/** The scalar is not null. */
function present(left: Comparand): BoundFilter {
  return left.nullable ? { kind: 'not', term: { kind: 'isNull', scalar: left.scalar } } : everyRow
}

/**
 * A comparison with `unknownFutureValue` by a caller who sees every hidden member as `unknownFutureValue`.
 * @source design contract 13; api-guidelines graph/patterns/evolvable-enums.md has eq, gt and lt, the rest follows from them
 */
function compareHidden(left: Comparand, operator: CompareOperator, sentinel: number): BoundFilter {
  const compare = (op: CompareOperator): BoundFilter => ({
    kind: 'compare',
    operator: op,
    scalar: left.scalar,
    value: sentinel,
  })
  switch (operator) {
    case 'eq':
    case 'ge':
      return compare('ge')
    case 'ne':
      return { kind: 'not', term: compare('ge') }
    case 'le':
      return present(left)
    case 'gt':
    case 'lt':
      return compare(operator)
  }
}

const smallestInt = -(2 ** 31)
const largestInt = 2 ** 31 - 1

function isStorable(value: string | number): boolean {
  return Number.isInteger(value) && Number(value) >= smallestInt && Number(value) <= largestInt
}

/** Numbers an integer cannot hold still compare rightly: 15.5 lies between 15 and 16, 1e300 above all. */
function compareInt(left: Comparand, operator: CompareOperator, value: number): BoundFilter {
  if (isStorable(value)) return { kind: 'compare', operator, scalar: left.scalar, value }
  if (operator === 'eq') return noRow
  if (operator === 'ne') return everyRow
  const upwards = operator === 'gt' || operator === 'ge'
  if (value > largestInt) return upwards ? noRow : present(left)
  if (value < smallestInt) return upwards ? present(left) : noRow
  return { kind: 'compare', operator: upwards ? 'gt' : 'le', scalar: left.scalar, value: Math.floor(value) }
}

function bindLiteral(clause: Clause, left: Comparand, right: FilterSyntax, revealHidden: boolean): BoundLiteral {
  if (right.kind === 'path' && left.enumName !== null) return bindEnum(clause, left.enumName, left, right, revealHidden)
  if (right.kind !== 'literal') {
    const message = `The value ${quoteName(left.name)} is compared with must be written out`
    throw clauseError(clause, message, right.at)
  }
  if (right.type === 'null') return { kind: 'null' }
  if (left.enumName !== null) return bindEnum(clause, left.enumName, left, right, revealHidden)
  return { kind: 'value', value: bindPrimitive(clause, left, right) }
}

function bindEnum(
  clause: Clause,
  enumName: EnumName,
  left: Comparand,
  right: LiteralSyntax | (FilterSyntax & { readonly kind: 'path' }),
  revealHidden: boolean,
): BoundLiteral {
  const text = right.kind === 'path' ? right.path : right.text
  if (left.wildcard !== null && text.toLowerCase() === left.wildcard) return { kind: 'everything' }
  return readEnumLiteral(clause, enums[enumName], right, revealHidden)
}

function bindPrimitive(clause: Clause, left: Comparand, literal: LiteralSyntax): string | number {
  switch (left.type) {
    case 'text':
      if (literal.type === 'string') return literal.text
      throw mismatch(clause, left, literal, 'a string in single quotes')
    case 'int':
    case 'enum':
      if (literal.type === 'number') return Number(literal.text) + 0
      throw mismatch(clause, left, literal, 'a number')
    case 'bool':
      if (literal.type === 'boolean') return literal.text.toLowerCase() === 'true' ? 1 : 0
      throw mismatch(clause, left, literal, 'true or false')
    case 'datetime': {
      if (literal.type !== 'datetime' && literal.type !== 'string')
        throw mismatch(clause, left, literal, 'a date and time')
      const instant = readDateTime(literal.text)
      if (instant !== null) return instant
      const message = `${quoteName(literal.text)} is not a date and time like 2026-01-02T03:04:05Z`
      throw clauseError(clause, message, literal.at)
    }
  }
}

function mismatch(clause: Clause, left: Comparand, literal: LiteralSyntax, wanted: string): Error {
  return clauseError(clause, `${quoteName(left.name)} is compared with ${wanted}, not with what stands`, literal.at)
}
