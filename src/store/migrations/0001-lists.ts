import { type RawBuilder, sql } from 'kysely'
import type { Target } from './tables.ts'

/** An index that lists are read by. */
interface ListIndex {
  readonly on: string
  readonly name: string
  /** After the tenant: what is looked for, then the order of the list. */
  readonly key: readonly (string | RawBuilder<unknown>)[]
  /** Further columns that filters look at, so that rows which are not wanted are passed over, and counted, without being read. */
  readonly also?: readonly string[]
  /** Only rows that have this. */
  readonly present?: string | RawBuilder<unknown>
  /**
   * What SQLite is to assume of a tenant: how many rows the index has of it, and how many there are on average with the same value of each
   * column of the key. Its planner knows nothing else, so plans are the same on every installation, whatever its size.
   */
  readonly assumed: readonly number[]
}

/** Tenants that SQLite is to assume. With one alone it would take reading everything for as good as an index. */
const assumedTenants = 10

/**
 * Indexes of the three collections. Lists come in the order of creation unless asked otherwise, or of the last change, which pollers ask by;
 * what an equal comparison narrows down a lot has an index of its own in the order of creation.
 */
export async function createListIndexes(target: Target): Promise<void> {
  // Compared without regard to case, on both sides: the very expression of the query, or no index is found.
  const owner =
    target.dialect === 'sqlite'
      ? sql`lower(assigned_to)`
      : sql`(translate(assigned_to, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'))`
  // PostgreSQL reads an index alone only when it has the column itself, and not just what is made of it.
  const ofOwner = { key: [owner, 'created_at', 'id'], also: ['status', 'severity', 'assigned_to'], present: owner }
  const all = [...incidentIndexes, ...alertIndexes, ...taskIndexes]
  // PostgreSQL limits how long an entry may be, and tags are of any length.
  const ofTags = target.dialect === 'sqlite' ? ['tags'] : []
  all.push({ ...incidentsByCreation, also: [...incidentsByCreation.also, ...ofTags] })
  for (const on of ['incidents', 'alerts']) all.push({ on, name: 'owner', ...ofOwner, assumed: [5e5, 1e4, 2, 1] })
  for (const listIndex of all) await createIndex(target, listIndex)
  await sql`create index alert_entities_by_alert_id on alert_entities (tenant_id, alert_id)`.execute(target.db)
  if (target.dialect === 'sqlite') await assumeSizes(target, all)
}

const incidentColumns = ['status', 'severity', 'classification', 'determination', 'assigned_to']

const incidentsByCreation = {
  on: 'incidents',
  name: 'created',
  key: ['created_at', 'id'],
  also: ['updated_at', ...incidentColumns],
  assumed: [1e6, 2, 1],
}

const incidentIndexes: readonly ListIndex[] = [
  {
    on: 'incidents',
    name: 'updated',
    key: ['updated_at', 'id'],
    also: ['created_at', ...incidentColumns],
    assumed: [1e6, 2, 1],
  },
  { on: 'incidents', name: 'status', key: ['status', 'created_at', 'id'], assumed: [1e6, 2e5, 2, 1] },
  {
    on: 'incidents',
    name: 'redirect',
    key: ['redirect_incident_id'],
    present: 'redirect_incident_id',
    assumed: [1e4, 2],
  },
]

const alertColumns = ['status', 'severity', 'service_source', 'classification', 'determination', 'assigned_to']

const alertIndexes: readonly ListIndex[] = [
  { on: 'alerts', name: 'incident', key: ['incident_id', 'created_at', 'id'], assumed: [1e6, 10, 2, 1] },
  {
    on: 'alerts',
    name: 'created',
    key: ['created_at', 'id'],
    also: ['updated_at', ...alertColumns],
    assumed: [1e6, 2, 1],
  },
  {
    on: 'alerts',
    name: 'updated',
    key: ['updated_at', 'id'],
    also: ['created_at', ...alertColumns],
    assumed: [1e6, 2, 1],
  },
  { on: 'alerts', name: 'status', key: ['status', 'created_at', 'id'], assumed: [1e6, 2e5, 2, 1] },
]

const taskColumns = ['status', 'action_status', 'action_type', 'source']

const taskIndexes: readonly ListIndex[] = [
  { on: 'tasks', name: 'incident', key: ['incident_id', 'created_at', 'id'], assumed: [1e6, 10, 2, 1] },
  {
    on: 'tasks',
    name: 'created',
    key: ['created_at', 'id'],
    also: ['updated_at', ...taskColumns],
    assumed: [1e6, 2, 1],
  },
  {
    on: 'tasks',
    name: 'updated',
    key: ['updated_at', 'id'],
    also: ['created_at', ...taskColumns],
    assumed: [1e6, 2, 1],
  },
]

function nameOf({ on, name }: ListIndex): string {
  return `${on}_by_${name}`
}

async function createIndex({ db }: Target, listIndex: ListIndex): Promise<void> {
  const { on, key, also = [], present } = listIndex
  const write = (column: string | RawBuilder<unknown>): RawBuilder<unknown> =>
    typeof column === 'string' ? sql.ref(column) : column
  const columns = sql.join(['tenant_id', ...key, ...also].map(write))
  const rows = present === undefined ? sql`` : sql` where ${write(present)} is not null`
  await sql`create index ${sql.ref(nameOf(listIndex))} on ${sql.table(on)} (${columns})${rows}`.execute(db)
}

/** @source sqlite.org "The ANALYZE command" and "The Query Planner", on fixed contents of sqlite_stat1 */
async function assumeSizes({ db }: Target, indexes: readonly ListIndex[]): Promise<void> {
  // The only way to make the table.
  await sql`analyze`.execute(db)
  const assume = (table: string, name: string, numbers: readonly number[]): Promise<unknown> => {
    const [rows = 0] = numbers
    const text = [rows * assumedTenants, ...numbers].join(' ')
    return sql`insert into sqlite_stat1 (tbl, idx, stat) values (${table}, ${name}, ${text})`.execute(db)
  }
  await sql`delete from sqlite_stat1`.execute(db)
  for (const listIndex of indexes) {
    const { on, assumed, also = [] } = listIndex
    await assume(on, nameOf(listIndex), [...assumed, ...also.map(() => 1)])
  }
  for (const table of new Set(indexes.map(({ on }) => on))) {
    await assume(table, `sqlite_autoindex_${table}_1`, [1e6, 1])
  }
  await sql`analyze sqlite_schema`.execute(db)
}
