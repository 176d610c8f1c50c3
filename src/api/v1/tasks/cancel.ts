import { cancelAction } from '../../../respond/cancel.ts'
import type { RunDeps } from '../../../respond/run.ts'
import type { AuthorizedHandler } from '../../route.ts'

/** POST /api/v1/tasks/{id}/cancel: takes an action back that nobody has begun. 200 with the execution, which had no effect then. */
export function cancelTaskAction(deps: RunDeps): AuthorizedHandler {
  return async (call) => {
    const executionId = await cancelAction(deps, call.caller, call.params.id ?? '')
    return { status: 200, body: JSON.stringify({ executionId, state: 'cancelled' }) }
  }
}
