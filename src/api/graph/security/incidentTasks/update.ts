import { requireVersion } from '../../../../respond/precondition.ts'
import { changeTaskStatus, type ReviewDeps } from '../../../../respond/review.ts'
import { readPreferences } from '../../../odata/prefer.ts'
import type { AuthorizedHandler } from '../../../route.ts'
import { readBodyEntity } from '../../body.ts'
import { answerEntity, findOrFail, type GraphDeps, wholeEntity } from '../../collection.ts'
import { tasks } from '../../collections.ts'
import { readAcceptedVersions } from '../../precondition.ts'

/** PATCH /security/incidentTasks/{id}: status is the only property a person may change. @source design contract 7.1 */
export function updateIncidentTask(deps: GraphDeps & ReviewDeps): AuthorizedHandler {
  return async (call) => {
    const preferences = readPreferences(call.headers.prefer)
    const task = await findOrFail(deps, tasks, call)
    const { status } = readBodyEntity('incidentTask', call.body, 'patch', preferences)
    const accepted = readAcceptedVersions(call.headers)
    if (status === undefined) requireVersion(task.version, accepted)
    else await changeTaskStatus(deps, call.caller, task.id, status, accepted)
    if (preferences.return === 'minimal') {
      return { status: 204, headers: { 'Preference-Applied': 'return=minimal' } }
    }
    const record = await findOrFail(deps, tasks, call)
    return answerEntity(deps, 'beta', tasks, call, { record, query: wholeEntity, preferences, status: 200 })
  }
}
