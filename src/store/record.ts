import { createHash } from 'node:crypto'
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
 * change, so that none of them can exist without the others.
 * @throws whatever the database throws; the transaction then rolls back and nothing happened
 */
export async function recordChange(tx: Tx, recorded: Recorded): Promise<void> {
  const entries = 'action' in recorded.audit ? [recorded.audit] : recorded.audit
  for (const entry of entries) await insertAudit(tx, recorded, entry)
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

async function insertAudit(tx: Tx, recorded: Recorded, entry: AuditEntry): Promise<void> {
  const { actor } = recorded
  await tx
    .insertInto('audit')
    .values({
      tenant_id: actor.tenantId,
      at: recorded.at,
      actor_id: actor.id,
      actor_kind: actor.kind,
      actor_name: actor.name,
      action: entry.action,
      object_type: entry.objectType,
      object_id: entry.objectId,
      decision: entry.decision,
      code: entry.code ?? null,
      reason: entry.reason ?? null,
      request_id: actor.requestId ?? null,
      client_request_id: actor.clientRequestId ?? null,
      before_digest: digestOf(entry.before),
      after_digest: digestOf(entry.after),
      details: entry.details === undefined ? null : JSON.stringify(entry.details),
    })
    .execute()
}

function digestOf(value: unknown): string | null {
  if (value === undefined) return null
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return createHash('sha256').update(text).digest('hex')
}

/** Splits a list so that one statement stays below the databases' parameter limits. */
export function* chunksOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}
