import { type Expression, type SqlBool, sql } from 'kysely'
import { assertNever } from '../model/errors.ts'
import { enums } from '../model/generated.ts'
import type { BoundFilter, BoundScalar, CompareOperator, ValueType } from '../model/query.ts'
import { namedProperty, selectNames, type TextMatch } from './names.ts'
import type { EvidenceCondition, FilterColumn, FilterMap, QuerySource } from './query.ts'
import { type Sql, type SqlDialect, sqlDialects } from './query-sql.ts'
import { bitsOf } from './sources.ts'

/** Where names are resolved. */
export interface Context {
  readonly map: FilterMap
  readonly write: SqlDialect
  readonly doc: Sql
  /** Inside any/all: the members of the elements, null for strings. */
  readonly members: Readonly<Record<string, ValueType>> | null
  readonly readBy: string | undefined
  /** The tenant among whose names parts of names are looked for; see names.ts. */
  readonly namesOf: string | undefined
}

/** The context of a whole row. */
export function openContext(source: QuerySource): Context {
  const { dialect, map, readBy, namesOf } = source
  return {
    readBy,
    namesOf,
    map,
    write: sqlDialects[dialect],
    doc: map.doc === null ? sql`null` : sql.ref(map.doc),
    members: null,
  }
}

/** A value of the row in SQL. */
export interface Operand {
  readonly sql: Sql
  readonly nullable: boolean
  readonly type: ValueType
  /** Compared without regard to ASCII case. */
  readonly fold: boolean
  /** An integer that stands for a string of digits. */
  readonly isDigits: boolean
}

function operand(value: Sql, type: ValueType, nullable: boolean, fold = false): Operand {
  return { sql: value, type, nullable, fold, isDigits: false }
}

/** The SQL of a scalar property. @throws Error when the map has none of that name */
export function resolveProperty(context: Context, property: string): Operand {
  const value = reachProperty(context, property)
  // Behind a plus SQLite sees no column that an index could be for.
  return context.readBy === undefined || context.readBy === property ? value : { ...value, sql: sql`+${value.sql}` }
}

function reachProperty(context: Context, property: string): Operand {
  const { map, write, doc } = context
  const column = Object.hasOwn(map.properties, property) ? map.properties[property] : undefined
  if (column === undefined || column.kind === 'list' || column.kind === 'members' || column.kind === 'evidence') {
    throw new Error(`the filter map has no scalar '${property}'`)
  }
  if (column.kind === 'digits') {
    return { ...operand(sql.ref(column.column), 'int', column.nullable), isDigits: true }
  }
  if (column.kind === 'presence') return operand(sql`nullif(${sql.ref(column.column)}, 0)`, 'bool', true)
  if (column.kind !== 'json') {
    const { kind, nullable, caseInsensitive, absent } = column
    const value =
      absent === undefined ? sql.ref(column.column) : sql`nullif(${sql.ref(column.column)}, ${sql.lit(absent)})`
    return operand(value, kind, nullable, caseInsensitive)
  }
  const { type, path, nullable, members, caseInsensitive } = column
  const value = write.readJson(doc, path, members === undefined ? type : 'text')
  if (members === undefined) return operand(value, type, nullable, caseInsensitive)
  const cases = Object.entries(members).map(([name, number]) => sql`when ${sql.lit(name)} then ${sql.lit(number)}`)
  return operand(sql`case ${value} ${sql.join(cases, sql` `)} end`, 'int', nullable)
}

function resolveScalar(context: Context, scalar: BoundScalar): Operand {
  const { write } = context
  switch (scalar.kind) {
    case 'property':
      return resolveProperty(context, scalar.property)
    case 'item': {
      const type = scalar.property === null ? 'text' : context.members?.[scalar.property]
      if (type === undefined) throw new Error(`the filter map has no member '${scalar.property}'`)
      const path = scalar.property === null ? [] : [scalar.property]
      return operand(write.readItem(path, type), type, scalar.property !== null)
    }
    case 'count': {
      const { path } = findList(context, scalar.collection)
      return operand(write.countElements(context.doc, path), 'int', false)
    }
    case 'call': {
      const of = asText(context, resolveScalar(context, scalar.of))
      switch (scalar.name) {
        case 'tolower':
          return { ...of, sql: write.lower(of.sql) }
        case 'toupper':
          return { ...of, sql: write.upper(of.sql) }
        case 'trim':
          return { ...of, sql: write.trim(of.sql) }
        case 'length':
          return { ...of, sql: sql`length(${of.sql})`, type: 'int', fold: false }
        default:
          return assertNever(scalar.name)
      }
    }
    default:
      return assertNever(scalar)
  }
}

function asText(context: Context, value: Operand): Operand {
  if (!value.isDigits) return value
  return { ...value, sql: context.write.castText(value.sql), type: 'text', isDigits: false }
}

