import { CordonError } from '../../../model/errors.ts'
import type { ExecuteDeps } from '../../../respond/execute.ts'
import { type Preview, previewAction, previewProposal } from '../../../respond/preview.ts'
import { readNewTask } from '../../graph/security/incidentTasks/create.ts'
import { readPreferences } from '../../odata/prefer.ts'
import type { AuthorizedCall, AuthorizedHandler } from '../../route.ts'
import { type MayApproveDeps, showApprovers } from '../approvals/may-approve.ts'

/** POST /api/v1/tasks/{id}/preview: what would happen if the task's action were requested now. Nothing happens. */
export function previewTaskAction(deps: ExecuteDeps & MayApproveDeps): AuthorizedHandler {
  return async (call) => {
    const preview = await previewAction(deps, call.caller, call.params.id ?? '')
    return { status: 200, body: JSON.stringify(await withApprovers(deps, call, preview)) }
  }
}

/** The same with who may approve as an answer says it. */
async function withApprovers(
  deps: MayApproveDeps,
  { caller }: AuthorizedCall,
  preview: Pick<Preview, 'mayApprove'>,
): Promise<object> {
  const { mayApprove } = preview
  return { ...preview, mayApprove: mayApprove === null ? null : await showApprovers(deps, caller, mayApprove) }
}

/**
 * POST /api/v1/tasks/preview: what would become of a task that is not sent yet, with the body of POST /security/incidentTasks. Nothing is
 * stored. `?askTarget=false` answers at once, without asking the target.
 */
export function previewNewTask(deps: ExecuteDeps & MayApproveDeps): AuthorizedHandler {
  return async (call) => {
    const asksTarget = readAskTarget(call.rawQuery)
    const input = readNewTask(call.body, readPreferences(call.headers.prefer))
    const preview = await previewProposal(deps, call.caller, input, asksTarget)
    return { status: 200, body: JSON.stringify(await withApprovers(deps, call, preview)) }
  }
}

function readAskTarget(rawQuery: string): boolean {
  const value = new URLSearchParams(rawQuery).get('askTarget') ?? 'true'
  if (value === 'true' || value === 'false') return value === 'true'
  throw new CordonError('BadRequest', "Query parameter 'askTarget' takes true or false.", { target: 'askTarget' })
}
