import { hash } from 'node:crypto'
import { storableText } from './audit-entry.ts'
import { appendAudit, type NewAuditEntry } from './audit-log.ts'
import { noteJobs, type Tx } from './db.ts'
import { insertJob, type NewJob } from './jobs.ts'

/** Who did something: a person, an application, an agent or Cordon itself. */
export interface Actor {
  readonly tenantId: string
  readonly id: string
  readonly kind: 'application' | 'user' | 'agent' | 'system'
  /** Shown to people: `API-App:<name>` for applications, the user's name, the component's name for the system. */
  readonly name: string
  /** Ids of the request that caused the change; absent for background work. */
  readonly requestId?: string
  readonly clientRequestId?: string
  /** When a person proved who they are, milliseconds since 1970; absent for programs and where only an outside issuer knows. */
  readonly signedInAtMs?: number
}

/** An audit entry before it is written. */
export interface AuditEntry {
  readonly action: string
  readonly objectType: string
  readonly objectId: string
  readonly decision: 'allowed' | 'refused'
  readonly code?: string
  readonly reason?: string
  /** Entity before and after as stored; only their SHA-256 digests go into the log, never personal data. */
  readonly before?: unknown
  readonly after?: unknown
  readonly details?: Readonly<Record<string, unknown>>
}

/** An event for subscribers and the live portal. */
export interface OutgoingEvent {
  readonly change: 'created' | 'updated' | 'deleted'
  readonly resource: 'incident' | 'alert' | 'incidentTask' | 'execution' | 'agent'
  readonly objectId: string
}

/** Everything that must commit together with a visible change. */
export interface Recorded {
  readonly at: string
  readonly actor: Actor
  readonly audit: AuditEntry | readonly AuditEntry[]
  readonly events?: readonly OutgoingEvent[]
  readonly jobs?: readonly NewJob[]
}

/**
 * The one door of a visible change: writes its audit entries, outgoing events and follow-up jobs into the transaction that made the
 * change, so that none of them can exist without the others. The entries are appended when the transaction ends; see audit-log.ts.
 * @throws whatever the database throws; the transaction then rolls back and nothing happened
 */
export async function recordChange(tx: Tx, recorded: Recorded): Promise<void> {
  const entries = 'action' in recorded.audit ? [recorded.audit] : recorded.audit
  appendAudit(
    tx,
    entries.map((entry) => toEntry(recorded, entry)),
  )
  if (recorded.events?.length) {
    for (const chunk of chunksOf(recorded.events, 500)) {
      await tx
        .insertInto('outbox')
        .values(
          chunk.map((event) => ({
            tenant_id: recorded.actor.tenantId,
            at: recorded.at,
            change: event.change,
            resource: event.resource,
            object_id: event.objectId,
            actor_id: storableText(recorded.actor.id),
          })),
        )
        .execute()
    }
  }
  if (recorded.jobs?.length) {
    for (const job of recorded.jobs) await insertJob(tx, recorded.actor.tenantId, recorded.at, job)
    noteJobs(tx)
  }
}

function toEntry({ at, actor }: Recorded, entry: AuditEntry): NewAuditEntry {
  return {
    tenant_id: actor.tenantId,
    at,
    actor_id: storableText(actor.id),
    actor_kind: actor.kind,
    actor_name: storableText(actor.name),
    action: storableText(entry.action),
    object_type: storableText(entry.objectType),
    object_id: storableText(entry.objectId),
    decision: entry.decision,
    code: storableOrNull(entry.code),
    reason: storableOrNull(entry.reason),
    request_id: storableOrNull(actor.requestId),
    client_request_id: storableOrNull(actor.clientRequestId),
    before_digest: digestOf(entry.before),
    after_digest: digestOf(entry.after),
    details: storableOrNull(JSON.stringify(entry.details)),
  }
}

function storableOrNull(text: string | undefined): string | null {
  return text === undefined ? null : storableText(text)
}

function digestOf(value: unknown): string | null {
  if (value === undefined) return null
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return hash('sha256', text, 'hex')
}

/** Splits a list so that one statement stays below the databases' parameter limits. */
export function* chunksOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}
