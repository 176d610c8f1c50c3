import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../db.ts'
import type { Target } from './tables.ts'

/** A list whose rows have a name, and what its filters look at beside it. */
interface Named {
  readonly of: string
  readonly column: string
  /** Of the order of lists, then of filters: what is counted by a name is counted in the index. */
  readonly also: readonly string[]
  /** As in 0001-lists.ts; the third is of rows that have the same name. */
  readonly assumed: readonly number[]
}

const order = ['created_at', 'id']
const ofPeople = ['updated_at', 'status', 'severity', 'classification', 'determination', 'assigned_to']

const named: readonly Named[] = [
  { of: 'incidents', column: 'display_name', also: [...order, ...ofPeople, 'tags'], assumed: [1e6, 4, 2, 1] },
  { of: 'alerts', column: 'title', also: [...order, ...ofPeople, 'service_source'], assumed: [1e6, 1e3, 2, 1] },
  {
    of: 'tasks',
    column: 'display_name',
    also: [...order, 'updated_at', 'status', 'action_status', 'action_type', 'source'],
    assumed: [1e6, 1e3, 2, 1],
  },
]

/**
 * On SQLite: every name of the three collections once, with an index of its trigrams, and the rows by their names. Part of a name is looked
 * for among the names, and what has them is then read in an index alone. Triggers keep the names in the transaction that changes the rows.
 * PostgreSQL finds parts of a text in the rows: {@link ../trigrams.ts}.
 * @param say is told what takes long where there are many rows already
 * @source sqlite.org "SQLite FTS5 Extension": external content tables, the trigram tokenizer
 */
export async function up(db: Kysely<unknown>, dialect: Dialect, say: (text: string) => void): Promise<void> {
  if (dialect !== 'sqlite') return
  const target: Target = { db, dialect }
  for (const one of named) await keepNames(target, one, say)
  await sql`analyze sqlite_schema`.execute(db)
}

async function keepNames(target: Target, { of, column, also, assumed }: Named, say: (text: string) => void) {
  const { db } = target
  const names = `${of.slice(0, -1)}_names`
  const run = (statement: string): Promise<unknown> => sql.raw(statement).execute(db)
  const isFull = (await sql`select 1 from ${sql.table(of)} limit 1`.execute(db)).rows.length > 0
  const tell = (text: string): void => (isFull ? say(text) : undefined)

  tell(`The ${of} get an index by name.`)
  const columns = ['tenant_id', column, ...also].join(', ')
  await run(`create index ${of}_by_name on ${of} (${columns}) where ${column} is not null`)
  const stat = [(assumed[0] ?? 0) * 10, ...assumed, ...also.slice(2).map(() => 1)].join(' ')
  await sql`insert into sqlite_stat1 (tbl, idx, stat) values (${of}, ${`${of}_by_name`}, ${stat})`.execute(db)

  tell(`The names of ${of} are collected.`)
  await run(`create table ${names} (number integer primary key, tenant_id text not null, name text not null)`)
  await run(
    `insert into ${names} (tenant_id, name) select distinct tenant_id, ${column} from ${of} where ${column} is not null`,
  )
  await run(`create unique index ${names}_by_name on ${names} (tenant_id, name)`)

  tell(`The parts of the names of ${of} are indexed.`)
  // Nothing but which names have a trigram: whether they stand in the right order the name itself tells.
  await run(
    `create virtual table ${names}_parts using fts5(name, content='${names}', content_rowid='number',
     tokenize='trigram', detail='none', columnsize=0)`,
  )
  await run(`insert into ${names}_parts (${names}_parts) values ('rebuild')`)
  for (const trigger of listTriggers(of, column, names)) await run(trigger)
  tell(`The names of ${of} are indexed.`)
}

/** A name stays as long as one row has it. */
function listTriggers(of: string, column: string, names: string): string[] {
  const add = `insert into ${names} (tenant_id, name) select new.tenant_id, new.${column}
    where new.${column} is not null and not exists
      (select 1 from ${names} where tenant_id = new.tenant_id and name = new.${column});`
  const forget = `delete from ${names} where tenant_id = old.tenant_id and name = old.${column}
    and not exists (select 1 from ${of} where tenant_id = old.tenant_id and ${column} = old.${column});`
  const parts = `${names}_parts`
  return [
    `create trigger ${names}_added after insert on ${names} begin
     insert into ${parts} (rowid, name) values (new.number, new.name); end`,
    `create trigger ${names}_forgotten after delete on ${names} begin
     insert into ${parts} (${parts}, rowid, name) values ('delete', old.number, old.name); end`,
    `create trigger ${of}_named_insert after insert on ${of} begin ${add} end`,
    `create trigger ${of}_named_delete after delete on ${of} begin ${forget} end`,
    `create trigger ${of}_named_update after update of ${column}, tenant_id on ${of}
     when old.${column} is not new.${column} or old.tenant_id is not new.tenant_id begin ${add} ${forget} end`,
  ]
}
