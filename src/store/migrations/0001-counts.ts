import { sql } from 'kysely'
import { keyed, type Target } from './tables.ts'

/** A table whose rows are counted, where the counts stand, and by which columns. */
interface Counted {
  readonly of: string
  readonly table: string
  /** Small sets of numbers: a count by many values would be as long as what it counts. */
  readonly columns: readonly string[]
  /** Whether the rows have an owner. */
  readonly assigned: boolean
}

const counts: readonly Counted[] = [
  {
    of: 'incidents',
    table: 'incident_counts',
    columns: ['status', 'severity', 'classification', 'determination'],
    assigned: true,
  },
  {
    of: 'alerts',
    table: 'alert_counts',
    columns: ['status', 'severity', 'service_source', 'classification', 'determination'],
    assigned: true,
  },
  { of: 'tasks', table: 'task_counts', columns: ['status', 'action_status', 'action_type', 'source'], assigned: false },
]

/**
 * How many rows there are of each kind and month of creation, so that a list says how many it has without walking them. Triggers keep the
 * counts in the transaction that changes the rows: whoever writes rows, however many at once, cannot forget them.
 */
export async function createCounts(target: Target): Promise<void> {
  for (const counted of counts) {
    const columns = counted.assigned ? [...counted.columns, 'assigned'] : counted.columns
    await keyed(target, counted.table, {
      tenant_id: 'text',
      ...Object.fromEntries(columns.map((column) => [column, 'int'] as const)),
      month: 'text',
      amount: 'int',
    })
      .addPrimaryKeyConstraint(`${counted.table}_pk`, ['tenant_id', ...columns, 'month'])
      .execute()
    const statements = target.dialect === 'sqlite' ? sqliteTriggers(counted) : postgresTriggers(counted)
    for (const statement of statements) await sql.raw(statement).execute(target.db)
  }
}

/** Under what a row is counted, by the column of the count. A key holds no null; -1 stands for it. */
function keyOf({ columns, assigned }: Counted, row: string): [column: string, value: string][] {
  return [
    ['tenant_id', `${row}tenant_id`],
    ...columns.map((column): [string, string] => [column, `coalesce(${row}${column}, -1)`]),
    ...(assigned ? [['assigned', `case when ${row}assigned_to is null then 0 else 1 end`] as [string, string]] : []),
    ['month', `substr(${row}created_at, 1, 7)`],
  ]
}

function sqliteTriggers(counted: Counted): string[] {
  const { of, table, columns, assigned } = counted
  const count = (row: 'new' | 'old', change: 1 | -1): string => {
    const key = keyOf(counted, `${row}.`)
    return `insert into ${table} (${key.map(([column]) => column).join(', ')}, amount)
      values (${key.map(([, value]) => value).join(', ')}, ${change})
      on conflict do update set amount = amount + ${change};`
  }
  const watched = [...columns, ...(assigned ? ['assigned_to'] : []), 'created_at', 'tenant_id']
  const differs = watched.map((column) => `old.${column} is not new.${column}`).join(' or ')
  return [
    `create trigger ${of}_counted_insert after insert on ${of} begin ${count('new', 1)} end`,
    `create trigger ${of}_counted_delete after delete on ${of} begin ${count('old', -1)} end`,
    `create trigger ${of}_counted_update after update of ${watched.join(', ')} on ${of}
     when ${differs} begin ${count('new', 1)} ${count('old', -1)} end`,
  ]
}

/** One look at all rows of a statement: thousands of rows written at once change each count once. */
function postgresTriggers(counted: Counted): string[] {
  const { of, table } = counted
  const key = keyOf(counted, '')
  const columns = key.map(([column]) => column)
  const rows = (from: string, change: 1 | -1): string =>
    `select ${key.map(([column, value]) => `${value} as ${column}`).join(', ')}, ${change} as change from ${from}`
  const events = {
    insert: { tables: 'new table as added', changes: rows('added', 1) },
    delete: { tables: 'old table as removed', changes: rows('removed', -1) },
    update: {
      tables: 'old table as removed new table as added',
      changes: `${rows('added', 1)} union all ${rows('removed', -1)}`,
    },
  }
  return Object.entries(events).flatMap(([event, { tables, changes }]) => [
    // In the order of the key, so that two statements cannot wait for each other.
    `create function count_${of}_${event}() returns trigger language plpgsql as $$
     begin
       insert into ${table} as known (${columns.join(', ')}, amount)
       select ${columns.join(', ')}, sum(change) from (${changes}) as changed
       group by ${columns.join(', ')} having sum(change) <> 0 order by ${columns.join(', ')}
       on conflict (${columns.join(', ')}) do update set amount = known.amount + excluded.amount;
       return null;
     end $$`,
    `create trigger ${of}_counted_${event} after ${event} on ${of} referencing ${tables}
     for each statement execute function count_${of}_${event}()`,
  ])
}
