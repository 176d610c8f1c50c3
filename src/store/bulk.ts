import { CompiledQuery, type DialectAdapter, type RawBuilder, sql } from 'kysely'
import type { Db, Tx } from './db.ts'
import type { Schema } from './schema.ts'

// Intake writes thousands of rows in one transaction. Building each statement anew costs more than running it, so the text is compiled
// once per shape and number of rows, and only the values change.

/** Rows per statement, largest first: few shapes, so that the databases keep them prepared. */
const rowSteps = [200, 50, 10, 1] as const

/** Keys per lookup, padded by repeating the last one. */
const keySteps = [1, 10, 100, 300] as const

type Value = string | number | null

const texts = new WeakMap<DialectAdapter, Map<string, string>>()

/** The text of a statement, compiled when its shape is first asked for on this database; `build` binds a null for each parameter. */
export function compiledText(db: Db, shape: string, build: () => RawBuilder<unknown>): string {
  const { adapter } = db.getExecutor()
  let known = texts.get(adapter)
  if (known === undefined) {
    known = new Map()
    texts.set(adapter, known)
  }
  let text = known.get(shape)
  if (text === undefined) {
    text = build().compile(db).sql
    known.set(shape, text)
  }
  return text
}

/**
 * Inserts rows that all have the same columns.
 * @param key with it, a row that exists is replaced (all columns but those of the key)
 */
export async function writeRows<T extends keyof Schema>(
  tx: Tx,
  table: T,
  rows: readonly Schema[T][],
  key?: readonly (keyof Schema[T] & string)[],
): Promise<void> {
  const [first] = rows
  if (first === undefined) return
  const columns = Object.keys(first) as (keyof Schema[T] & string)[]
  let start = 0
  for (const step of rowSteps) {
    while (rows.length - start >= step) {
      const shape = `insert ${table} ${step} ${columns.join()} ${key?.join() ?? ''}`
      const text = compiledText(tx, shape, () => insertText(table, columns, step, key))
      const parameters: unknown[] = []
      for (const row of rows.slice(start, start + step)) for (const column of columns) parameters.push(row[column])
      await tx.executeQuery(CompiledQuery.raw(text, parameters))
      start += step
    }
  }
}

function insertText(
  table: string,
  columns: readonly string[],
  rows: number,
  key: readonly string[] | undefined,
): RawBuilder<unknown> {
  const row = sql`(${sql.join(columns.map(() => sql`${null}`))})`
  const values = sql.join(Array.from({ length: rows }, () => row))
  const insert = sql`insert into ${sql.table(table)} (${references(columns)}) values ${values}`
  if (key === undefined) return insert
  const changed = columns.filter((column) => !key.includes(column))
  const sets = sql.join(changed.map((column) => sql`${sql.ref(column)} = ${sql.ref(`excluded.${column}`)}`))
  return sql`${insert} on conflict (${references(key)}) do update set ${sets}`
}

function references(columns: readonly string[]): RawBuilder<unknown> {
  return sql.join(columns.map((column) => sql.ref(column)))
}

/** A lookup of many rows by their keys: one column of any type, or several of text. */
export interface Lookup<T extends keyof Schema> {
  readonly table: T
  /** Columns to read; all without. */
  readonly columns?: readonly (keyof Schema[T] & string)[]
  readonly key: readonly (keyof Schema[T] & string)[]
  readonly keys: readonly (readonly Value[])[]
  /** Further conditions, each a column, an operator and a value. */
  readonly where?: readonly (readonly [column: keyof Schema[T] & string, operator: '<=' | '>=', value: Value])[]
}

/** Reads the rows of a tenant whose key columns equal one of the given keys; in no particular order. */
export async function readRows<T extends keyof Schema>(
  db: Db,
  tenantId: string,
  lookup: Lookup<T>,
): Promise<Schema[T][]> {
  const found: Schema[T][] = []
  const where = lookup.where ?? []
  for (let start = 0; start < lookup.keys.length; ) {
    const left = lookup.keys.length - start
    const step = keySteps.find((size) => size >= left) ?? 300
    const keys = lookup.keys.slice(start, start + step)
    const shape = `select ${lookup.columns?.join()} ${lookup.table} ${step} ${lookup.key.join()} ${where.map(([c, o]) => c + o).join()}`
    const text = compiledText(db, shape, () => selectText(lookup, step))
    const last = keys.at(-1) ?? []
    const parameters: Value[] = [tenantId, ...where.map(([, , value]) => value)]
    for (let at = 0; at < step; at++) parameters.push(...(keys[at] ?? last))
    // Every row of the table has the table's columns.
    found.push(...((await db.executeQuery(CompiledQuery.raw(text, parameters))).rows as Schema[T][]))
    start += step
  }
  return found
}

function selectText<T extends keyof Schema>(lookup: Lookup<T>, keys: number): RawBuilder<unknown> {
  const [column, ...others] = lookup.key
  const tuple = sql`(${sql.join(lookup.key.map(() => sql`${null}`))})`
  const tuples = sql.join(Array.from({ length: keys }, () => (others.length === 0 ? sql`${null}` : tuple)))
  // PostgreSQL takes the type of a plain list from the column; a list of tuples is a table of texts.
  const matches =
    column !== undefined && others.length === 0
      ? sql`${sql.ref(column)} in (${tuples})`
      : sql`(${references(lookup.key)}) in (values ${tuples})`
  const conditions = (lookup.where ?? []).map(
    ([name, operator]) => sql` and ${sql.ref(name)} ${sql.raw(operator)} ${null}`,
  )
  const columns = lookup.columns === undefined ? sql`*` : references(lookup.columns)
  return sql`select ${columns} from ${sql.table(lookup.table)} where tenant_id = ${null}${sql.join(conditions, sql``)} and ${matches}`
}
