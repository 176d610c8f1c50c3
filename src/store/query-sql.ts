import { type RawBuilder, sql } from 'kysely'
import type { TextTest, ValueType } from '../model/query.ts'
import type { Dialect } from './db.ts'

/** A piece of SQL. */
export type Sql = RawBuilder<unknown>

/**
 * What the two databases write differently. Every member gives equal results on both: text is compared by code unit (text columns are declared so
 * on PostgreSQL, computed text says so itself), case changes touch ASCII letters only, `%` and `_` are characters like any other.
 */
export interface SqlDialect {
  /** An integer as text. */
  castText(number: Sql): Sql
  lower(text: Sql): Sql
  upper(text: Sql): Sql
  trim(text: Sql): Sql
  /** @param value not empty */
  match(test: TextTest, text: Sql, value: string): Sql
  /**
   * What an index of the parts of names can be asked beforehand: whether one has the value, whatever the case of its ASCII letters. Null where
   * there is no such index.
   * @param value in small letters
   */
  matchIndexed(test: TextTest, name: Sql, value: string): Sql | null
  /** A scalar inside a JSON text column, as a value of `type`; enums as the text that stands there. Null where absent. */
  readJson(json: Sql, path: readonly string[], type: ValueType): Sql
  /** The elements of a JSON array as rows of a table called `item`; none where the array is null or absent. */
  elements(json: Sql, path: readonly string[]): Sql
  /** Restricts `elements` to real ones. */
  readonly isElement: Sql
  /** A value inside the current element; the element itself for the empty path. */
  readItem(path: readonly string[], type: ValueType): Sql
  countElements(json: Sql, path: readonly string[]): Sql
}

const upperCase = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const lowerCase = 'abcdefghijklmnopqrstuvwxyz'
const whiteSpace = ' \t\n\v\f\r'

const sqlite: SqlDialect = {
  castText: (number) => sql`cast(${number} as text)`,
  // SQLite's own lower and upper know ASCII only, which is what we promise.
  lower: (text) => sql`lower(${text})`,
  upper: (text) => sql`upper(${text})`,
  trim: (text) => sql`trim(${text}, ${whiteSpace})`,
  match: (test, text, value) => {
    const length = [...value].length
    switch (test) {
      case 'contains':
        return sql`instr(${text}, ${value}) > 0`
      case 'startswith':
        return sql`substr(${text}, 1, ${length}) = ${value}`
      case 'endswith':
        return sql`substr(${text}, ${-length}) = ${value}`
    }
  },
  matchIndexed: () => null,
  readJson: (json, path) => sql`json_extract(${json}, ${sqlitePath(path)})`,
  elements: (json, path) => sql`json_each(${json}, ${sqlitePath(path)}) as item`,
  isElement: sql`item.type <> 'null'`,
  readItem: (path) => (path.length === 0 ? sql`item.value` : sql`json_extract(item.value, ${sqlitePath(path)})`),
  countElements: (json, path) => sql`coalesce(json_array_length(${json}, ${sqlitePath(path)}), 0)`,
}

/** Paths are names out of our own tables, written into the statement so that an index on the expression can be used. */
function sqlitePath(path: readonly string[]): Sql {
  return sql.lit(['$', ...path.map((name) => `"${name}"`)].join('.'))
}

/**
 * A name of PostgreSQL's rows in small letters, as the index of its parts has it: names are columns that are compared by code unit, in which lower
 * knows ASCII letters only, and takes a tenth of the time of translate.
 */
export function lowerName(name: Sql): Sql {
  return sql`lower(${name})`
}

const postgres: SqlDialect = {
  castText: (number) => sql`cast(${number} as text) collate "C"`,
  lower: (text) => sql`translate(${text}, ${sql.lit(upperCase)}, ${sql.lit(lowerCase)})`,
  upper: (text) => sql`translate(${text}, ${sql.lit(lowerCase)}, ${sql.lit(upperCase)})`,
  trim: (text) => sql`btrim(${text}, ${whiteSpace})`,
  match: (test, text, value) => {
    switch (test) {
      case 'contains':
        return sql`strpos(${text}, ${value}) > 0`
      case 'startswith':
        return sql`starts_with(${text}, ${value})`
      case 'endswith':
        return sql`right(${text}, ${sql.lit([...value].length)}) = ${value}`
    }
  },
  // In a text compared by code unit LIKE takes every character for itself, but for the three that are escaped.
  matchIndexed: (test, name, value) => {
    // The index has parts of three characters. Asked for less it is read whole, and every row with it.
    if ([...value].length < 3) return postgres.match(test, lowerName(name), value)
    const escaped = value.replaceAll(/[\\%_]/g, '\\$&')
    return sql`${lowerName(name)} like ${`${test === 'startswith' ? '' : '%'}${escaped}${test === 'endswith' ? '' : '%'}`}`
  },
  readJson: (json, path, type) => castPostgres(sql`${json}::jsonb #>> ${postgresPath(path)}`, type),
  elements: (json, path) => sql`jsonb_array_elements(${postgresArray(json, path)}) as item(value)`,
  isElement: sql`jsonb_typeof(item.value) <> 'null'`,
  readItem: (path, type) => castPostgres(sql`item.value #>> ${postgresPath(path)}`, type),
  countElements: (json, path) => sql`coalesce(jsonb_array_length(${postgresArray(json, path)}), 0)`,
}

function postgresPath(path: readonly string[]): Sql {
  return sql.lit(`{${path.map((name) => `"${name}"`).join(',')}}`)
}

/** PostgreSQL refuses to take elements out of what is no array, where SQLite finds none. */
function postgresArray(json: Sql, path: readonly string[]): Sql {
  const value = sql`${json}::jsonb #> ${postgresPath(path)}`
  return sql`case when jsonb_typeof(${value}) = 'array' then ${value} end`
}

function castPostgres(text: Sql, type: ValueType): Sql {
  switch (type) {
    case 'int':
      return sql`(${text})::bigint`
    case 'bool':
      return sql`(${text})::boolean::int`
    default:
      return sql`(${text}) collate "C"`
  }
}

/** The dialect's way of writing things. */
export const sqlDialects: Readonly<Record<Dialect, SqlDialect>> = { sqlite, postgres }
