import { CordonError } from '../../../model/errors.ts'
import type { Store } from '../../../store/db.ts'
import { readIncident } from '../../../store/incidents.ts'
import { listJoins } from '../../../store/intake.ts'
import type { AlertJoinRow } from '../../../store/schema.ts'
import type { AuthorizedHandler } from '../../route.ts'

/** So many are enough for a person; further alerts stand in the incident for the like reasons. */
const maxListed = 1_000

/** GET /api/v1/incidents/{id}/joins: why each alert stands in the incident, newest first, 1,000 at most. */
export function listIncidentJoins(deps: { readonly store: Store }): AuthorizedHandler {
  return async (call) => {
    const id = call.params.id ?? ''
    const incident = await readIncident(deps.store.read, call.caller.tenantId, id)
    if (!incident) throw new CordonError('NotFound', `incidentId ${id.slice(0, 100)} not found`)
    const joins = await listJoins(deps.store.read, call.caller.tenantId, Number(incident.doc.id), maxListed)
    return { status: 200, body: JSON.stringify({ value: joins.map(show) }) }
  }
}

function show({ alert_id: alertId, rule, reason, joined_at: joinedAt }: AlertJoinRow): object {
  const stored: unknown = JSON.parse(reason)
  const text = typeof stored === 'object' && stored !== null && 'text' in stored ? stored.text : null
  return { alertId, rule, text: typeof text === 'string' ? text : null, reason: stored, joinedAt }
}
