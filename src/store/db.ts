import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect, type RawBuilder, sql, type Transaction } from 'kysely'
import { Migrator } from 'kysely/migration'
import { CordonError } from '../model/errors.ts'
import { migrations } from './migrations/list.ts'
import { isPostgresUrl, readConnectTimeoutMs } from './postgres-url.ts'
import { guardReads } from './read-failures.ts'
import { lateAnswer, openScanner, type Scanner } from './scanner.ts'
import type { Schema } from './schema.ts'
import { type DirectRead, openSqlite } from './sqlite.ts'
import { ensureTrigrams } from './trigrams.ts'

/** The two databases the store runs on. */
export type Dialect = 'sqlite' | 'postgres'

/** Hears what a store has to say to whoever runs the server. */
export type Say = (text: string) => void

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
const endings = new WeakMap<object, () => Promise<void>>()
const unflushed = new WeakSet<object>()
const postgresTransactions = new WeakSet<object>()
/** Errors of connections that broke; the driver gives them no code. */
const lostConnections = new WeakSet<object>()

/** Locks the rows a query reads until the transaction ends. SQLite needs nothing: its transactions already exclude each other. */
export function holdRows<Q extends { forUpdate(): Q }>(tx: Tx, query: Q): Q {
  return mustHoldRows(tx) ? query.forUpdate() : query
}

/** True when {@link holdRows} has something to do. */
export function mustHoldRows(tx: Tx): boolean {
  return postgresTransactions.has(tx)
}

/**
 * Runs `ending` as the last of the transaction, just before it commits; at most one per transaction. Whatever it throws undoes the whole
 * transaction and is a store that cannot be written, never a defect of the caller's.
 */
export function beforeCommit(tx: Tx, ending: () => Promise<void>): void {
  endings.set(tx, ending)
}

/**
 * SQL for a column of a query that takes a row everybody waits for, on PostgreSQL: the transaction then commits, and gives the row to the
 * next, without waiting for the disk. The wait comes right after, before anybody hears of the commit, and is shared by all who commit at
 * that time. A transaction that saw this one commits after it, so that nothing lasts that was built on something lost.
 * @source PostgreSQL: asynchronous commit
 */
export function flushAfterCommit(tx: Tx): RawBuilder<unknown> {
  unflushed.add(tx)
  return sql`set_config('synchronous_commit', 'off', true) as flush`
}

/** Waits until everything that can be seen in the store is on disk. Whoever makes it known outside, beside an answer to who wrote it, does so after. */
export async function flushSeen(store: Pick<Store, 'dialect' | 'transaction'>): Promise<void> {
  if (store.dialect === 'postgres') await store.transaction(async (tx) => void flushAfterCommit(tx))
}

/** Notes that `tx` enqueued a job, so that the worker is woken right after the commit. */
export function noteJobs(tx: Tx): void {
  jobsWritten.add(tx)
}

/**
 * Opens the database and brings its schema up to date under the migrator's lock.
 * @param target a `postgres://` URL, or the path of the embedded database file (made with its folder when absent)
 * @param say is told what takes long when an older database is brought up to date
 * @throws CordonError ServiceUnavailable when it cannot be opened; Error when the schema is newer than this program
 */
export async function openStore(target: string, say: Say = () => undefined): Promise<Store> {
  const store = isPostgresUrl(target) ? await connectPostgres(target) : connectSqlite(target)
  try {
    await migratePatiently(store, say)
    if (store.dialect === 'postgres') await ensureTrigrams(store.write, say)
  } catch (cause) {
    await store.close()
    throw cause
  }
  return store
}

/** A database that is only read, as it is: nothing is migrated. */
export interface ReadOnlyStore {
  readonly read: Db
  close(): Promise<void>
}

/**
 * Opens a database for looking at it, without changing anything in it.
 * @param target as for {@link openStore}
 * @throws CordonError NotFound when there is no such file
 */
export async function openForReading(target: string): Promise<ReadOnlyStore> {
  if (isPostgresUrl(target)) return connectPostgres(target, '-c default_transaction_read_only=on')
  if (!existsSync(target)) throw new CordonError('NotFound', `There is no database ${target}.`)
  const read = new Kysely<Schema>({ dialect: openSqlite(target, 'read', explainReadFailure).dialect })
  return { read, close: () => read.destroy() }
}

