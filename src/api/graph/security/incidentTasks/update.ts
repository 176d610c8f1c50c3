import { changeTaskStatus, type ReviewDeps } from '../../../../respond/review.ts'
import { readPreferences } from '../../../odata/prefer.ts'
import type { AuthorizedHandler } from '../../../route.ts'
import { readBodyEntity } from '../../body.ts'
import { answerEntity, findOrFail, type GraphDeps, wholeEntity } from '../../collection.ts'
import { tasks } from '../../collections.ts'

/** PATCH /security/incidentTasks/{id}: status is the only property a person may change. @source design contract 7.1 */
export function updateIncidentTask(deps: GraphDeps & ReviewDeps): AuthorizedHandler {
  return async (call) => {
    const preferences = readPreferences(call.headers.prefer)
    await findOrFail(deps, tasks, call)
    const { status } = readBodyEntity('incidentTask', call.body, 'patch', preferences)
    if (status !== undefined) await changeTaskStatus(deps, call.caller, call.params.id ?? '', status)
    if (preferences.return === 'minimal') {
      return { status: 204, headers: { 'Preference-Applied': 'return=minimal' } }
    }
    const record = await findOrFail(deps, tasks, call)
    return answerEntity(deps, 'beta', tasks, call, { record, query: wholeEntity, preferences, status: 200 })
  }
}
