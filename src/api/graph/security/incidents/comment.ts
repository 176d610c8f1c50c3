import type { ReviewDeps } from '../../../../respond/review.ts'
import { commentIncident } from '../../../../respond/review-incident.ts'
import type { ApiVersion } from '../../../odata/resource.ts'
import type { AuthorizedHandler } from '../../../route.ts'
import { readComments } from '../../body.ts'
import { answerComments, findOrFail, type GraphDeps } from '../../collection.ts'
import { incidents } from '../../collections.ts'

/** POST /security/incidents/{id}/comments: 200 with all comments, oldest first. @source design contract 5 */
export function createIncidentComment(deps: GraphDeps & ReviewDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => {
    await findOrFail(deps, incidents, call)
    const [comment = ''] = readComments(call.body, false)
    const id = call.params.id ?? ''
    const incident = await commentIncident(deps, call.caller, id, comment)
    return answerComments(call, version, `security/incidents('${id}')`, incident.doc.comments)
  }
}
