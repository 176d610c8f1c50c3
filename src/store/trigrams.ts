import { sql } from 'kysely'
import type { Db } from './db.ts'
import { lowerName } from './query-sql.ts'

/** Texts of PostgreSQL's rows in which parts are looked for. */
const texts = [
  ['incidents', 'display_name'],
  ['alerts', 'title'],
  ['tasks', 'display_name'],
] as const

/** Two servers that start at once make them one after the other. */
const lock = 7_204_311

/**
 * Gives PostgreSQL the indexes by which part of a name is found, where it has none yet: trigrams of the text, whatever the case of its ASCII
 * letters. The module is one that whoever owns a database may add; without it a name is looked for row by row.
 * @param say is told of a long wait, and of a database that cannot have them
 * @source PostgreSQL: pg_trgm, "trusted" extensions
 */
export async function ensureTrigrams(db: Db, say: (text: string) => void): Promise<void> {
  const names = texts.map(([of]) => indexOf(of))
  const known =
    await sql`select 1 from pg_indexes where schemaname = current_schema() and indexname in (${sql.join(names)})`.execute(
      db,
    )
  if (known.rows.length === names.length) return
  try {
    await db.transaction().execute(async (tx) => {
      await sql`set local statement_timeout = 0`.execute(tx)
      await sql`select pg_advisory_xact_lock(${sql.lit(lock)})`.execute(tx)
      await sql`create extension if not exists pg_trgm`.execute(tx)
      for (const [of, column] of texts) await makeIndex(tx, of, column, say)
    })
  } catch (cause) {
    if (!isRefused(cause)) throw cause
    say(
      'The database has no pg_trgm: lists are searched for part of a name row by row, which takes seconds with very many rows.',
    )
  }
}

async function makeIndex(tx: Db, of: string, column: string, say: (text: string) => void): Promise<void> {
  const isFull = (await sql`select 1 from ${sql.table(of)} limit 1`.execute(tx)).rows.length > 0
  if (isFull) say(`The names of ${of} are indexed.`)
  const text = lowerName(sql.ref(column))
  await sql`create index if not exists ${sql.ref(indexOf(of))} on ${sql.table(of)} using gin ((${text}) gin_trgm_ops)`.execute(
    tx,
  )
  // Of an expression nothing is known before it is looked at.
  if (isFull) await sql`analyze ${sql.table(of)}`.execute(tx)
}

function indexOf(of: string): string {
  return `${of}_by_parts_of_name`
}

/**
 * What a database answers that has no such module, or whose user may not add it.
 * @source PostgreSQL appendix A: insufficient_privilege, undefined_file, feature_not_supported, undefined_object
 */
function isRefused(cause: unknown): boolean {
  const refusals = ['42501', '58P01', '0A000', '42704']
  return typeof cause === 'object' && cause !== null && 'code' in cause && refusals.includes(String(cause.code))
}
