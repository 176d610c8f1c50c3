import type { ExecuteDeps } from '../../../respond/execute.ts'
import { previewAction } from '../../../respond/preview.ts'
import type { AuthorizedHandler } from '../../route.ts'

/** POST /api/v1/tasks/{id}/preview: what would happen if the task's action were requested now. Nothing happens. */
export function previewTaskAction(deps: ExecuteDeps): AuthorizedHandler {
  return async (call) => {
    const preview = await previewAction(deps, call.caller, call.params.id ?? '')
    return { status: 200, body: JSON.stringify(preview) }
  }
}
