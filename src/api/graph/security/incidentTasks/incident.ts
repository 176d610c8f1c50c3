import type { AuthorizedHandler } from '../../../route.ts'
import { answerOne, findOrFail, type GraphDeps } from '../../collection.ts'
import { incidents, tasks } from '../../collections.ts'

/** GET /security/incidentTasks/{id}/incident: the incident the task belongs to, whole. @source design contract 3.1, T5 */
export function getTaskIncident(deps: GraphDeps): AuthorizedHandler {
  return async (call) => {
    const task = await findOrFail(deps, tasks, call)
    const path = `security/incidentTasks('${task.id}')/incident`
    return answerOne(deps, 'beta', { ...incidents, path }, call, String(task.incident_id))
  }
}
