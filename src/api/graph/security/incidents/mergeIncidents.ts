import { mergeIncidents, type RegroupDeps } from '../../../../intake/correlation/merge-incidents.ts'
import { readPreferences } from '../../../odata/prefer.ts'
import type { ApiVersion } from '../../../odata/resource.ts'
import type { AuthorizedHandler } from '../../../route.ts'
import { readParameters } from '../../body.ts'
import { answerMerge } from '../../collection.ts'

/** POST /security/incidents/mergeIncidents: 200 with the id of the first incident named, which takes the others up. @source design contract 6 */
export function mergeIncidentsAction(deps: RegroupDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => {
    const parameters = readParameters('mergeIncidents', call.body, readPreferences(call.headers.prefer))
    const target = await mergeIncidents(deps, call.caller, {
      incidentIds: parameters.incidentIds,
      comment: parameters.incidentComment ?? null,
      reasons: parameters.mergeReasons ?? null,
    })
    return answerMerge(call, version, target)
  }
}
