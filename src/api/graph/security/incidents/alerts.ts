import type { ReviewDeps } from '../../../../respond/review.ts'
import { commentAlert } from '../../../../respond/review-alert.ts'
import { countAlerts } from '../../../../store/counts.ts'
import { type AlertRecord, findAlert, pageAlerts } from '../../../../store/pages.ts'
import type { ApiVersion } from '../../../odata/resource.ts'
import type { AuthorizedCall, AuthorizedHandler } from '../../../route.ts'
import { readComments } from '../../body.ts'
import {
  answerComments,
  answerCount,
  answerOne,
  answerPage,
  type Collection,
  findOrFail,
  type GraphDeps,
} from '../../collection.ts'
import { alerts, alertsLinkPath, incidents } from '../../collections.ts'

/** GET /security/incidents/{id}/alerts. @source design contract 3.1, I6 */
export function listIncidentAlerts(deps: GraphDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => answerPage(deps, version, await findAlerts(deps, call), call)
}

/** GET /security/incidents/{id}/alerts/$count. */
export function countIncidentAlerts(deps: GraphDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => answerCount(deps, version, await findAlerts(deps, call), call)
}

/** GET /security/incidents/{id}/alerts/{alertId}: an alert of another incident is not found. */
export function getIncidentAlert(deps: GraphDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => answerOne(deps, version, await findAlerts(deps, call), call, call.params.alertId ?? '')
}

/** POST /security/incidents/{id}/alerts/{alertId}/comments: the same comments as those of alerts_v2. */
export function createIncidentAlertComment(deps: GraphDeps & ReviewDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => {
    const alertId = call.params.alertId ?? ''
    await findOrFail(deps, await findAlerts(deps, call), call, alertId)
    const comments = readComments(call.body, true)
    const alert = await commentAlert(deps, call.caller, alertId, comments)
    return answerComments(call, version, `security/alerts_v2('${alertId}')`, alert.doc.comments)
  }
}

/** The alerts of the incident the path names. */
async function findAlerts(deps: GraphDeps, call: AuthorizedCall): Promise<Collection<AlertRecord>> {
  const { id } = await findOrFail(deps, incidents, call)
  return {
    ...alerts,
    path: `security/incidents('${id}')/alerts`,
    linkPath: alertsLinkPath(id),
    page: (store, tenantId, query) => pageAlerts(store, tenantId, query, id),
    count: (store, tenantId, filter) => countAlerts(store, tenantId, filter, id),
    find: async (store, tenantId, alertId) => {
      const alert = await findAlert(store.read, tenantId, alertId)
      return alert?.incident_id === id ? alert : null
    },
  }
}
