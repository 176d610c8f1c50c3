import { CompiledQuery, sql } from 'kysely'
import { type AuditContent, canonicalEntry, hashEntry, spellEntry } from './audit-entry.ts'
import { compiledText, writeRows } from './bulk.ts'
import { beforeCommit, type Db, flushAfterCommit, isReadOnly, mustHoldRows, type Store, type Tx } from './db.ts'
import type { AuditHeadRow, AuditRow } from './schema.ts'

// One log per tenant, so that tenants do not wait for each other and each can be shown, exported and verified by itself.
//
// An entry's number and hash follow from the entry before it, so appending takes turns: whoever appends holds the log's head until the
// commit. That is done last in the transaction, whatever was recorded when, for two reasons. The turn lasts no longer than one insert and
// the commit. And nobody who holds the head waits for anything else, so turns cannot end in a deadlock. Numbers follow the order of
// commits and have no gaps: a transaction that is rolled back takes its number with it.
//
// Numbering later, by a process of its own, would let transactions commit side by side; but until it came by, an entry could be taken out
// without a trace, and a log read in between would lack its end.

/** An entry before it has its place. */
export type NewAuditEntry = Omit<AuditContent, 'seq'>

const pending = new WeakMap<Tx, NewAuditEntry[]>()

/** Appends entries to their tenants' logs when the transaction ends; what fails then undoes the transaction (ServiceUnavailable). */
export function appendAudit(tx: Tx, entries: readonly NewAuditEntry[]): void {
  if (entries.length === 0) return
  const known = pending.get(tx)
  if (known) {
    for (const entry of entries) known.push(entry)
    return
  }
  const collected = [...entries]
  pending.set(tx, collected)
  beforeCommit(tx, () => sealEntries(tx, collected))
}

async function sealEntries(tx: Tx, entries: readonly NewAuditEntry[]): Promise<void> {
  // In the order of their names: two transactions that append to the same two logs must not each wait for the other.
  const tenants = [...new Set(entries.map((entry) => entry.tenant_id))].sort()
  for (const tenantId of tenants) {
    const own = tenants.length === 1 ? entries : entries.filter((entry) => entry.tenant_id === tenantId)
    await sealLog(tx, tenantId, own)
  }
}

async function sealLog(tx: Tx, tenantId: string, entries: readonly NewAuditEntry[]): Promise<void> {
  const [first, ...others] = entries
  if (first !== undefined && others.length === 0 && (await sealOnServer(tx, first))) return
  let head = await holdHead(tx, tenantId)
  const rows: AuditRow[] = []
  for (const entry of entries) {
    const content = { ...entry, seq: head.size + 1 }
    const hash = hashEntry(canonicalEntry(content, head.size === 0 ? null : head.hash))
    rows.push({ ...content, hash })
    head = { tenant_id: tenantId, size: content.seq, hash }
  }
  await writeRows(tx, 'audit', rows)
  await writeRows(tx, 'audit_heads', [head], ['tenant_id'])
}

/**
 * Appends one entry, nearly every transaction's only one, in one statement: on PostgreSQL, where others wait meanwhile, each further one
 * would make them wait for the network again. The database makes the same hash of the same bytes.
 * @returns false when the log has no head yet, or the database is another one
 */
async function sealOnServer(tx: Tx, entry: NewAuditEntry): Promise<boolean> {
  if (!mustHoldRows(tx)) return false
  const flush = flushAfterCommit(tx)
  const columns = Object.keys(entry)
  const text = compiledText(tx, `append audit ${columns.join()}`, () => {
    const previous = sql`case size when 0 then 'null' else '"' || hash || '"' end`
    const spelling = sql`${null}::text || ${previous} || ${null}::text || (size + 1)::text || ${null}::text`
    const values = sql.join(columns.map(() => sql`${null}::text`))
    return sql`
      with head as (
        update audit_heads
        set size = size + 1, hash = encode(sha256('\\x00'::bytea || convert_to(${spelling}, 'UTF8')), 'hex')
        where tenant_id = ${null}
        returning size, hash, ${flush}
      )
      insert into audit (${sql.join(columns.map((column) => sql.ref(column)))}, seq, hash)
      select ${values}, size, hash from head
    `
  })
  const { untilPrevious, untilSeq, rest } = spellEntry(entry)
  const parameters = [untilPrevious, untilSeq, rest, entry.tenant_id, ...Object.values(entry)]
  return (await tx.executeQuery(CompiledQuery.raw(text, parameters))).numAffectedRows === 1n
}