function findList(context: Context, collection: string): FilterColumn & { readonly kind: 'list' } {
  const column = Object.hasOwn(context.map.properties, collection) ? context.map.properties[collection] : undefined
  if (column?.kind !== 'list') throw new Error(`the filter map has no list '${collection}'`)
  return column
}

/**
 * Compiles `filter`, or its negation. `not` is pushed down to the leaves (de Morgan), so that each comparison stays one the index can serve and what
 * null means is decided at the leaf: in a WHERE an unknown condition and a false one are the same.
 */
export function compile(context: Context, filter: BoundFilter, negate: boolean): Expression<SqlBool> {
  switch (filter.kind) {
    case 'and':
    case 'or': {
      const terms = filter.terms.map((term) => compile(context, term, negate))
      return (filter.kind === 'and') === negate ? disjoin(terms) : conjoin(terms)
    }
    case 'not':
      return compile(context, filter.term, !negate)
    case 'constant':
      return filter.value === negate ? sql<SqlBool>`1 = 0` : sql<SqlBool>`1 = 1`
    case 'isNull': {
      const { sql: value } = resolveScalar(context, filter.scalar)
      return negate ? sql<SqlBool>`${value} is not null` : sql<SqlBool>`${value} is null`
    }
    case 'compare':
      return compare(context, resolveScalar(context, filter.scalar), filter.operator, filter.value, negate)
    case 'in':
      return compareList(context, resolveScalar(context, filter.scalar), filter.values, negate)
    case 'flags': {
      const { sql: value, nullable } = resolveScalar(context, filter.scalar)
      if (!negate) return sql<SqlBool>`(${value} & ${filter.bits}) = ${filter.bits}`
      return orNull(sql<SqlBool>`(${value} & ${filter.bits}) <> ${filter.bits}`, value, nullable)
    }
    case 'match': {
      const condition = (negate ? null : matchName(context, filter)) ?? match(context, filter)
      return negate ? sql<SqlBool>`not (${condition})` : condition
    }
    case 'lambda':
      return lambda(context, filter, negate)
    case 'evidence':
      return evidence(context, filter, negate)
    default:
      return assertNever(filter)
  }
}

const negated: Readonly<Record<CompareOperator, CompareOperator>> = {
  eq: 'ne',
  ne: 'eq',
  gt: 'le',
  le: 'gt',
  lt: 'ge',
  ge: 'lt',
}

const signs: Readonly<Record<CompareOperator, Sql>> = {
  eq: sql`=`,
  ne: sql`<>`,
  gt: sql`>`,
  ge: sql`>=`,
  lt: sql`<`,
  le: sql`<=`,
}

function compare(
  context: Context,
  left: Operand,
  operator: CompareOperator,
  value: string | number,
  negate: boolean,
): Expression<SqlBool> {
  const sign = negate ? negated[operator] : operator
  // Null makes ne true and every other comparison false; negated it is the other way round.
  const nullCounts = (operator === 'ne') !== negate
  const digits = left.isDigits && typeof value === 'string' ? readDigits(value) : null
  if (left.isDigits && digits === null) {
    const condition = sql<SqlBool>`${asText(context, left).sql} ${signs[sign]} ${value}`
    return nullCounts ? orNull(condition, left.sql, left.nullable) : condition
  }
  const folded = left.fold && typeof value === 'string'
  const side = folded ? context.write.lower(left.sql) : left.sql
  const literal = digits ?? (folded ? foldCase(value) : value)
  const condition = sql<SqlBool>`${side} ${signs[sign]} ${literal}`
  return nullCounts ? orNull(condition, left.sql, left.nullable) : condition
}

function compareList(
  context: Context,
  left: Operand,
  values: readonly (string | number)[],
  negate: boolean,
): Expression<SqlBool> {
  const literals = left.isDigits
    ? values.flatMap((value) => readDigits(String(value)) ?? [])
    : values.map((value) => (left.fold && typeof value === 'string' ? foldCase(value) : value))
  if (literals.length === 0) return negate ? sql<SqlBool>`1 = 1` : sql<SqlBool>`1 = 0`
  const side = left.fold ? context.write.lower(left.sql) : left.sql
  if (!negate) return sql<SqlBool>`${side} in (${sql.join(literals)})`
  return orNull(sql<SqlBool>`${side} not in (${sql.join(literals)})`, left.sql, left.nullable)
}

/** The number a canonical string of digits stands for; null for any other text, which equals no such string. */
function readDigits(text: string): number | null {
  const number = Number(text)
  return Number.isSafeInteger(number) && number >= 0 && String(number) === text ? number : null
}

