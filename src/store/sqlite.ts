import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { type Dialect, SqliteAdapter, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely'
import type { ExplainFailure } from './read-failures.ts'

/** Distinct statements kept prepared per connection; the whole product uses a few hundred. */
const maxPrepared = 600

/** Rows of a SELECT, at once: a look-up by key takes less time than handing it through the layers of a driver made for the network. */
export type DirectRead = <R>(sql: string, parameters: readonly unknown[]) => R[]

/** An open database: for Kysely, and for SELECTs that are compiled already. */
export interface OpenedSqlite {
  readonly dialect: Dialect
  readonly readDirectly: DirectRead
}

/**
 * A Kysely dialect over node:sqlite: WAL, synchronous=FULL (an acknowledged commit survives a power cut), foreign keys on.
 * Transactions of a writing connection begin IMMEDIATE, so that two processes on one file wait for each other at BEGIN instead of
 * failing with SQLITE_BUSY at their first write.
 * @param path database file, or `:memory:`
 * @param mode `read` opens a second, query-only connection beside the writer's (WAL readers never wait for it)
 * @param explain makes of a failure what its caller gets; as it is without
 */
export function openSqlite(
  path: string,
  mode: 'write' | 'read',
  explain: ExplainFailure = (cause) => cause,
): OpenedSqlite {
  const database = wrapDatabase(openConnection(path, mode), explain)
  return {
    dialect: new TransactionalSqlite({ database }),
    // Rows are what the schema says, as they are for Kysely.
    readDirectly: <R>(sql: string, parameters: readonly unknown[]) => database.prepare(sql).all(parameters) as R[],
  }
}

/** SQLite's DDL is transactional: a migration that is killed half-way leaves nothing, and two processes migrate one after the other. */
class TransactionalSqlite extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter()
  }
}

class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/**
 * How long a statement waits for another process inside SQLite, which holds up this whole process. Longer waits are the transaction's own:
 * it tries again, and meanwhile other requests go on.
 */
const busyMs = 50

/** What every connection is told. */
export const connectionSettings: readonly string[] = [
  'PRAGMA journal_mode = WAL',
  'PRAGMA synchronous = FULL',
  'PRAGMA cache_size = -16384',
  'PRAGMA temp_store = MEMORY',
]

/** The function by which a statement finds out that it has run too long. Only the scanner's connection has it. */
export const inTimeFunction = 'cordon_in_time'

function openConnection(path: string, mode: 'write' | 'read'): DatabaseSync {
  const connection = new DatabaseSync(path, { timeout: busyMs, enableForeignKeyConstraints: true })
  for (const setting of connectionSettings) connection.exec(setting)
  if (mode === 'read') connection.exec('PRAGMA query_only = ON')
  return connection
}

function wrapDatabase(connection: DatabaseSync, explain: ExplainFailure): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>()
  return {
    close: () => {
      prepared.clear()
      connection.close()
    },
    prepare: (sql) => {
      const text = sql === 'begin' ? 'begin immediate' : sql
      const known = prepared.get(text)
      if (known) return known
      const statement =
        text === 'rollback' ? rollbackStatement(connection) : prepareStatement(connection, text, explain)
      if (prepared.size >= maxPrepared) {
        const oldest = prepared.keys().next().value
        if (oldest !== undefined) prepared.delete(oldest)
      }
      prepared.set(text, statement)
      return statement
    },
  }
}

/** After some failures (full disk, I/O) SQLite has rolled back by itself; a second rollback would hide why. */
function rollbackStatement(connection: DatabaseSync): SqliteStatement {
  const nothing = { changes: 0, lastInsertRowid: 0 }
  const statement = connection.prepare('rollback')
  return {
    reader: false,
    all: () => [],
    run: () => (connection.isTransaction ? statement.run() : nothing),
    iterate: () => [][Symbol.iterator](),
  }
}

function prepareStatement(connection: DatabaseSync, text: string, explain: ExplainFailure): SqliteStatement {
  const attempt = <T>(work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      throw explain(cause, 'query')
    }
  }
  const statement = attempt(() => connection.prepare(text))
  const names = statement.columns().map((column) => column.name)
  // Rows come as arrays and become objects here: node:sqlite takes twice as long to make the same objects.
  statement.setReturnArrays(true)
  return {
    reader: names.length > 0,
    all: (parameters) => attempt(() => readRows(statement.all(...parameters.map(toInput)), names)),
    run: (parameters) => attempt(() => statement.run(...parameters.map(toInput))),
    iterate: (parameters) => iterateRows(statement, parameters, names),
  }
}

function* iterateRows(statement: StatementSync, parameters: readonly unknown[], names: readonly string[]): Generator {
  for (const row of statement.iterate(...parameters.map(toInput))) yield readRow(row, names)
}

function readRows(rows: readonly unknown[], names: readonly string[]): object[] {
  return rows.map((row) => readRow(row, names))
}

function readRow(values: unknown, names: readonly string[]): object {
  if (!Array.isArray(values)) throw new TypeError('a statement that returns arrays returned something else')
  const row: Record<string, unknown> = {}
  for (let at = 0; at < names.length; at++) row[names[at] ?? ''] = values[at]
  return row
}

/** A value as SQLite takes it. @throws TypeError for what the store does not write */
export function toInput(value: unknown): SQLInputValue {
  if (value === undefined) return null
  if (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    value instanceof Uint8Array
  ) {
    return value
  }
  throw new TypeError(`a ${typeof value} cannot be stored; the store writes booleans as 0/1 and objects as JSON text`)
}