/** Reads the head of a log and keeps others from appending until the transaction ends. */
async function holdHead(tx: Tx, tenantId: string): Promise<AuditHeadRow> {
  const found = await selectHead(tx, tenantId)
  if (found) return found
  const first = { tenant_id: tenantId, size: 0, hash: '' }
  await tx
    .insertInto('audit_heads')
    .values(first)
    .onConflict((conflict) => conflict.column('tenant_id').doNothing())
    .execute()
  // Another transaction may have begun the same log meanwhile.
  return (await selectHead(tx, tenantId)) ?? first
}

/** Compiled once: this runs in every transaction that changes something. */
async function selectHead(tx: Tx, tenantId: string): Promise<AuditHeadRow | undefined> {
  const flush = mustHoldRows(tx) ? flushAfterCommit(tx) : null
  const text = compiledText(tx, 'hold audit head', () => {
    const columns = sql`tenant_id, size, hash`
    return flush === null
      ? sql`select ${columns} from audit_heads where tenant_id = ${null}`
      : sql`select ${columns}, ${flush} from audit_heads where tenant_id = ${null} for update`
  })
  return (await tx.executeQuery<AuditHeadRow>(CompiledQuery.raw(text, [tenantId]))).rows[0]
}

/**
 * Whether entries can be appended at all.
 * @throws whatever the database throws when it cannot be written for another reason
 */
export async function takesEntries(store: Pick<Store, 'transaction'>): Promise<boolean> {
  try {
    await store.transaction((tx) =>
      tx
        .updateTable('audit_heads')
        .set((eb) => ({ size: eb.ref('size') }))
        .where((eb) => eb.lit(false))
        .execute(),
    )
    return true
  } catch (cause) {
    if (isReadOnly(cause)) return false
    throw cause
  }
}

/** Where every log ends, or those of one tenant. */
export async function listAuditHeads(db: Db, tenantId?: string): Promise<AuditHeadRow[]> {
  const all = db.selectFrom('audit_heads').selectAll().orderBy('tenant_id')
  return (tenantId === undefined ? all : all.where('tenant_id', '=', tenantId)).execute()
}

/** Tenants that have entries, whatever the heads say. */
export async function listAuditTenants(db: Db): Promise<string[]> {
  const rows = await db.selectFrom('audit').select('tenant_id').distinct().orderBy('tenant_id').execute()
  return rows.map((row) => row.tenant_id)
}

/** Up to `limit` entries of a log after number `after`, in order. */
export function listAuditEntries(db: Db, tenantId: string, after: number, limit: number): Promise<AuditRow[]> {
  return db
    .selectFrom('audit')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(limit)
    .execute()
}

/** What a page of the log is narrowed to. */
export interface AuditFilter {
  readonly objectType?: string
  readonly objectId?: string
  readonly actorId?: string
  readonly action?: string
  readonly decision?: string
  /** 7-digit instants, the first included, the second not. */
  readonly from?: string
  readonly to?: string
}

/** A page of the log, newest first. */
export interface AuditPage {
  readonly entries: readonly AuditRow[]
  /** Continue below this number; null when the log has been read to its beginning. */
  readonly before: number | null
}

/** Entries looked at for one page: a filter that fits few of them gives short pages instead of holding up others. */
const scannedPerPage = 5_000

/** Reads up to `limit` entries below number `before` that fit the filter; the history of one object comes by its index. */
export async function pageAudit(
  db: Db,
  tenantId: string,
  filter: AuditFilter,
  before: number | null,
  limit: number,
): Promise<AuditPage> {
  const newest = before ?? ((await listAuditHeads(db, tenantId))[0]?.size ?? 0) + 1
  const isIndexed = filter.objectType !== undefined && filter.objectId !== undefined
  const lowest = isIndexed ? 0 : Math.max(0, newest - 1 - scannedPerPage)
  let query = db
    .selectFrom('audit')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('seq', '<', newest)
    .where('seq', '>', lowest)
  for (const [name, value] of Object.entries(filter)) {
    const [column, operator] = filterColumns[name as keyof AuditFilter]
    query = query.where(column, operator, value)
  }
  const entries = await query.orderBy('seq', 'desc').limit(limit).execute()
  const last = entries.at(-1)
  const next = entries.length === limit && last ? last.seq : lowest + 1
  return { entries, before: next > 1 ? next : null }
}

const filterColumns = {
  objectType: ['object_type', '='],
  objectId: ['object_id', '='],
  actorId: ['actor_id', '='],
  action: ['action', '='],
  decision: ['decision', '='],
  from: ['at', '>='],
  to: ['at', '<'],
} as const satisfies Readonly<Record<keyof AuditFilter, readonly [keyof AuditRow, '=' | '>=' | '<']>>
