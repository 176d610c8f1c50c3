import type { Compilable, CompiledQuery } from 'kysely'
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
