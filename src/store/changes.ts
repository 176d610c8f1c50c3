import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { CordonError } from '../model/errors.ts'
import type { Db, Store } from './db.ts'
import { prepareOnce } from './prepared.ts'

// Numbers of the outbox are drawn when a row is written and seen when its transaction commits: on PostgreSQL a lower number may appear after
// a higher one. Whoever remembers "read up to N" must only ever remember a settled N, below which nothing can appear any more.

/** The highest settled number each store has found so far: settled once is settled for good. */
const knownSettled = new WeakMap<Store, number>()

/** How long a reader waits for the transactions under way before it makes do with what was settled before: its own answer is due in 1 s. */
const patienceMs = 700

/**
 * The number up to which the outbox is complete: whoever has read every row up to it will never miss one.
 *
 * A transaction that has drawn a number holds the table's lock of writers until its rows can be seen or are gone. So when all who held it
 * just after a look at the highest number have ended, nothing can appear below that number any more. Writers are neither held up nor
 * slowed down, and whoever begins later is not waited for. On SQLite transactions exclude each other.
 * @throws CordonError ServiceUnavailable when transactions under way hold up even a first answer
 */
export async function readSettledSequence(store: Store): Promise<number> {
  const newest = await readNewestSequence(store.read)
  let writers = await listWriters(store)
  for (let waitedMs = 0, pauseMs = 2; writers.size > 0 && waitedMs < patienceMs; ) {
    await sleep(pauseMs)
    waitedMs += pauseMs
    pauseMs = Math.min(pauseMs * 2, 100)
    const still = await listWriters(store)
    writers = new Set([...writers].filter((writer) => still.has(writer)))
  }
  const known = knownSettled.get(store)
  const settled = writers.size === 0 ? Math.max(newest, known ?? 0) : known
  if (settled === undefined) {
    throw new CordonError('ServiceUnavailable', 'Changes under way have to end first.', { retryAfterSeconds: 2 })
  }
  knownSettled.set(store, settled)
  return settled
}

/** The transactions that may have written to the outbox and have not ended. */
async function listWriters(store: Store): Promise<Set<string>> {
  if (store.dialect === 'sqlite') return new Set()
  const { rows } = await sql<{ writer: string }>`
    select virtualtransaction as writer from pg_locks
    where locktype = 'relation' and relation = 'outbox'::regclass and mode = 'RowExclusiveLock'
      and database = (select oid from pg_database where datname = current_database())
  `.execute(store.read)
  return new Set(rows.map((row) => row.writer))
}

/** The highest number in the outbox, settled or not; 0 when it is empty. */
export async function readNewestSequence(db: Db): Promise<number> {
  const row = await db
    .selectFrom('outbox')
    .select((eb) => eb.fn.max('seq').as('newest'))
    .executeTakeFirst()
  return row?.newest ?? 0
}

/** The kinds of things whose changes can be followed. */
export type WatchedKind = 'incident' | 'alert' | 'incidentTask'

/** A stretch of a tenant's changes to one kind of thing. */
export interface ChangeRange {
  readonly tenantId: string
  readonly resource: WatchedKind
  /** Not itself part of the stretch. */
  readonly after: number
  /** The last number of the stretch. */
  readonly until: number
}

/** That a thing changed, for the last time in the stretch. */
export interface LastChange {
  readonly seq: number
  readonly objectId: string
}

/** Reads up to `limit` changed things, each once at its last change in the range, in the order of those. */
export async function readLastChanges(db: Db, range: ChangeRange, limit: number): Promise<LastChange[]> {
  const rows = await db
    .selectFrom('outbox as change')
    .select(['change.seq', 'change.object_id'])
    .where('change.tenant_id', '=', range.tenantId)
    .where('change.resource', '=', range.resource)
    .where('change.seq', '>', range.after)
    .where('change.seq', '<=', range.until)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('outbox as later')
            .select('later.seq')
            .where('later.tenant_id', '=', range.tenantId)
            .where('later.resource', '=', range.resource)
            .whereRef('later.object_id', '=', 'change.object_id')
            .whereRef('later.seq', '>', 'change.seq')
            .where('later.seq', '<=', range.until),
        ),
      ),
    )
    .orderBy('change.seq')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ seq: row.seq, objectId: row.object_id }))
}

/** One change as the outbox has it. */
export interface ChangeEvent {
  readonly seq: number
  readonly change: string
  readonly objectId: string
}

/** Reads up to `limit` changes of a range, in order, every one of them. */
export async function readChangeEvents(db: Db, range: ChangeRange, limit: number): Promise<ChangeEvent[]> {
  const rows = await db
    .selectFrom('outbox')
    .select(['seq', 'change', 'object_id'])
    .where('tenant_id', '=', range.tenantId)
    .where('resource', '=', range.resource)
    .where('seq', '>', range.after)
    .where('seq', '<=', range.until)
    .orderBy('seq')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ seq: row.seq, change: row.change, objectId: row.object_id }))
}

const highestNumber = prepareOnce((db, tenantId: string) =>
  db
    .selectFrom('outbox')
    .select((eb) => eb.fn.max('seq').as('seq'))
    .where('tenant_id', '=', tenantId),
)

/**
 * A number that rises with every visible change of a tenant; equal numbers mean that nothing changed in between. Null on PostgreSQL, where
 * a transaction may commit after one that drew a higher number, so that the highest says nothing.
 */
export async function readChangeMark(store: Store, tenantId: string): Promise<number | null> {
  if (store.dialect !== 'sqlite') return null
  const [row] = await highestNumber(store.read, tenantId)
  return Number(row?.seq ?? 0)
}

/** One change of whatever kind, as those who watch hear of it. */
export interface FeedChange {
  readonly seq: number
  readonly tenantId: string
  readonly at: string
  readonly change: string
  readonly resource: string
  readonly objectId: string
  /** Who made it: the id of a person, an application, an agent or a component; null where that was not noted. */
  readonly actorId: string | null
}

/** Reads up to `limit` changes of a range in order, of some tenants or of all. */
export async function listFeedChanges(
  db: Db,
  range: { readonly after: number; readonly until: number; readonly tenantIds?: readonly string[] },
  limit: number,
): Promise<FeedChange[]> {
  const all = db.selectFrom('outbox').selectAll().where('seq', '>', range.after).where('seq', '<=', range.until)
  const rows = await (range.tenantIds === undefined ? all : all.where('tenant_id', 'in', range.tenantIds))
    .orderBy('seq')
    .limit(limit)
    .execute()
  return rows.map(({ seq, tenant_id: tenantId, at, change, resource, object_id: objectId, actor_id: actorId }) => ({
    seq: Number(seq),
    tenantId,
    at,
    change,
    resource,
    objectId,
    actorId,
  }))
}

/** The lowest number that is still kept; 0 when nothing is. */
export async function readOldestSequence(db: Db): Promise<number> {
  const row = await db
    .selectFrom('outbox')
    .select((eb) => eb.fn.min('seq').as('oldest'))
    .executeTakeFirst()
  return Number(row?.oldest ?? 0)
}
