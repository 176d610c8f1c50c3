import type { Db, Store } from './db.ts'

/** Rows looked at and removed in one transaction. */
const pageSize = 1_000

/**
 * Removes the changes made before an instant from the outbox, a page at a time. Each tenant's newest stays, whatever its age: numbers that
 * were given out must not come again, nor a tenant's mark go back.
 * @returns how many were removed
 */
export async function removeChangesBefore(store: Store, before: string): Promise<number> {
  let removed = 0
  // Rows come in the order of their numbers and so, to seconds, of their times: the first that is young enough ends the search.
  for (let after: number | null = 0; after !== null; ) {
    const page = await readPage(store.read, after)
    const old = page.filter((row) => row.at < before)
    const superseded = await listSuperseded(store.read, old)
    if (superseded.length > 0) {
      await store.transaction((tx) => tx.deleteFrom('outbox').where('seq', 'in', superseded).execute())
    }
    removed += superseded.length
    after = old.length === pageSize ? (page.at(-1)?.seq ?? null) : null
  }
  return removed
}

interface OldChange {
  readonly seq: number
  readonly at: string
  readonly tenant_id: string
}

function readPage(db: Db, after: number): Promise<OldChange[]> {
  return db
    .selectFrom('outbox')
    .select(['seq', 'at', 'tenant_id'])
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(pageSize)
    .execute()
}

/** Those after which the same tenant has changed something. */
async function listSuperseded(db: Db, changes: readonly OldChange[]): Promise<number[]> {
  const newest = new Map<string, number>()
  for (const tenantId of new Set(changes.map((change) => change.tenant_id))) {
    const row = await db
      .selectFrom('outbox')
      .select((eb) => eb.fn.max('seq').as('seq'))
      .where('tenant_id', '=', tenantId)
      .executeTakeFirst()
    newest.set(tenantId, Number(row?.seq ?? 0))
  }
  return changes.filter(({ seq, tenant_id }) => seq < (newest.get(tenant_id) ?? 0)).map(({ seq }) => seq)
}

/** Removes the answers that are not repeated any more. @returns how many */
export async function removeAnswersBefore(store: Store, now: string): Promise<number> {
  const result = await store.transaction((tx) =>
    tx.deleteFrom('answers').where('expires_at', '<', now).executeTakeFirst(),
  )
  return Number(result.numDeletedRows)
}
