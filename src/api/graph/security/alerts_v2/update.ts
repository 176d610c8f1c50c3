import type { ReviewDeps } from '../../../../respond/review.ts'
import { type AlertChange, changeAlert } from '../../../../respond/review-alert.ts'
import { readPreferences } from '../../../odata/prefer.ts'
import type { ApiVersion } from '../../../odata/resource.ts'
import type { AuthorizedHandler } from '../../../route.ts'
import { readBodyEntity } from '../../body.ts'
import { answerEntity, findOrFail, type GraphDeps, wholeEntity } from '../../collection.ts'
import { alerts } from '../../collections.ts'
import { readAcceptedVersions } from '../../precondition.ts'

/** PATCH /security/alerts_v2/{id}: 200 with the whole alert. @source design contract 11 */
export function updateAlert(deps: GraphDeps & ReviewDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => {
    const preferences = readPreferences(call.headers.prefer)
    await findOrFail(deps, alerts, call)
    const change: AlertChange = readBodyEntity('alert', call.body, 'patch', preferences)
    await changeAlert(deps, call.caller, call.params.id ?? '', change, readAcceptedVersions(call.headers))
    if (preferences.return === 'minimal') {
      return { status: 204, headers: { 'Preference-Applied': 'return=minimal' } }
    }
    const record = await findOrFail(deps, alerts, call)
    return answerEntity(deps, version, alerts, call, { record, query: wholeEntity, preferences, status: 200 })
  }
}