/**
 * Opens a database as it is, for reading it and leaving a trace of that: nothing is migrated.
 * @param target as for {@link openStore}
 * @throws CordonError NotFound when there is no such file
 */
export async function openAsItIs(target: string): Promise<Store> {
  if (isPostgresUrl(target)) return connectPostgres(target)
  if (!existsSync(target)) throw new CordonError('NotFound', `There is no database ${target}.`)
  return connectSqlite(target)
}

interface OpenStore extends Store {
  readonly write: Db
}

function connectSqlite(path: string): OpenStore {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const write = new Kysely<Schema>({ dialect: openSqlite(path, 'write').dialect })
  if (path === ':memory:') return assemble('sqlite', write, write)
  const reader = openSqlite(path, 'read', explainReadFailure)
  const read = new Kysely<Schema>({ dialect: reader.dialect })
  directReads.set(read, reader.readDirectly)
  const scanner = openScanner(path, explainReadFailure)
  scanners.set(read, scanner)
  const store = assemble('sqlite', write, read)
  return { ...store, close: () => Promise.all([scanner.close(), store.close()]).then(() => undefined) }
}

const directReads = new WeakMap<Db, DirectRead>()

const scanners = new WeakMap<Db, Scanner>()

/** Where a SELECT goes that may read a whole table; null where the database does not keep others waiting meanwhile. */
export function findScanner(db: Db): Scanner | null {
  return scanners.get(db) ?? null
}

/** How to run a compiled SELECT on `db` without waiting; null where a network, or a transaction of somebody else, is in between. */
export function findDirectRead(db: Db): DirectRead | null {
  return directReads.get(db) ?? null
}

/** @param options of each session, as the server's command line takes them */
async function connectPostgres(url: string, options?: string): Promise<OpenStore> {
  // The embedded store does without it, and starts faster and smaller so.
  const { Pool, types } = await import('pg')
  // Counters and versions stay far below 2^53; pg hands bigint out as text otherwise.
  types.setTypeParser(types.builtins.INT8, Number)
  const limits = { max: 10, connectionTimeoutMillis: readConnectTimeoutMs(url), statement_timeout: 15_000 }
  const settings = [
    // Compiling a statement takes longer than all but the worst of ours run.
    '-c jit=off',
    // A server that stands still (a suspended machine, a lost network) must not hold its locks against all others for longer than they
    // wait for a statement. Between the statements of a transaction there is nothing that takes time.
    '-c idle_in_transaction_session_timeout=8000',
  ]
  const session = [...settings, ...(options === undefined ? [] : [options])].join(' ')
  const pool = new Pool({ connectionString: url, ...limits, options: session })
  // A connection that breaks is replaced by the pool, and its query fails; without listeners it would end the process besides.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', (cause) => lostConnections.add(cause)))
  const read = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: guardReads(pool, explainReadFailure) }) })
  const store = assemble('postgres', new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }), read)
  // Kysely ends a pool that it has used; this one may have been used for reads alone.
  return { ...store, close: () => store.close().then(() => (pool.ending ? undefined : pool.end())) }
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
      // The last connection to be closed brings the WAL into the file, which one that only reads cannot.
      if (read !== write) await read.destroy()
      await write.destroy()
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
  stage: 'begin' | 'work' | 'ending' | 'commit'
  wakes: boolean
  isUnflushed: boolean
  failure?: { readonly cause: unknown }
}

async function runTransaction<T>(writer: Writer, work: (tx: Tx) => Promise<T>): Promise<T> {
  const startedAt = performance.now()
  for (let count = 0; ; count++) {
    const attempt: Attempt = { stage: 'begin', wakes: false, isUnflushed: false }
    try {
      const result = await tryTransaction(writer, work, attempt)
      if (attempt.wakes) for (const listener of writer.listeners) listener()
      return result
    } catch (thrown) {
      // When the rollback fails as well, its error would hide why.
      const cause = attempt.failure ? attempt.failure.cause : thrown
      if (cause instanceof CordonError) throw cause
      // A rollback fails only where the connection is gone; what the driver says of the statement before it has no code.
      const isCutOff = attempt.failure !== undefined && thrown !== cause
      const failure = classifyFailure(cause)
      if (failure === 'conflict' && performance.now() - startedAt < patienceMs) {
        // Apart in time, so that two that met do not meet again.
        await sleep(Math.random() * Math.min(100, 2 ** count))
        continue
      }
      // Before and after the work nothing but the database can have failed, or what every change must leave in it.
      if (failure === 'other' && attempt.stage === 'work' && !isCutOff) throw cause
      throw new CordonError('ServiceUnavailable', describeOutage(attempt), { retryAfterSeconds: 5, cause })
    }
  }
}

