import type { RegroupDeps } from '../../../../intake/correlation/merge-incidents.ts'
import { moveAlerts } from '../../../../intake/correlation/move-alerts.ts'
import { readPreferences } from '../../../odata/prefer.ts'
import type { ApiVersion } from '../../../odata/resource.ts'
import type { AuthorizedHandler } from '../../../route.ts'
import { readParameters } from '../../body.ts'
import { answerMerge } from '../../collection.ts'

/** POST /security/alerts_v2/moveAlerts: 200 with the id of the incident the alerts stand in now. @source design contract 6 */
export function moveAlertsAction(deps: RegroupDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => {
    const parameters = readParameters('moveAlerts', call.body, readPreferences(call.headers.prefer))
    const target = await moveAlerts(deps, call.caller, {
      alertIds: parameters.alertIds,
      incidentId: parameters.incidentId ?? null,
      comment: parameters.alertComment ?? null,
      reasons: parameters.newCorrelationReasons ?? null,
    })
    return answerMerge(call, version, target)
  }
}
