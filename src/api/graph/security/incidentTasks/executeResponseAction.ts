import { type ExecuteDeps, requestExecution } from '../../../../respond/execute.ts'
import type { AuthorizedHandler } from '../../../route.ts'

/**
 * POST /security/incidentTasks/{id}/executeResponseAction: 204 on acceptance; progress is read from actionStatus. Type and target come
 * from the task, so whatever JSON the body holds is ignored.
 * @source design contract 9
 */
export function executeResponseAction(deps: ExecuteDeps): AuthorizedHandler {
  return async (call) => {
    const requestKey = call.hasClientRequestId ? call.clientRequestId : null
    await requestExecution(deps, call.caller, call.params.id ?? '', requestKey)
    return { status: 204 }
  }
}
