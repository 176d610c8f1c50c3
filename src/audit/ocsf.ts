import { msOf } from '../io/clock.ts'
import type { AuditRow } from '../store/schema.ts'

/** The version of the schema whose classes and attributes are used. */
export const ocsfVersion = '1.6.0'

const activities = { create: 1, read: 2, update: 3, delete: 4, other: 99 } as const
type Activity = keyof typeof activities

/**
 * An audit entry as an OCSF event. What was asked of the API and refused is API Activity (6003), because nothing else came of it; every
 * other entry is Entity Management (3004): somebody did something to a thing. What OCSF has no attribute for stands in `unmapped`.
 * @source OCSF schema 1.6.0: classes api_activity and entity_management
 */
export function toOcsf(row: AuditRow): object {
  const isRefused = row.decision === 'refused'
  const isCall = row.object_type === 'request' || row.object_type === 'access'
  const activity = activityOf(row.action)
  const [categoryUid, classUid] = isCall ? [6, 6003] : [3, 3004]
  const activityId = activities[activity]
  return {
    category_uid: categoryUid,
    class_uid: classUid,
    activity_id: activityId,
    ...(activity === 'other' ? { activity_name: row.action } : {}),
    type_uid: classUid * 100 + activityId,
    time: msOf(row.at),
    // Informational, or low for what was refused.
    severity_id: isRefused ? 2 : 1,
    status_id: isRefused ? 2 : 1,
    ...(row.code === null ? {} : { status_code: row.code }),
    ...(row.reason === null ? {} : { status_detail: row.reason }),
    message: `${row.actor_name}: ${row.action} ${row.object_type} ${row.object_id}`.trimEnd(),
    metadata: {
      version: ocsfVersion,
      product: { name: 'Cordon', vendor_name: 'Cordon' },
      log_name: 'audit',
      uid: row.hash,
      sequence: row.seq,
      event_code: row.action,
      original_time: row.at,
      tenant_uid: row.tenant_id,
      ...(row.client_request_id === null ? {} : { correlation_uid: row.client_request_id }),
    },
    actor: actorOf(row),
    ...(isCall ? callOf(row) : { entity: { type: row.object_type, uid: row.object_id } }),
    unmapped: {
      request_id: row.request_id,
      before_digest: row.before_digest,
      after_digest: row.after_digest,
      details: row.details,
    },
  }
}

function actorOf(row: AuditRow): object {
  if (row.actor_kind === 'user') return { user: { uid: row.actor_id, name: row.actor_name, type_id: 1 } }
  return { app_uid: row.actor_id, app_name: row.actor_name }
}

function callOf(row: AuditRow): object {
  const address = addressOf(row.details)
  return {
    api: {
      operation: row.action,
      ...(row.request_id === null ? {} : { request: { uid: row.request_id } }),
      ...(row.code === null ? {} : { response: { error: row.code } }),
    },
    src_endpoint: address === null ? { svc_name: row.actor_name } : { ip: address },
    ...(row.object_id === '' ? {} : { resources: [{ uid: row.object_id }] }),
  }
}

/** Refused sign-ins carry the address they came from. */
function addressOf(details: string | null): string | null {
  const value: unknown = details === null ? null : JSON.parse(details)
  if (typeof value !== 'object' || value === null || !('address' in value)) return null
  return typeof value.address === 'string' ? value.address : null
}

/** By the verb that actions begin with, and by method for requests. */
function activityOf(action: string): Activity {
  const method = /^(GET|POST|PATCH|PUT|DELETE) /.exec(action)?.[1]
  if (method === 'GET') return 'read'
  if (method === 'POST') return 'create'
  if (method === 'DELETE') return 'delete'
  if (method !== undefined) return 'update'
  const verb = /^(?:\w+\.)?([a-z]+)/.exec(action)?.[1] ?? ''
  if (/^(create|add|open|ingest|enroll|enrol|plan|propose|queue)$/.test(verb)) return 'create'
  if (/^(update|change|set|edit|merge|move|resolve|settle|rotate|renew|disable|revoke)$/.test(verb)) return 'update'
  if (/^(delete|remove|cancel|expire|end)$/.test(verb)) return 'delete'
  return 'other'
}
