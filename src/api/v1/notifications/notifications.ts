import { CordonError } from '../../../model/errors.ts'
import { escalationPolicy, personSettings } from '../../../model/notices/settings.ts'
import {
  type PreferenceDeps,
  readEscalationPolicy,
  readOwnSettings,
  type Versioned,
  writeEscalationPolicy,
  writeOwnSettings,
} from '../../../notify/people/preferences.ts'
import { listUsers } from '../../../store/access.ts'
import { listDeliveries } from '../../../store/deliveries.ts'
import type { DeliveryRow } from '../../../store/schema-people.ts'
import { readAcceptedVersions } from '../../graph/precondition.ts'
import type { Answer, AuthorizedCall, AuthorizedHandler } from '../../route.ts'
import { readFields } from '../read-fields.ts'

const maxDeliveries = 200

/** GET /api/v1/notifications/settings: how the caller wants to be told. */
export function getNotificationSettings(deps: PreferenceDeps): AuthorizedHandler {
  return async (call) => answerVersioned(await readOwnSettings(deps.store.read, call.caller))
}

/** PUT /api/v1/notifications/settings: sets it. If-Match is required: `*` for any. */
export function replaceNotificationSettings(deps: PreferenceDeps): AuthorizedHandler {
  return async (call) => {
    const accepted = requireAccepted(call)
    return answerVersioned(await writeOwnSettings(deps, call.caller, readFields(personSettings, call.body), accepted))
  }
}

/** GET /api/v1/notifications/escalation: what happens when nobody acknowledges. */
export function getEscalation(deps: PreferenceDeps): AuthorizedHandler {
  return async (call) => {
    const { policy: value, ...rest } = await readEscalationPolicy(deps.store.read, call.caller.tenantId)
    return answerVersioned({ value, ...rest })
  }
}

/** PUT /api/v1/notifications/escalation: sets it. If-Match is required: `*` for any. */
export function replaceEscalation(deps: PreferenceDeps): AuthorizedHandler {
  return async (call) => {
    const accepted = requireAccepted(call)
    const wanted = readFields(escalationPolicy, call.body)
    const { policy: value, ...rest } = await writeEscalationPolicy(deps, call.caller, wanted, accepted)
    return answerVersioned({ value, ...rest })
  }
}

/** GET /api/v1/notifications/people: whom an escalation can name. */
export function listNotificationPeople(deps: PreferenceDeps): AuthorizedHandler {
  return async (call) => {
    const users = await listUsers(deps.store.read, call.caller.tenantId)
    const value = users.filter((user) => user.disabled_at === null).map(({ id, name, role }) => ({ id, name, role }))
    return { status: 200, body: JSON.stringify({ value }) }
  }
}

/** GET /api/v1/notifications/deliveries: the newest messages of the tenant, and what became of them. */
export function listNotificationDeliveries(deps: PreferenceDeps): AuthorizedHandler {
  return async (call) => {
    const rows = await listDeliveries(deps.store.read, call.caller.tenantId, maxDeliveries)
    return { status: 200, body: JSON.stringify({ value: rows.map(showDelivery) }) }
  }
}

function showDelivery(row: DeliveryRow): object {
  return {
    id: row.id,
    channelId: row.connector_id,
    personId: row.recipient === '' ? null : row.recipient,
    event: row.event,
    incidentId: String(row.incident_id),
    state: row.state,
    attempts: row.attempts,
    lastError: row.last_error,
    createdDateTime: row.created_at,
    finishedDateTime: row.finished_at,
  }
}

function requireAccepted(call: AuthorizedCall): readonly number[] | null {
  if (call.headers['if-match'] !== undefined) return readAcceptedVersions(call.headers)
  const text = 'Send If-Match with the ETag of what you have read, or * to replace any.'
  throw new CordonError('BadRequest', text, { target: 'If-Match' })
}

function answerVersioned<T extends object>({ value, version, at }: Versioned<T>): Answer {
  const body = JSON.stringify({ ...value, version, lastModifiedDateTime: at })
  return { status: 200, body, headers: { ETag: `W/"${version}"` } }
}
