import { type Compilable, CompiledQuery, type DialectAdapter, type RawBuilder, sql } from 'kysely'
import type { BoundQuery } from '../model/query.ts'
import { type Db, findDirectRead, findScanner, type Store } from './db.ts'
import { toInput } from './sqlite.ts'

/**
 * A statement that is built and compiled once per database and then only run: for look-ups by key, where building the statement would
 * cost more than the row.
 * @param build makes the statement; it binds the values it is given as parameters, each once and in the order given, and no others
 */
export function prepareOnce<V extends readonly (string | number)[], R, D extends Db = Db>(
  build: (db: D, ...values: V) => Compilable<R>,
): (db: D, ...values: V) => Promise<R[]> {
  // Every connection and transaction of a database has the same adapter.
  const compiled = new WeakMap<DialectAdapter, CompiledQuery<R>>()
  return async (db, ...values) => {
    const { adapter } = db.getExecutor()
    let statement = compiled.get(adapter)
    if (!statement) {
      statement = build(db, ...values).compile()
      compiled.set(adapter, statement)
    }
    return run(db, statement, values)
  }
}

/**
 * Runs a statement whose first condition is `inTime`, where such statements run.
 * @param patienceMs how long it may take before it is given up for late; as long as any without
 */
export async function runScan<R>(
  db: Db,
  statement: Pick<CompiledQuery<R>, 'sql'>,
  parameters: readonly unknown[],
  patienceMs?: number,
): Promise<R[]> {
  const scanner = findScanner(db)
  if (scanner === null) throw new Error('this database has no scanner')
  // Rows are what the schema says, as they are for Kysely.
  return (await scanner.scan(statement.sql, parameters.map(toInput), patienceMs)) as R[]
}

/**
 * The rows of a statement that is made for one question.
 * @param scans its first condition is `inTime`: on SQLite it runs where such statements run
 * @param patienceMs how long it may take before it is given up for late; as long as any for null
 */
export async function readRows<R>(
  { read, dialect }: Pick<Store, 'read' | 'dialect'>,
  statement: RawBuilder<R>,
  scans: boolean,
  patienceMs: number | null,
): Promise<readonly R[]> {
  const { parameters, ...compiled } = statement.compile(read)
  if (scans && findScanner(read) !== null) return runScan<R>(read, compiled, parameters, patienceMs ?? undefined)
  if (dialect === 'sqlite' || patienceMs === null) return (await read.executeQuery<R>({ ...compiled, parameters })).rows
  return read.transaction().execute(async (tx) => {
    await sql`select set_config('statement_timeout', ${String(patienceMs)}, true)`.execute(tx)
    return (await tx.executeQuery<R>({ ...compiled, parameters })).rows
  })
}

async function run<R>(db: Db, statement: CompiledQuery<R>, parameters: readonly unknown[]): Promise<R[]> {
  const readDirectly = findDirectRead(db)
  if (readDirectly) return readDirectly(statement.sql, parameters)
  return (await db.executeQuery<R>({ ...statement, parameters })).rows
}

/** Stand for the tenant and the incident while a statement is compiled; nothing real is called so. */
const someTenant = '\u0000tenant'
const someIncident = Number.MIN_SAFE_INTEGER

interface PageStatement<R> {
  /** Its text alone: the tree it was made from takes more room than all else that is kept of a query. */
  readonly statement: CompiledQuery<R>
  readonly tenantAt: readonly number[]
  /** -1 when the statement names no incident. */
  readonly incidentAt: number
}

/** Reads the page of `query` for a tenant, of one incident, or what else the statement takes there, when `incident` is given. */
export type PageReader<R> = (db: Db, tenantId: string, query: BoundQuery, incident?: number | string) => Promise<R[]>

/**
 * A page statement that is compiled once per bound query and database: pollers ask the same few questions over and over, and the caller
 * keeps their bound queries.
 * @param build makes the statement of one query for one tenant, whose id it binds as parameters; `incident` at most once
 * @param runIt runs a compiled statement
 */
export function preparePages<R>(
  build: (db: Db, tenantId: string, query: BoundQuery, incident: number) => Compilable<R>,
  runIt: (db: Db, statement: CompiledQuery<R>, parameters: readonly unknown[]) => Promise<R[]> = run,
): PageReader<R> {
  const compiled = new WeakMap<Db, WeakMap<BoundQuery, PageStatement<R>>>()
  return async (db, tenantId, query, incident = someIncident) => {
    let ofDatabase = compiled.get(db)
    if (!ofDatabase) {
      ofDatabase = new WeakMap()
      compiled.set(db, ofDatabase)
    }
    let known = ofDatabase.get(query)
    if (!known) {
      const { sql, parameters } = build(db, someTenant, query, someIncident).compile()
      const statement = CompiledQuery.raw(sql, [...parameters]) as CompiledQuery<R>
      const tenantAt = parameters.flatMap((value, at) => (value === someTenant ? [at] : []))
      known = { statement, tenantAt, incidentAt: parameters.indexOf(someIncident) }
      ofDatabase.set(query, known)
    }
    const parameters = [...known.statement.parameters]
    for (const at of known.tenantAt) parameters[at] = tenantId
    if (known.incidentAt >= 0) parameters[known.incidentAt] = incident
    return runIt(db, known.statement, parameters)
  }
}
