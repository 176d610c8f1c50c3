import { hash } from 'node:crypto'
import type { AuditRow } from './schema.ts'

// What an audit entry is as bytes, stated once: the writer hashes these bytes, the verifier makes them again from the stored columns, and
// an export holds them, one entry a line.

/** An entry as it stands in its row, without its hash. */
export type AuditContent = Omit<AuditRow, 'hash'>

/** The spelling of an entry around the two things that follow from its place: the hash before it and its number. */
export interface EntrySpelling {
  readonly untilPrevious: string
  readonly untilSeq: string
  readonly rest: string
}

/**
 * The one spelling of an entry: JSON after RFC 8785 (members in the order of their names, no spaces) of all its columns, every member
 * always there, and `previous`: the hash of the entry before it, null for a tenant's first. `details` is text that holds JSON, so that it
 * is hashed byte for byte as it is stored. The names are fixed, hence their order can stand here.
 * @source RFC 8785 section 3.2
 */
export function spellEntry(entry: Omit<AuditContent, 'seq'>): EntrySpelling {
  const first = JSON.stringify({
    action: entry.action,
    actorId: entry.actor_id,
    actorKind: entry.actor_kind,
    actorName: entry.actor_name,
    afterDigest: entry.after_digest,
    beforeDigest: entry.before_digest,
    clientRequestId: entry.client_request_id,
    code: entry.code,
    decision: entry.decision,
    details: entry.details,
    objectId: entry.object_id,
    objectType: entry.object_type,
  })
  const middle = JSON.stringify({ reason: entry.reason, requestId: entry.request_id })
  const last = JSON.stringify({ tenantId: entry.tenant_id, time: entry.at, version: 1 })
  return {
    untilPrevious: `${first.slice(0, -1)},"previous":`,
    untilSeq: `,${middle.slice(1, -1)},"seq":`,
    rest: `,${last.slice(1)}`,
  }
}

/** The whole spelling of an entry in its place; see {@link spellEntry}. */
export function canonicalEntry(entry: AuditContent, previous: string | null): string {
  const { untilPrevious, untilSeq, rest } = spellEntry(entry)
  return `${untilPrevious}${previous === null ? 'null' : `"${previous}"`}${untilSeq}${entry.seq}${rest}`
}

/**
 * An entry's hash: that of a leaf of the log's Merkle tree, which makes the chain and the tree one.
 * @returns 64 lower-case hexadecimal digits
 * @source RFC 6962 section 2.1: SHA-256 over 0x00 and the entry
 */
export function hashEntry(canonical: string): string {
  return hash('sha256', `\0${canonical}`, 'hex')
}

/**
 * Text in a form that every database gives back byte for byte. NUL and lone surrogates, which a database refuses or replaces, become a
 * question mark; so does U+FFFD, which therefore never stands in an entry unless somebody broke one.
 */
export function storableText(text: string): string {
  if (text.isWellFormed() && !text.includes('\0') && !text.includes('\ufffd')) return text
  return text.toWellFormed().replaceAll(/[\0\ufffd]/g, '?')
}
