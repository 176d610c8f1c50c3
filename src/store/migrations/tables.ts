import { type ColumnDataType, type CreateTableBuilder, type Kysely, type RawBuilder, sql } from 'kysely'
import type { Dialect } from '../db.ts'

/** Where a migration works. */
export interface Target {
  readonly db: Kysely<unknown>
  readonly dialect: Dialect
}

/** Columns of a new table by name; `?` marks a nullable one. */
export type Columns = Record<string, 'text' | 'text?' | 'int' | 'int?'>

/**
 * A table of text and 8-byte integer columns; `?` marks a nullable one. Text compares by code unit on both databases, whatever locale
 * PostgreSQL was made with, so that order, ranges and keyset pages are equal.
 */
export function table(target: Target, name: string, columns: Columns): CreateTableBuilder<string, string> {
  return addColumns(target, target.db.schema.createTable(name), columns)
}

/** A table that SQLite keeps in its primary key alone, for rows that are little more than their key: half the pages to write. */
export function keyed(target: Target, name: string, columns: Columns): CreateTableBuilder<string, string> {
  const plain = table(target, name, columns)
  return target.dialect === 'sqlite' ? plain.modifyEnd(sql`without rowid`) : plain
}

function addColumns(
  target: Target,
  start: CreateTableBuilder<string, string>,
  columns: Columns,
): CreateTableBuilder<string, string> {
  const text: ColumnDataType | RawBuilder<unknown> = target.dialect === 'postgres' ? sql`text collate "C"` : 'text'
  let builder = start
  for (const [column, kind] of Object.entries(columns)) {
    builder = builder.addColumn(column, kind.startsWith('int') ? 'bigint' : text, (c) =>
      kind.endsWith('?') ? c : c.notNull(),
    )
  }
  return builder
}

/** A table whose first column `seq` the database counts up; numbers are never given twice, even after a delete. */
export function sequenced(target: Target, name: string, columns: Columns): CreateTableBuilder<string, string> {
  const start = target.db.schema.createTable(name)
  return addColumns(
    target,
    target.dialect === 'sqlite'
      ? start.addColumn('seq', 'integer', (c) => c.primaryKey().autoIncrement())
      : start.addColumn('seq', 'bigserial', (c) => c.primaryKey()),
    columns,
  )
}

/** An index named after its table and columns. */
export function index(target: Target, on: string, columns: string[]): Promise<void> {
  return target.db.schema
    .createIndex(`${on}_by_${columns.filter((c) => c !== 'tenant_id').join('_')}`)
    .on(on)
    .columns(columns)
    .execute()
}
