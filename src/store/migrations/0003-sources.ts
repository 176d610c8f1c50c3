import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Dialect } from '../db.ts'
import type { Target } from './tables.ts'

/** An index that incidents are walked by, made anew with what their sources are. */
interface Widened {
  readonly name: string
  /** After the tenant, as in 0001-lists.ts and 0002-names.ts. */
  readonly columns: readonly string[]
  /** As there. */
  readonly assumed: readonly number[]
  readonly present?: string
  readonly only?: Dialect
}

const ofPeople = ['status', 'severity', 'classification', 'determination', 'assigned_to']
const order = ['created_at', 'id']

/** @param tags SQLite has them in the index, PostgreSQL limits how long an entry may be */
function listIndexes(tags: readonly string[]): readonly Widened[] {
  return [
    { name: 'created', columns: [...order, 'updated_at', ...ofPeople, ...tags], assumed: [1e6, 2, 1] },
    { name: 'updated', columns: ['updated_at', 'id', 'created_at', ...ofPeople], assumed: [1e6, 2, 1] },
    { name: 'status', columns: ['status', ...order], assumed: [1e6, 2e5, 2, 1] },
    {
      name: 'name',
      columns: ['display_name', ...order, 'updated_at', ...ofPeople, 'tags'],
      assumed: [1e6, 4, 2, 1],
      present: 'display_name',
      only: 'sqlite',
    },
  ]
}

/** As in 0001-lists.ts. */
const assumedTenants = 10

/**
 * The sources an incident's alerts are of, as bits of one column of the incident, so that no alert is read to find incidents by them and the
 * indexes of lists hold them. Triggers keep them in the transaction that changes alerts: new ones, moved ones, merged incidents, removed ones.
 * An alert never stands in an incident that is written after it.
 * @param say is told what takes long where there are many rows already
 */
export async function up(db: Kysely<unknown>, dialect: Dialect, say: (text: string) => void): Promise<void> {
  const target: Target = { db, dialect }
  const isFull = (await sql`select 1 from incidents limit 1`.execute(db)).rows.length > 0
  const tell = (text: string): void => (isFull ? say(text) : undefined)
  // Very many rows take longer than a request may; the migrator has a transaction of its own.
  if (dialect === 'postgres') await sql`set local statement_timeout = 0`.execute(db)
  await sql`alter table incidents add column sources bigint not null default 0`.execute(db)
  const widened = listIndexes(dialect === 'sqlite' ? ['tags'] : []).filter(({ only }) => (only ?? dialect) === dialect)
  for (const { name } of widened) await sql`drop index ${sql.ref(`incidents_by_${name}`)}`.execute(db)
  tell('The sources of the alerts of each incident are collected.')
  if (isFull) await fill(target)
  tell('The incidents get indexes with their sources.')
  for (const one of widened) await makeIndex(target, one)
  if (dialect === 'sqlite') await sql`analyze sqlite_schema`.execute(db)
  for (const statement of dialect === 'sqlite' ? sqliteTriggers() : postgresTriggers()) {
    await sql.raw(statement).execute(db)
  }
  tell('The sources of the incidents are known.')
}

/**
 * The bit of a source. Its members are bits already but for two: nothing, and one that we do not know.
 * @see ../sources.ts, which reads them
 */
function bitOf(source: string): string {
  return `(case ${source} when 0 then 536870912 when 255 then 1073741824 else ${source} end)`
}

async function fill({ db }: Target): Promise<void> {
  // Different bits add up to what they are together.
  const found = `select tenant_id, incident_id, cast(sum(distinct ${bitOf('service_source')}) as bigint) as bits
    from alerts group by tenant_id, incident_id`
  await sql`update incidents set sources = found.bits from (${sql.raw(found)}) as found
    where incidents.tenant_id = found.tenant_id and incidents.id = found.incident_id`.execute(db)
}

async function makeIndex({ db, dialect }: Target, { name, columns, assumed, present }: Widened): Promise<void> {
  const all = ['tenant_id', ...columns, 'sources']
  const rows: RawBuilder<unknown> = present === undefined ? sql`` : sql` where ${sql.ref(present)} is not null`
  const index = `incidents_by_${name}`
  await sql`create index ${sql.ref(index)} on incidents (${sql.join(all.map((one) => sql.ref(one)))})${rows}`.execute(
    db,
  )
  if (dialect !== 'sqlite') return
  const [most = 0] = assumed
  const stat = [most * assumedTenants, ...assumed, ...all.slice(assumed.length).map(() => 1)].join(' ')
  await sql`insert into sqlite_stat1 (tbl, idx, stat) values ('incidents', ${index}, ${stat})`.execute(db)
}

const hasNone = `not exists (select 1 from alerts where alerts.tenant_id = old.tenant_id
  and alerts.incident_id = old.incident_id and alerts.service_source = old.service_source)`

function sqliteTriggers(): string[] {
  const add = `update incidents set sources = sources | ${bitOf('new.service_source')}
    where tenant_id = new.tenant_id and id = new.incident_id and sources & ${bitOf('new.service_source')} = 0;`
  const forget = `update incidents set sources = sources & ~${bitOf('old.service_source')}
    where tenant_id = old.tenant_id and id = old.incident_id and sources & ${bitOf('old.service_source')} <> 0
    and ${hasNone};`
  const watched = ['incident_id', 'service_source', 'tenant_id']
  const differs = watched.map((column) => `old.${column} is not new.${column}`).join(' or ')
  return [
    `create trigger alerts_sourced_insert after insert on alerts begin ${add} end`,
    `create trigger alerts_sourced_delete after delete on alerts begin ${forget} end`,
    `create trigger alerts_sourced_update after update of ${watched.join(', ')} on alerts
     when ${differs} begin ${add} ${forget} end`,
  ]
}

/**
 * New alerts are looked at once for each statement: thousands of them come together. Of one that is moved or removed the row is looked at.
 * Who does either holds the incidents already.
 */
function postgresTriggers(): string[] {
  const forget = `update incidents set sources = sources & ~${bitOf('old.service_source')}
    where tenant_id = old.tenant_id and id = old.incident_id and sources & ${bitOf('old.service_source')} <> 0
    and ${hasNone};`
  const watched = ['incident_id', 'service_source', 'tenant_id']
  const differs = watched.map((column) => `old.${column} is distinct from new.${column}`).join(' or ')
  const call = (name: string, body: string): string =>
    `create function ${name}() returns trigger language plpgsql as $$ begin ${body} return null; end $$`
  return [
    call(
      'source_added_alerts',
      `update incidents set sources = incidents.sources | found.bits
       from (select tenant_id, incident_id, bit_or(${bitOf('service_source')}) as bits from added
         group by tenant_id, incident_id) as found
       where incidents.tenant_id = found.tenant_id and incidents.id = found.incident_id
       and incidents.sources & found.bits <> found.bits;`,
    ),
    call('source_removed_alert', forget),
    call(
      'source_moved_alert',
      `update incidents set sources = sources | ${bitOf('new.service_source')}
       where tenant_id = new.tenant_id and id = new.incident_id and sources & ${bitOf('new.service_source')} = 0;
       ${forget}`,
    ),
    `create trigger alerts_sourced_insert after insert on alerts referencing new table as added
     for each statement execute function source_added_alerts()`,
    `create trigger alerts_sourced_delete after delete on alerts for each row execute function source_removed_alert()`,
    `create trigger alerts_sourced_update after update of ${watched.join(', ')} on alerts
     for each row when (${differs}) execute function source_moved_alert()`,
  ]
}