async function tryTransaction<T>(writer: Writer, work: (tx: Tx) => Promise<T>, attempt: Attempt): Promise<T> {
  if (writer.dialect === 'sqlite') return tryOn(writer, writer.write, work, attempt)
  return writer.write.connection().execute(async (connection) => {
    const result = await tryOn(writer, connection, work, attempt)
    if (attempt.isUnflushed) await flushCommits(connection, attempt)
    return result
  })
}

async function tryOn<T>(writer: Writer, db: Db, work: (tx: Tx) => Promise<T>, attempt: Attempt): Promise<T> {
  return db.transaction().execute(async (plain) => {
    // The brand exists for the type checker only.
    const tx = plain as Tx
    if (writer.dialect === 'postgres') postgresTransactions.add(tx)
    attempt.stage = 'work'
    try {
      const value = await work(tx)
      attempt.stage = 'ending'
      await endings.get(tx)?.()
      attempt.stage = 'commit'
      attempt.wakes = jobsWritten.has(tx)
      attempt.isUnflushed = unflushed.has(tx)
      return value
    } catch (cause) {
      attempt.failure = { cause }
      throw cause
    }
  })
}

/**
 * Waits until everything committed so far is on disk. Any commit of something waits for that; what is written here, nobody reads.
 * @throws CordonError ServiceUnavailable; the transaction must not run again, because it has been committed
 */
async function flushCommits(db: Db, attempt: Attempt): Promise<void> {
  try {
    await sql`select pg_logical_emit_message(true, 'cordon', '')`.execute(db)
  } catch (cause) {
    throw new CordonError('ServiceUnavailable', describeOutage(attempt), { retryAfterSeconds: 5, cause })
  }
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

/**
 * Whether a transaction failed because the database takes no change at all: a replica, a read-only file, a role that may only read.
 * @source SQLite READONLY; PostgreSQL read_only_sql_transaction, insufficient_privilege
 */
export function isReadOnly(failure: unknown): boolean {
  const cause = failure instanceof CordonError ? failure.cause : failure
  if (typeof cause !== 'object' || cause === null) return false
  if ('errcode' in cause && typeof cause.errcode === 'number') return (cause.errcode & 0xff) === 8
  return 'code' in cause && (cause.code === '25006' || cause.code === '42501')
}

/** What a read that failed throws: a store that cannot be read is nobody's mistake; whatever else it was stays as it is. */
function explainReadFailure(cause: unknown, stage: 'connect' | 'query'): unknown {
  if (stage === 'query' && classifyFailure(cause) === 'other') return cause
  if (isCancelled(cause)) return lateAnswer()
  return new CordonError('ServiceUnavailable', 'The store cannot be read right now.', { retryAfterSeconds: 5, cause })
}

/** PostgreSQL's statement_timeout. @source PostgreSQL appendix A, query_canceled */
function isCancelled(cause: unknown): boolean {
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === '57014'
}

/** True when `cause` is the store refusing a second row with the same key. */
export function isDuplicateKey(cause: unknown): boolean {
  if (typeof cause !== 'object' || cause === null) return false
  // SQLITE_CONSTRAINT_PRIMARYKEY 1555 and SQLITE_CONSTRAINT_UNIQUE 2067; PostgreSQL unique_violation.
  if ('errcode' in cause) return cause.errcode === 1555 || cause.errcode === 2067
  return 'code' in cause && cause.code === '23505'
}

/** Another process may be opening or migrating the same database right now. */
async function migratePatiently(store: OpenStore, say: Say): Promise<void> {
  const startedAt = performance.now()
  for (;;) {
    try {
      await migrate(store.write, store.dialect, say)
      return
    } catch (cause) {
      if (classifyFailure(cause) !== 'conflict' || performance.now() - startedAt > patienceMs) throw cause
      await sleep(10 + Math.random() * 50)
    }
  }
}

async function migrate(db: Db, dialect: Dialect, say: Say): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: {
      getMigrations: async () =>
        Object.fromEntries(
          Object.entries(migrations).map(([name, step]) => [
            name,
            { up: (target: Kysely<unknown>) => step.up(target, dialect, say) },
          ]),
        ),
    },
  })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}
