import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type Checkpoint, readCheckpoint, signCheckpoint } from '../../src/audit/checkpoint.ts'
import { growTree } from '../../src/audit/merkle.ts'
import { listAuditEntries, listAuditHeads } from '../../src/store/audit-log.ts'
import type { Store } from '../../src/store/db.ts'
import { recordChange } from '../../src/store/record.ts'
import type { AuditHeadRow, AuditRow } from '../../src/store/schema.ts'
import { actor, at, tenant } from '../store/given.ts'

/** A log as the database gives it. */
export interface Log {
  readonly rows: readonly AuditRow[]
  readonly head: AuditHeadRow | null
}

const texts = ['Erika Mustermann', 'Größe 𝒳', 'a "quoted" \\ text', '', 'x'.repeat(300), 'línea\nnueva', '日本語']

/** Writes `count` entries of every kind, some alone in their transaction, some together. */
export async function writeLog(store: Store, count: number, tenantId: string = tenant): Promise<void> {
  for (let next = 0; next < count; ) {
    const together = Math.min(count - next, next % 5 === 0 ? 3 : 1)
    const entries = Array.from({ length: together }, (_, index) => {
      const number = next + index
      const text = texts[number % texts.length] ?? ''
      return {
        action: 'updateIncident',
        objectType: 'incident',
        objectId: String(number),
        decision: number % 4 === 0 ? 'refused' : 'allowed',
        ...(number % 3 === 0 ? { code: 'Conflict', reason: text } : {}),
        ...(number % 2 === 0 ? { before: { number }, after: { number: number + 1 }, details: { text } } : {}),
      } as const
    })
    const someone = { ...actor, tenantId, name: texts[(next + 1) % texts.length] ?? '', requestId: `request-${next}` }
    const change = { at: at(next), actor: someone, audit: entries }
    await store.transaction((tx) => recordChange(tx, change))
    next += together
  }
}

/** Reads a whole log. */
export async function readLog(store: Store, tenantId: string = tenant): Promise<Log> {
  const [head] = await listAuditHeads(store.read, tenantId)
  return { rows: await listAuditEntries(store.read, tenantId, 0, 100_000), head: head ?? null }
}

/** A key of the tests' own. */
export const key: { readonly privateKey: KeyObject; readonly publicKey: KeyObject } = generateKeyPairSync('ed25519')

/** Signs the first `size` entries, and reads the note again. */
export function checkpointOf({ rows }: Log, size: number): Checkpoint {
  const tree = growTree()
  for (const row of rows.slice(0, size)) tree.push(Buffer.from(row.hash, 'hex'))
  const note = signCheckpoint({ tenantId: rows[0]?.tenant_id ?? tenant, size, root: tree.root() }, key.privateKey)
  const checkpoint = readCheckpoint(note, [key.publicKey])
  if (checkpoint === null) throw new Error('the signed checkpoint cannot be read')
  return checkpoint
}
