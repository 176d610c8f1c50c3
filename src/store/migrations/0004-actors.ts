import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../db.ts'

/**
 * Whoever follows changes hears by id who made each: two people of one name are two. Null in rows that are older, and in those of a program of
 * before that runs beside this one.
 */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const text = dialect === 'postgres' ? sql`text collate "C"` : sql`text`
  await sql`alter table outbox add column actor_id ${text}`.execute(db)
}