function foldCase(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function match(context: Context, filter: TextMatch): Expression<SqlBool> {
  const { write } = context
  const left = asText(context, resolveScalar(context, filter.scalar))
  // Every text holds the empty one; the databases disagree about it.
  if (filter.value === '') return sql<SqlBool>`${left.sql} = ${left.sql}`
  const value = left.fold ? foldCase(filter.value) : filter.value
  const text = left.fold ? write.lower(left.sql) : left.sql
  const exact = sql<SqlBool>`${write.match(filter.test, text, value)}`
  const property = namedProperty(filter.scalar)
  const column = property === null ? undefined : context.map.properties[property]
  if (property === null || column?.kind !== 'text' || column.names === undefined) return exact
  const indexed = write.matchIndexed(filter.test, resolveProperty(context, property).sql, foldCase(value))
  if (indexed === null) return exact
  const { scalar } = filter
  const isSame = scalar.kind === 'call' && scalar.name === 'tolower' && value === foldCase(value)
  return isSame && scalar.of.kind === 'property' ? sql<SqlBool>`${indexed}` : sql<SqlBool>`(${indexed} and ${exact})`
}

/** Rows by their names, where the text is a name and names are looked for; null otherwise. */
function matchName(context: Context, filter: TextMatch): Expression<SqlBool> | null {
  const { namesOf, map } = context
  const property = namedProperty(filter.scalar)
  const column = property === null ? undefined : map.properties[property]
  if (namesOf === undefined || property === null || column?.kind !== 'text' || column.names === undefined) return null
  const name = { kind: 'text', column: 'known.name', nullable: false } as const
  const names = { ...context, map: { doc: null, properties: { [property]: name } }, readBy: undefined }
  return sql<SqlBool>`${sql.ref(column.column)} in ${selectNames(column.names, namesOf, filter, match(names, filter))}`
}

function lambda(
  context: Context,
  filter: BoundFilter & { readonly kind: 'lambda' },
  negate: boolean,
): Expression<SqlBool> {
  const column = Object.hasOwn(context.map.properties, filter.collection)
    ? context.map.properties[filter.collection]
    : undefined
  if (column?.kind === 'members') return anyMember(column, filter, negate)
  const { write, doc } = context
  const { path, items, members } = findList(context, filter.collection)
  const source = items === undefined ? write.elements(doc, path) : write.elements(sql.ref(items), [])
  const inner: Context = { ...context, members: members ?? null }
  const body = filter.body === null ? sql<SqlBool>`1 = 1` : compile(inner, filter.body, false)
  // all: no element for which the condition is false or unknown.
  const wanted = filter.quantifier === 'any' ? body : sql<SqlBool>`case when ${body} then 0 else 1 end = 1`
  const text = items === undefined || filter.quantifier === 'all' ? null : findEqual(filter.body)
  // Text that does not hold the value anywhere is not taken apart. Arrays are written by the same JSON.stringify.
  const holds = text === null ? sql`` : sql`${write.match('contains', sql.ref(items ?? ''), text)} and `
  const found = sql`(${holds}exists (select 1 from ${source} where ${write.isElement} and ${wanted}))`
  return (filter.quantifier === 'all') === negate ? sql<SqlBool>`${found}` : sql<SqlBool>`not ${found}`
}

/** Whether one of the members that fulfil the condition is among the row's, or for all none of the others. */
function anyMember(
  { column, of }: FilterColumn & { readonly kind: 'members' },
  { quantifier, body }: BoundFilter & { readonly kind: 'lambda' },
  negate: boolean,
): Expression<SqlBool> {
  const members = Object.values(enums[of].members)
  const wanted = bitsOf(body, members)
  const looked = quantifier === 'any' ? wanted : bitsOf(null, members) & ~wanted
  const among = sql`(${sql.ref(column)} & ${looked})`
  return (quantifier === 'all') === negate ? sql<SqlBool>`${among} <> 0` : sql<SqlBool>`${among} = 0`
}

/** What an element must be, as it stands in JSON; null for other conditions. */
function findEqual(body: BoundFilter | null): string | null {
  if (body?.kind !== 'compare' || body.operator !== 'eq' || body.scalar.kind !== 'item') return null
  const { value, scalar } = body
  return scalar.property !== null || typeof value !== 'string' || value === ''
    ? null
    : JSON.stringify(value).slice(1, -1)
}

function evidence(context: Context, filter: EvidenceCondition, negate: boolean): Expression<SqlBool> {
  const column = Object.values(context.map.properties).find((entry) => entry.kind === 'evidence')
  if (column === undefined) throw new Error('the filter map has no evidence')
  const condition = column.exists(filter)
  return negate ? sql<SqlBool>`not (${condition})` : condition
}

function orNull(condition: Expression<SqlBool>, value: Sql, nullable: boolean): Expression<SqlBool> {
  return nullable ? sql<SqlBool>`(${condition} or ${value} is null)` : condition
}

function conjoin(terms: readonly Expression<SqlBool>[]): Expression<SqlBool> {
  return terms.length === 1 && terms[0] ? terms[0] : sql<SqlBool>`(${sql.join(terms, sql` and `)})`
}

function disjoin(terms: readonly Expression<SqlBool>[]): Expression<SqlBool> {
  return terms.length === 1 && terms[0] ? terms[0] : sql<SqlBool>`(${sql.join(terms, sql` or `)})`
}
