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

/** Stands for the tenant while a statement is compiled; no tenant is called so. */
const someTenant = '\u0000tenant'

interface TenantStatement<R> {
  readonly statement: CompiledQuery<R>
  readonly tenantAt: number
}

/**
 * A page statement that is compiled once per bound query and database: pollers ask the same few questions over and over, and the caller
 * keeps their bound queries.
 * @param build makes the statement of one query for one tenant, whose id it binds as exactly one parameter
 */
export function preparePages<R>(
  build: (db: Db, tenantId: string, query: BoundQuery) => Compilable<R>,
): (db: Db, tenantId: string, query: BoundQuery) => Promise<R[]> {
  const compiled = new WeakMap<Db, WeakMap<BoundQuery, TenantStatement<R>>>()
  return async (db, tenantId, query) => {
    let ofDatabase = compiled.get(db)
    if (!ofDatabase) {
      ofDatabase = new WeakMap()
      compiled.set(db, ofDatabase)
    }
    let known = ofDatabase.get(query)
    if (!known) {
      const statement = build(db, someTenant, query).compile()
      known = { statement, tenantAt: statement.parameters.indexOf(someTenant) }
      ofDatabase.set(query, known)
    }
    const parameters = known.statement.parameters.with(known.tenantAt, tenantId)
    return (await db.executeQuery<R>({ ...known.statement, parameters })).rows
  }
}
