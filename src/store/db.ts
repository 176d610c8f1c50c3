import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect, type Transaction } from 'kysely'
import { Migrator } from 'kysely/migration'
import { CordonError } from '../model/errors.ts'
import { migrations } from './migrations/list.ts'
import type { Schema } from './schema.ts'
import { openSqlite } from './sqlite.ts'

/** The two databases the store runs on. */
export type Dialect = 'sqlite' | 'postgres'

/** Anything that can run a query: the read side or an open transaction. */
export type Db = Kysely<Schema>

declare const insideTransaction: unique symbol

/** An open transaction. Only {@link Store.transaction} makes one, so a function that takes `Tx` cannot be called outside of one. */
export type Tx = Transaction<Schema> & { readonly [insideTransaction]: true }

/** The store: one database, its reads and its transactions. */
export interface Store {
  readonly dialect: Dialect
  /** Reads outside a transaction; on SQLite a connection of its own, so that a long write never holds up a list. */
  readonly read: Db
  /**
   * Runs `work` in one transaction and commits it durably. `work` may run again after a lock or serialization failure, so it holds
   * SQL only: no HTTP, timers or files.
   * @throws CordonError ServiceUnavailable when the database cannot be written (full, locked, gone)
   */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Calls `listener` after each commit that enqueued a job; it may only wake somebody up. Returns the function that stops it. */
  onJobs(listener: () => void): () => void
  close(): Promise<void>
}

const jobsWritten = new WeakSet<object>()
const postgresTransactions = new WeakSet<object>()
/** Errors of connections that broke; the driver gives them no code. */
const lostConnections = new WeakSet<object>()

/** Locks the rows a query reads until the transaction ends. SQLite needs nothing: its transactions already exclude each other. */
export function holdRows<Q extends { forUpdate(): Q }>(tx: Tx, query: Q): Q {
  return postgresTransactions.has(tx) ? query.forUpdate() : query
}

/** Notes that `tx` enqueued a job, so that the worker is woken right after the commit. */
export function noteJobs(tx: Tx): void {
  jobsWritten.add(tx)
}

/**
 * Opens the database and brings its schema up to date under the migrator's lock.
 * @param target a `postgres://` URL, or the path of the embedded database file (made with its folder when absent)
 * @throws CordonError ServiceUnavailable when it cannot be opened; Error when the schema is newer than this program
 */
export async function openStore(target: string): Promise<Store> {
  const store = /^postgres(ql)?:\/\//.test(target) ? await connectPostgres(target) : connectSqlite(target)
  try {
    await migratePatiently(store)
  } catch (cause) {
    await store.close()
    throw cause
  }
  return store
}

interface OpenStore extends Store {
  readonly write: Db
}

function connectSqlite(path: string): OpenStore {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const write = new Kysely<Schema>({ dialect: openSqlite(path, 'write') })
  const read = path === ':memory:' ? write : new Kysely<Schema>({ dialect: openSqlite(path, 'read') })
  return assemble('sqlite', write, read)
}

async function connectPostgres(url: string): Promise<OpenStore> {
  // The embedded store does without it, and starts faster and smaller so.
  const { Pool, types } = await import('pg')
  // Counters and versions stay far below 2^53; pg hands bigint out as text otherwise.
  types.setTypeParser(types.builtins.INT8, Number)
  const pool = new Pool({ connectionString: url, max: 10, connectionTimeoutMillis: 2_000, statement_timeout: 15_000 })
  // A connection that breaks is replaced by the pool, and its query fails; without listeners it would end the process besides.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', (cause) => lostConnections.add(cause)))
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) })
  return assemble('postgres', db, db)
}

function assemble(dialect: Dialect, write: Db, read: Db): OpenStore {
  const listeners = new Set<() => void>()
  return {
    dialect,
    write,
    read,
    transaction: (work) => runTransaction({ write, dialect, listeners }, work),
    onJobs: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: async () => {
      await write.destroy()
      if (read !== write) await read.destroy()
    },
  }
}

/** A transaction that others keep from committing is tried again for this long. */
const patienceMs = 10_000

interface Writer {
  readonly write: Db
  readonly dialect: Dialect
  readonly listeners: ReadonlySet<() => void>
}

/** How far one attempt came, and what its work threw. */
interface Attempt {
  stage: 'begin' | 'work' | 'commit'
  wakes: boolean
  failure?: { readonly cause: unknown }
}

