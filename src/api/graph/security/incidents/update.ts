import { CordonError } from '../../../../model/errors.ts'
import type { ReviewDeps } from '../../../../respond/review.ts'
import { changeIncident, type IncidentChange } from '../../../../respond/review-incident.ts'
import type { IncidentDoc } from '../../../../store/incidents.ts'
import { readPreferences } from '../../../odata/prefer.ts'
import type { ApiVersion } from '../../../odata/resource.ts'
import type { AuthorizedHandler } from '../../../route.ts'
import { readBodyEntity } from '../../body.ts'
import { answerEntity, findOrFail, type GraphDeps, wholeEntity } from '../../collection.ts'
import { incidents } from '../../collections.ts'
import { readAcceptedVersions } from '../../precondition.ts'

/**
 * PATCH /security/incidents/{id}: merge semantics, 200 with the whole incident.
 * @source design contract 4
 */
export function updateIncident(deps: GraphDeps & ReviewDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => {
    const preferences = readPreferences(call.headers.prefer)
    await findOrFail(deps, incidents, call)
    const change: IncidentChange = readBodyEntity('incident', call.body, 'patch', preferences)
    refuseStatus(change.status, call.caller.permissions.has('Cordon.Expert'))
    const id = call.params.id ?? ''
    await changeIncident(deps, call.caller, id, change, readAcceptedVersions(call.headers))
    if (preferences.return === 'minimal') {
      return { status: 204, headers: { 'Preference-Applied': 'return=minimal' } }
    }
    const record = await findOrFail(deps, incidents, call)
    return answerEntity(deps, version, incidents, call, { record, query: wholeEntity, preferences, status: 200 })
  }
}

/** awaitingAction says "the customer must act", which only an expert may say. */
function refuseStatus(status: IncidentDoc['status'] | undefined, isExpert: boolean): void {
  if (status === 'awaitingAction' && !isExpert) {
    throw new CordonError('Forbidden', 'Only an expert may set status to awaitingAction.', { target: 'status' })
  }
}
