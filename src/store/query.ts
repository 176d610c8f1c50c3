import { type Expression, type RawBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import type { EnumName } from '../model/generated.ts'
import type { BoundFilter, BoundOrder, BoundQuery, Keyset, KeyValue, ValueType } from '../model/query.ts'
import type { Dialect } from './db.ts'
import { type Context, compile, type Operand, openContext, resolveProperty } from './query-filter.ts'
import type { Sql } from './query-sql.ts'

/** How a property of the model is reached in a row. */
export type FilterColumn =
  /** A column of its own. `caseInsensitive`: ASCII case does not count in comparisons (it does in the order). */
  | {
      readonly kind: ValueType
      readonly column: string
      readonly nullable: boolean
      readonly caseInsensitive?: boolean
      /** The number that stands for null. */
      readonly absent?: number
      /** SQLite: the table that has every value of the column once; see names.ts. */
      readonly names?: string
    }
  /** Whether there is a value: 1 or 0. All that can be asked is whether it is null. */
  | { readonly kind: 'presence'; readonly column: string }
  /** A string of decimal digits kept as an integer, such as an incident's id. Such values order as numbers. */
  | { readonly kind: 'digits'; readonly column: string; readonly nullable: boolean }
  /** A scalar inside the row's JSON. `members`: an enum stands there by name; these are its numbers. */
  | {
      readonly kind: 'json'
      readonly type: ValueType
      readonly path: readonly string[]
      readonly nullable: boolean
      readonly caseInsensitive?: boolean
      readonly members?: Readonly<Record<string, number>>
    }
  /**
   * An array inside the row's JSON: of strings, or of objects with these scalar members. `items`: a column with the array by itself, in which
   * equal elements stand once.
   */
  | {
      readonly kind: 'list'
      readonly path: readonly string[]
      readonly items?: string
      readonly members?: Readonly<Record<string, ValueType>>
    }
  /** Rows of another table that belong to the row, as far as one enum of theirs goes: the bits of their members; see sources.ts. */
  | { readonly kind: 'members'; readonly column: string; readonly of: EnumName }
  /** Alerts' evidence, looked up by the caller's own expression. */
  | { readonly kind: 'evidence'; readonly exists: (condition: EvidenceCondition) => Expression<SqlBool> }

export type EvidenceCondition = BoundFilter & { readonly kind: 'evidence' }

/** How queries reach the rows of one table. */
export interface FilterMap {
  /** The JSON column that `json` and `list` entries read, qualified where the statement joins tables; null without such entries. */
  readonly doc: string | null
  /** By canonical property name; has every name a bound query on the table can hold. */
  readonly properties: Readonly<Record<string, FilterColumn>>
}

/** Where a query runs. */
export interface QuerySource {
  readonly dialect: Dialect
  readonly map: FilterMap
  /** SQLite only: the one property an index may be looked for by; see {@link findRange}. */
  readonly readBy?: string | undefined
  /** What every row is asked first; see `inTime`, and read-page.ts. */
  readonly guard?: RawBuilder<SqlBool>
  /** SQLite only: parts of names are looked for among the names of this tenant instead of in the rows. */
  readonly namesOf?: string
}

/** Characters of a text that count in ORDER BY. A page's last sort values travel in its link, which must stay short. */
const sortedCharacters = 200

/**
 * Adds a bound query to a SELECT: its filter, place, order and size. It reads one row more than the page holds and the sort values of each row;
 * {@link takePage} takes both off again. The tenant condition is the caller's.
 * Text sorts by its first 200 characters, then by the following keys.
 * @throws Error when the map lacks a property: a mistake of ours, since binding admits declared names only
 */
export function selectPage<DB, TB extends keyof DB, O>(
  builder: SelectQueryBuilder<DB, TB, O>,
  source: QuerySource,
  query: BoundQuery,
): SelectQueryBuilder<DB, TB, O> {
  const context = openContext(source)
  const keys = query.orderBy.map((order, index) => readKey(context, order, index === query.orderBy.length - 1))
  let page: SelectQueryBuilder<DB, TB, O> = builder
  if (source.guard !== undefined) page = page.where(source.guard)
  if (query.filter !== null) page = page.where(compile(context, query.filter, false))
  if (query.after !== null) page = page.where(compileAfter(keys, query.after))
  for (const [index, key] of keys.entries()) {
    page = page.select(key.value.sql.as(keyName(index))) as typeof page
    page = page.orderBy(key.value.sql, (item) => {
      const directed = key.direction === 'asc' ? item.asc() : item.desc()
      // SQLite takes null for the smallest value by itself. Written out only where needed, so that PostgreSQL can walk its index.
      if (source.dialect === 'sqlite' || !key.value.nullable) return directed
      return key.direction === 'asc' ? directed.nullsFirst() : directed.nullsLast()
    })
  }
  page = page.limit(query.top === 0 ? 0 : query.top + 1)
  return query.skip > 0 ? page.offset(query.skip) : page
}

/** The order of a {@link selectPage} statement, for a statement that puts several of them together as `page`. PostgreSQL only. */
export function orderOfPage(query: BoundQuery): Sql {
  const keys = query.orderBy.map(({ direction }, index) => {
    const key = sql.ref(`page.${keyName(index)}`)
    return direction === 'asc' ? sql`${key} asc nulls first` : sql`${key} desc nulls last`
  })
  return sql.join(keys)
}

/** One page of rows and the place where the next one begins. */
export interface Page<T> {
  readonly rows: readonly T[]
  /** null on the last page. */
  readonly next: Keyset | null
}

/** Cuts what a {@link selectPage} statement returned to the page. */
export function takePage<T extends object>(rows: readonly T[], source: QuerySource, query: BoundQuery): Page<T> {
  const last = rows[query.top - 1]
  if (rows.length <= query.top || last === undefined) return { rows, next: null }
  const context = openContext(source)
  const next = query.orderBy.map(({ property }, index) => {
    const value: unknown = Reflect.get(last, keyName(index))
    return readKeyValue(value, resolveProperty(context, property).type)
  })
  return { rows: rows.slice(0, query.top), next }
}

/** The condition of a bound filter, to be put into a WHERE beside the tenant's. */
export function compileFilter(source: QuerySource, filter: BoundFilter): Expression<SqlBool> {
  return compile(openContext(source), filter, false)
}

function keyName(index: number): string {
  return `page_key_${index}`
}

function readKeyValue(value: unknown, type: ValueType): KeyValue {
  if (value === null || value === undefined) return null
  return type === 'text' || type === 'datetime' ? String(value) : Number(value)
}

interface SortKey {
  readonly value: Operand
  readonly direction: 'asc' | 'desc'
}

function readKey(context: Context, order: BoundOrder, isLast: boolean): SortKey {
  const value = resolveProperty(context, order.property)
  const { direction } = order
  // The last key is the id: short, and it alone makes the order total.
  if (value.type !== 'text' || isLast) return { value, direction }
  return { value: { ...value, sql: sql`substr(${value.sql}, 1, ${sql.lit(sortedCharacters)})` }, direction }
}

/** The rows that come after a place in the order. */
function compileAfter(keys: readonly SortKey[], after: Keyset): Expression<SqlBool> {
  const [first] = keys
  const isPlain = keys.every(({ value, direction }) => !value.nullable && direction === first?.direction)
  if (isPlain && first !== undefined) {
    // One comparison of whole rows is what both databases can seek an index with.
    const sign = first.direction === 'asc' ? sql`>` : sql`<`
    return sql<SqlBool>`(${sql.join(keys.map((key) => key.value.sql))}) ${sign} (${sql.join([...after])})`
  }
  let rest: Expression<SqlBool> = sql<SqlBool>`1 = 0`
  for (let index = keys.length - 1; index >= 0; index--) {
    const key = keys[index]
    if (key === undefined) continue
    const at = after[index] ?? null
    const same = at === null ? sql`${key.value.sql} is null` : sql`${key.value.sql} = ${at}`
    rest = sql<SqlBool>`(${beyond(key, at)} or (${same} and ${rest}))`
  }
  return rest
}

/** Null is the smallest value: first in asc, last in desc. */
function beyond(key: SortKey, at: KeyValue): Sql {
  const { sql: value, nullable } = key.value
  if (key.direction === 'asc') return at === null ? sql`${value} is not null` : sql`${value} > ${at}`
  if (at === null) return sql`1 = 0`
  return nullable ? sql`(${value} < ${at} or ${value} is null)` : sql`${value} < ${at}`
}