async function runTransaction<T>(writer: Writer, work: (tx: Tx) => Promise<T>): Promise<T> {
  const startedAt = performance.now()
  for (let count = 0; ; count++) {
    const attempt: Attempt = { stage: 'begin', wakes: false }
    try {
      const result = await tryTransaction(writer, work, attempt)
      if (attempt.wakes) for (const listener of writer.listeners) listener()
      return result
    } catch (thrown) {
      // When the rollback fails as well, its error would hide why.
      const cause = attempt.failure ? attempt.failure.cause : thrown
      if (cause instanceof CordonError) throw cause
      const failure = classifyFailure(cause)
      if (failure === 'conflict' && performance.now() - startedAt < patienceMs) {
        // Apart in time, so that two that met do not meet again.
        await sleep(Math.random() * Math.min(100, 2 ** count))
        continue
      }
      // Before and after the work nothing but the database can have failed.
      if (failure === 'other' && attempt.stage === 'work') throw cause
      throw new CordonError('ServiceUnavailable', describeOutage(attempt), { retryAfterSeconds: 5, cause })
    }
  }
}

async function tryTransaction<T>(writer: Writer, work: (tx: Tx) => Promise<T>, attempt: Attempt): Promise<T> {
  return writer.write.transaction().execute(async (plain) => {
    // The brand exists for the type checker only.
    const tx = plain as Tx
    if (writer.dialect === 'postgres') postgresTransactions.add(tx)
    attempt.stage = 'work'
    try {
      const value = await work(tx)
      attempt.stage = 'commit'
      attempt.wakes = jobsWritten.has(tx)
      return value
    } catch (cause) {
      attempt.failure = { cause }
      throw cause
    }
  })
}

/** A connection lost at COMMIT leaves open whether the database still did it. */
function describeOutage({ stage }: Attempt): string {
  const outcome = stage === 'commit' ? 'Read again to see whether this was recorded.' : 'Nothing was recorded.'
  return `The store cannot be written right now. ${outcome}`
}

/**
 * Decides by code, never by text: `conflict` may simply run again, `unavailable` is an answer 503.
 * @source SQLite result codes; PostgreSQL appendix A, classes 08, 40, 53, 57, 58
 */
export function classifyFailure(cause: unknown): 'conflict' | 'unavailable' | 'other' {
  if (typeof cause !== 'object' || cause === null) return 'other'
  if (lostConnections.has(cause)) return 'unavailable'
  if ('errcode' in cause && typeof cause.errcode === 'number') {
    const primary = cause.errcode & 0xff
    // 5 BUSY, 6 LOCKED; 8 READONLY, 10 IOERR, 11 CORRUPT, 13 FULL, 14 CANTOPEN, 26 NOTADB.
    if (primary === 5 || primary === 6) return 'conflict'
    return [8, 10, 11, 13, 14, 26].includes(primary) ? 'unavailable' : 'other'
  }
  if ('code' in cause && typeof cause.code === 'string') {
    if (cause.code === '40001' || cause.code === '40P01') return 'conflict'
    if (/^(08|53|57|58)[0-9A-Z]{3}$/.test(cause.code)) return 'unavailable'
    return /^E[A-Z]+$/.test(cause.code) ? 'unavailable' : 'other'
  }
  return 'other'
}

/** True when `cause` is the store refusing a second row with the same key. */
export function isDuplicateKey(cause: unknown): boolean {
  if (typeof cause !== 'object' || cause === null) return false
  // SQLITE_CONSTRAINT_PRIMARYKEY 1555 and SQLITE_CONSTRAINT_UNIQUE 2067; PostgreSQL unique_violation.
  if ('errcode' in cause) return cause.errcode === 1555 || cause.errcode === 2067
  return 'code' in cause && cause.code === '23505'
}

/** Another process may be opening or migrating the same database right now. */
async function migratePatiently(store: OpenStore): Promise<void> {
  const startedAt = performance.now()
  for (;;) {
    try {
      await migrate(store.write, store.dialect)
      return
    } catch (cause) {
      if (classifyFailure(cause) !== 'conflict' || performance.now() - startedAt > patienceMs) throw cause
      await sleep(10 + Math.random() * 50)
    }
  }
}

async function migrate(db: Db, dialect: Dialect): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: {
      getMigrations: async () =>
        Object.fromEntries(
          Object.entries(migrations).map(([name, step]) => [
            name,
            { up: (target: Kysely<unknown>) => step.up(target, dialect) },
          ]),
        ),
    },
  })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}
