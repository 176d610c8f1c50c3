import type { ReviewDeps } from '../../../../respond/review.ts'
import { commentAlert } from '../../../../respond/review-alert.ts'
import type { ApiVersion } from '../../../odata/resource.ts'
import type { AuthorizedHandler } from '../../../route.ts'
import { readComments } from '../../body.ts'
import { answerComments, findOrFail, type GraphDeps } from '../../collection.ts'
import { alerts } from '../../collections.ts'

/** POST /security/alerts_v2/{id}/comments: one comment or several, 200 with all of them. @source design contract 5 */
export function createAlertComment(deps: GraphDeps & ReviewDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => {
    await findOrFail(deps, alerts, call)
    const comments = readComments(call.body, true)
    const id = call.params.id ?? ''
    const alert = await commentAlert(deps, call.caller, id, comments)
    return answerComments(call, version, `security/alerts_v2('${id}')`, alert.doc.comments)
  }
}
