import { canonicalEntry, hashEntry } from '../store/audit-entry.ts'
import { listAuditEntries } from '../store/audit-log.ts'
import type { Db } from '../store/db.ts'
import type { AuditRow } from '../store/schema.ts'
import type { Checkpoint } from './checkpoint.ts'
import { createVerifier, type LogReport, type Verifier } from './verify.ts'

const pageSize = 1_000

/** Every entry of a log in order, each with the hash of the one before it. */
export async function* readLog(
  db: Db,
  tenantId: string,
): AsyncGenerator<{ readonly row: AuditRow; readonly previous: string | null }> {
  let previous: string | null = null
  for (let after = 0; ; ) {
    const rows = await listAuditEntries(db, tenantId, after, pageSize)
    for (const row of rows) {
      yield { row, previous }
      previous = row.hash
    }
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.seq
  }
}

/**
 * An entry as a line of an export: the very bytes its hash is over. So SHA-256 over 0x00 and the line is the entry's leaf in the tree and
 * the `previous` of the next line.
 */
export function writeLine(row: AuditRow, previous: string | null): string {
  return canonicalEntry(row, previous)
}

/**
 * Verifies an exported log without its database.
 * @param lines as {@link writeLine} writes them, of one tenant or several
 * @throws Error naming the line, when one is no entry
 */
export async function verifyLines(
  lines: AsyncIterable<string>,
  checkpoints: readonly Checkpoint[],
): Promise<LogReport[]> {
  const verifiers = new Map<string, Verifier>()
  let number = 0
  for await (const line of lines) {
    number += 1
    const read = readLine(line)
    if (read === null) throw new Error(`line ${number} is no entry of an audit log`)
    const { tenant_id: tenantId } = read.row
    const verifier = verifiers.get(tenantId) ?? createVerifier(tenantId, checkpointsOf(checkpoints, tenantId))
    verifiers.set(tenantId, verifier)
    verifier.take(read.row, read.previous)
  }
  return [...verifiers.values()].map((verifier) => verifier.end(undefined))
}

/** The checkpoints of one log. */
export function checkpointsOf(checkpoints: readonly Checkpoint[], tenantId: string): Checkpoint[] {
  return checkpoints.filter((checkpoint) => checkpoint.tenantId === tenantId)
}

function readLine(line: string): { row: AuditRow; previous: string | null } | null {
  const value = parseObject(line)
  if (value === null || !isText(value.tenantId) || typeof value.seq !== 'number') return null
  const text = (name: string): string => {
    const found = value[name]
    return isText(found) ? found : ''
  }
  const textOrNull = (name: string): string | null => (value[name] === null ? null : text(name))
  const row: AuditRow = {
    tenant_id: value.tenantId,
    seq: value.seq,
    at: text('time'),
    actor_id: text('actorId'),
    actor_kind: text('actorKind'),
    actor_name: text('actorName'),
    action: text('action'),
    object_type: text('objectType'),
    object_id: text('objectId'),
    decision: text('decision'),
    code: textOrNull('code'),
    reason: textOrNull('reason'),
    request_id: textOrNull('requestId'),
    client_request_id: textOrNull('clientRequestId'),
    before_digest: textOrNull('beforeDigest'),
    after_digest: textOrNull('afterDigest'),
    details: textOrNull('details'),
    // Of the line as it stands: one that spells the same entry differently does not fit.
    hash: hashEntry(line),
  }
  return { row, previous: textOrNull('previous') }
}

function parseObject(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null
  } catch (cause) {
    if (cause instanceof SyntaxError) return null
    throw cause
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
