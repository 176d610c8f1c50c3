import { isActionType } from '../../../../model/actions.ts'
import { CordonError } from '../../../../model/errors.ts'
import type { ExecuteDeps } from '../../../../respond/execute.ts'
import { createTask, type NewTask } from '../../../../respond/plan.ts'
import { type Preferences, readPreferences } from '../../../odata/prefer.ts'
import type { AuthorizedHandler } from '../../../route.ts'
import { readBodyEntity } from '../../body.ts'
import { answerEntity, type GraphDeps, wholeEntity } from '../../collection.ts'
import { tasks } from '../../collections.ts'

/** POST /security/incidentTasks: an expert attaches a task to an incident. A documented extension. @source design contract 10 */
export function createIncidentTask(deps: GraphDeps & ExecuteDeps): AuthorizedHandler {
  return async (call) => {
    const preferences = readPreferences(call.headers.prefer)
    const input = readNewTask(call.body, preferences)
    const stored = await createTask(deps, call.caller, input)
    const record = await tasks.find(deps.store, call.caller.tenantId, stored.doc.id)
    if (record === null) throw new CordonError('NotFound', tasks.missing(stored.doc.id))
    const answer = await answerEntity(deps, 'beta', tasks, call, {
      record,
      query: wholeEntity,
      preferences,
      status: 201,
    })
    const location = `${call.origin}/beta/security/incidentTasks/${stored.doc.id}`
    return { ...answer, headers: { ...answer.headers, Location: location } }
  }
}

/** Reads the task that somebody wants to make. @throws CordonError BadRequest naming the property */
export function readNewTask(body: unknown, preferences: Preferences): NewTask {
  const task = readBodyEntity('incidentTask', body, 'create', preferences)
  const { actionType, source = 'defenderExpertsGuidedResponse' } = task
  if (actionType === undefined || !isActionType(actionType) || source === 'unknownFutureValue') {
    throw new CordonError('BadRequest', "Property 'actionType' is required.", { target: 'actionType' })
  }
  return {
    incidentId: task.incident?.id ?? '',
    displayName: task.displayName ?? '',
    description: task.description ?? '',
    actionType,
    source,
    responseAction: (task.responseAction ?? null) as NewTask['responseAction'],
  }
}
