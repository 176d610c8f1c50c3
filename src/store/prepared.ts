import type { Compilable, CompiledQuery } from 'kysely'
import type { BoundQuery } from '../model/query.ts'
import type { Db } from './db.ts'

/**
 * A statement that is built and compiled once per database and then only run: for look-ups by key, where building the statement would
 * cost more than the row.
 * @param build makes the statement; it binds the values it is given as parameters, each once and in the order given
 */
export function prepareOnce<V extends readonly (string | number)[], R>(
  build: (db: Db, ...values: V) => Compilable<R>,
): (db: Db, ...values: V) => Promise<R[]> {
  const compiled = new WeakMap<Db, CompiledQuery<R>>()
  return async (db, ...values) => {
    let statement = compiled.get(db)
    if (!statement) {
      statement = build(db, ...values).compile()
      compiled.set(db, statement)
    }
    return (await db.executeQuery<R>({ ...statement, parameters: values })).rows
  }
}

/** Stand for the tenant and the incident while a statement is compiled; nothing real is called so. */
const someTenant = '\u0000tenant'
const someIncident = Number.MIN_SAFE_INTEGER

interface PageStatement<R> {
  readonly statement: CompiledQuery<R>
  readonly tenantAt: number
  /** -1 when the statement names no incident. */
  readonly incidentAt: number
}

/** Reads the page of `query` for a tenant, of one incident when `incidentId` is given and the statement takes it. */
export type PageReader<R> = (db: Db, tenantId: string, query: BoundQuery, incidentId?: number) => Promise<R[]>

/**
 * A page statement that is compiled once per bound query and database: pollers ask the same few questions over and over, and the caller
 * keeps their bound queries.
 * @param build makes the statement of one query for one tenant, whose id it binds as exactly one parameter; `incidentId` at most once
 */
export function preparePages<R>(
  build: (db: Db, tenantId: string, query: BoundQuery, incidentId: number) => Compilable<R>,
): PageReader<R> {
  const compiled = new WeakMap<Db, WeakMap<BoundQuery, PageStatement<R>>>()
  return async (db, tenantId, query, incidentId = someIncident) => {
    let ofDatabase = compiled.get(db)
    if (!ofDatabase) {
      ofDatabase = new WeakMap()
      compiled.set(db, ofDatabase)
    }
    let known = ofDatabase.get(query)
    if (!known) {
      const statement = build(db, someTenant, query, someIncident).compile()
      const { parameters } = statement
      known = { statement, tenantAt: parameters.indexOf(someTenant), incidentAt: parameters.indexOf(someIncident) }
      ofDatabase.set(query, known)
    }
    const parameters = [...known.statement.parameters]
    parameters[known.tenantAt] = tenantId
    if (known.incidentAt >= 0) parameters[known.incidentAt] = incidentId
    return (await db.executeQuery<R>({ ...known.statement, parameters })).rows
  }
}
