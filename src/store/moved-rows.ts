import { CompiledQuery, type RawBuilder, sql } from 'kysely'
import { laterThan } from '../model/instant.ts'
import { compiledText } from './bulk.ts'
import { holdRows, type Tx } from './db.ts'
import { chunksOf } from './record.ts'

/** Alerts or tasks that go from one incident to another. */
export interface MovedRows {
  readonly tenantId: string
  readonly ids: readonly string[]
  /** Their incident from now on. */
  readonly into: number
  /** 7-digit instant. */
  readonly now: string
}

/** What an alert or a task calls its last change. */
const changedAt = { alerts: 'lastUpdateDateTime', tasks: 'lastModifiedDateTime' } as const

/** Rows per statement, largest first: few shapes, so that the databases keep them prepared. */
const rowSteps = [100, 10, 1] as const

/**
 * Gives rows another incident. What they show has changed, so their versions go up and the time of their last change becomes now: who asks
 * for what changed since sees that they moved.
 */
export async function moveRows(tx: Tx, table: 'alerts' | 'tasks', moved: MovedRows): Promise<void> {
  const { tenantId, now } = moved
  for (const ids of chunksOf(moved.ids, 500)) {
    const query = tx
      .selectFrom(table)
      .select(['id', 'updated_at', 'doc'])
      .where('tenant_id', '=', tenantId)
      .where('id', 'in', [...ids])
      .orderBy('id')
    const rows = (await holdRows(tx, query).execute()).map(({ id, updated_at, doc }) => {
      const at = laterThan(updated_at, now)
      const entity: object = JSON.parse(doc)
      return [id, at, JSON.stringify({ ...entity, [changedAt[table]]: at })] as const
    })
    await writeRows(tx, table, moved, rows)
  }
}

async function writeRows(
  tx: Tx,
  table: 'alerts' | 'tasks',
  { tenantId, into }: MovedRows,
  rows: readonly (readonly [id: string, at: string, doc: string])[],
): Promise<void> {
  let start = 0
  for (const step of rowSteps) {
    while (rows.length - start >= step) {
      const text = compiledText(tx, `move ${table} ${step}`, () => moveText(table, step))
      const values = rows.slice(start, start + step).flat()
      await tx.executeQuery(CompiledQuery.raw(text, [into, ...values, tenantId]))
      start += step
    }
  }
}

function moveText(table: string, rows: number): RawBuilder<unknown> {
  const row = sql`(cast(${null} as text), cast(${null} as text), cast(${null} as text))`
  const values = sql.join(Array.from({ length: rows }, () => row))
  return sql`update ${sql.table(table)}
    set incident_id = ${null}, version = version + 1, updated_at = moved.column2, doc = moved.column3
    from (values ${values}) as moved
    where ${sql.ref(`${table}.tenant_id`)} = ${null} and ${sql.ref(`${table}.id`)} = moved.column1`
}
