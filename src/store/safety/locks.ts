import { sql } from 'kysely'
import { mustHoldRows, type Tx } from '../db.ts'

/**
 * Holds a name until the transaction ends, where there is no row to hold: whoever else wants it waits. SQLite needs nothing, its
 * transactions exclude each other.
 * @param mode several may hold it `shared` at one time, only one `alone`
 */
export async function holdName(tx: Tx, name: string, mode: 'shared' | 'alone'): Promise<void> {
  if (!mustHoldRows(tx)) return
  const key = sql`hashtextextended(${name}, 0)`
  await (mode === 'alone'
    ? sql`select pg_advisory_xact_lock(${key})`
    : sql`select pg_advisory_xact_lock_shared(${key})`
  ).execute(tx)
}
