import { type UndoDeps, undoAction } from '../../../respond/undo.ts'
import type { AuthorizedHandler } from '../../route.ts'

/** POST /api/v1/tasks/{id}/undo: takes the task's last successful action back. 202 with the execution that does it. */
export function undoTaskAction(deps: UndoDeps): AuthorizedHandler {
  return async (call) => {
    const executionId = await undoAction(deps, call.caller, call.params.id ?? '')
    return { status: 202, body: JSON.stringify({ executionId }) }
  }
}
