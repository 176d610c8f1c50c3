import { canonicalEntry, hashEntry } from '../store/audit-entry.ts'
import { listAuditEntries, listAuditHeads } from '../store/audit-log.ts'
import type { Db } from '../store/db.ts'
import type { AuditHeadRow, AuditRow } from '../store/schema.ts'
import type { Checkpoint } from './checkpoint.ts'
import { type GrowingTree, growTree } from './merkle.ts'

/** Something that does not fit. */
export interface Finding {
  /**
   * `changed`: an entry is not what was written. `missing`: numbers are left out. `misplaced`: a number comes twice or too late.
   * `truncated`: the log ends before entries that a checkpoint or its own head knows. `unexpected`: entries beyond the head. `head`: the
   * head names another last entry. `checkpoint`: up to the checkpoint's size the log is another one than it was when that was signed.
   */
  readonly kind: 'changed' | 'missing' | 'misplaced' | 'truncated' | 'unexpected' | 'head' | 'checkpoint'
  /** The first entry it is about. */
  readonly seq: number
  readonly detail: string
}

/** What a look at one log found. */
export interface LogReport {
  readonly tenantId: string
  readonly entries: number
  /** Checkpoints it was compared with. */
  readonly checkpoints: number
  /** Entries 1 to this number are what they were when a checkpoint was signed. */
  readonly coveredTo: number
  /** Root of the tree over all entries, in base64. */
  readonly root: string
  /** The first {@link maxFindings} of them; none means that the log holds. */
  readonly findings: readonly Finding[]
}

/** After so many a log is broken enough. */
export const maxFindings = 50

/** Looks at a log entry by entry. */
export interface Verifier {
  /**
   * The next entry, in the order the log gives them. Its values are what the database holds, whatever the type says.
   * @param claimed the hash of the entry before it as an export states it; a database does not
   */
  take(row: AuditRow, claimed?: string | null): void
  /** No further entry. @param head of the log; null when it has none, undefined when nobody knows */
  end(head: AuditHeadRow | null | undefined): LogReport
}

/** Begins to look at a log. @param checkpoints of this log, whose signatures are good; in any order */
export function createVerifier(tenantId: string, checkpoints: readonly Checkpoint[]): Verifier {
  const waiting = checkpoints.toSorted((a, b) => a.size - b.size)
  const findings: Finding[] = []
  let tree: GrowingTree | null = growTree()
  let last = 0
  let entries = 0
  let coveredTo = 0
  /** The hash of the entry before; undefined after a gap. */
  let previous: string | null | undefined = null

  const find = (kind: Finding['kind'], seq: number, detail: string): void => {
    if (findings.length < maxFindings) findings.push({ kind, seq, detail })
  }
  const compareRoots = (): void => {
    for (let next = waiting[0]; next && tree && next.size <= tree.size; next = waiting[0]) {
      waiting.shift()
      if (next.size < tree.size) continue
      if (tree.root().equals(next.root)) coveredTo = next.size
      else find('checkpoint', coveredTo + 1, describeMismatch(coveredTo, next.size))
    }
  }
  compareRoots()
  return {
    take: (row, claimed) => {
      entries += 1
      const expected = last + 1
      if (!Number.isSafeInteger(row.seq) || row.seq < expected) {
        find('misplaced', expected, `an entry numbered ${String(row.seq)} stands where ${expected} was expected`)
        tree = null
        return
      }
      if (row.seq > expected) {
        find('missing', expected, describeRange(expected, row.seq - 1, 'missing'))
        tree = null
        previous = undefined
      }
      if (claimed !== undefined) {
        if (previous !== undefined && claimed !== previous) find('changed', last, 'is not the one its successor names')
        previous = claimed
      }
      const hash = previous === undefined ? null : hashRow(tenantId, row, previous)
      if (previous !== undefined && hash !== row.hash) find('changed', row.seq, 'is not what was written')
      last = row.seq
      previous = row.hash
      tree?.push(Buffer.from(hash ?? '', 'hex'))
      compareRoots()
    },
    end: (head) => {
      const beyond = tree === null ? undefined : waiting.at(-1)
      if (beyond)
        find('truncated', last + 1, `${describeRange(last + 1, beyond.size, 'gone')}; a checkpoint knows them`)
      if (head !== undefined) compareHead(find, head, last, previous ?? null)
      const root = (tree ?? growTree()).root().toString('base64')
      return { tenantId, entries, checkpoints: checkpoints.length, coveredTo, root, findings }
    },
  }
}

function compareHead(
  find: (kind: Finding['kind'], seq: number, detail: string) => void,
  head: AuditHeadRow | null,
  last: number,
  lastHash: string | null,
): void {
  const size = head?.size ?? 0
  if (size > last)
    find('truncated', last + 1, `${describeRange(last + 1, size, 'gone')}; the head of the log knows them`)
  else if (size < last) find('unexpected', size + 1, `the head of the log ends at ${size}`)
  else if (head !== null && size > 0 && head.hash !== lastHash)
    find('head', last, 'the head of the log names another one')
}

/** The hash an entry should have; null when its values are not even of the right types. */
export function hashRow(tenantId: string, row: AuditRow, previous: string | null): string | null {
  for (const [column, mayBeNull] of columns) {
    const value: unknown = row[column]
    if (typeof value !== 'string' && !(mayBeNull && value === null)) return null
  }
  // Of a log only whole entries are looked at: one of another tenant's is changed, whatever its hash.
  if (row.tenant_id !== tenantId) return null
  const canonical = canonicalEntry(row, previous)
  // Never written (see storableText): it stands for bytes that are no text.
  return canonical.includes('\ufffd') ? null : hashEntry(canonical)
}

const columns: readonly (readonly [column: keyof AuditRow, mayBeNull: boolean])[] = [
  ['tenant_id', false],
  ['at', false],
  ['actor_id', false],
  ['actor_kind', false],
  ['actor_name', false],
  ['action', false],
  ['object_type', false],
  ['object_id', false],
  ['decision', false],
  ['code', true],
  ['reason', true],
  ['request_id', true],
  ['client_request_id', true],
  ['before_digest', true],
  ['after_digest', true],
  ['details', true],
  ['hash', false],
]

function describeMismatch(coveredTo: number, size: number): string {
  return `of the entries ${coveredTo + 1} to ${size} at least one is not what a checkpoint of ${size} entries was signed over`
}

function describeRange(first: number, last: number, what: string): string {
  return first === last ? `entry ${first} is ${what}` : `entries ${first} to ${last} are ${what}`
}

const pageSize = 5_000

/**
 * Verifies a tenant's log in the database, also while others append to it: entries, order, completeness and the end, against the given
 * checkpoints.
 */
export async function verifyLog(db: Db, tenantId: string, checkpoints: readonly Checkpoint[]): Promise<LogReport> {
  const verifier = createVerifier(tenantId, checkpoints)
  let after = 0
  const readOn = async (): Promise<boolean> => {
    const rows = await listAuditEntries(db, tenantId, after, pageSize)
    for (const row of rows) verifier.take(row)
    after = rows.at(-1)?.seq ?? after
    return rows.length > 0
  }
  for (;;) {
    while (await readOn());
    // Read after the entries, so that it knows at least those; what it knows beyond them has come since, or is gone.
    const [head] = await listAuditHeads(db, tenantId)
    if (!(await readOn())) return verifier.end(head ?? null)
  }
}
