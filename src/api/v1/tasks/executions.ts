import { CordonError } from '../../../model/errors.ts'
import type { Db, Store } from '../../../store/db.ts'
import { type Execution, readExecutionsOfTask } from '../../../store/executions.ts'
import { readApprovalOf } from '../../../store/safety/approvals.ts'
import { readTask } from '../../../store/tasks.ts'
import type { AuthorizedHandler } from '../../route.ts'

/** GET /api/v1/tasks/{id}/executions: every run and undo of a task, newest first, with state, reason and proof of effect. */
export function listTaskExecutions(deps: { readonly store: Store }): AuthorizedHandler {
  return async (call) => {
    const id = call.params.id ?? ''
    const task = await readTask(deps.store.read, call.caller.tenantId, id)
    if (!task) throw new CordonError('NotFound', `taskId ${id.slice(0, 100)} not found`)
    const { tenantId } = call.caller
    const executions = await readExecutionsOfTask(deps.store.read, tenantId, id)
    const value = await Promise.all(executions.map((execution) => show(deps.store.read, execution)))
    return { status: 200, body: JSON.stringify({ value }) }
  }
}

/** An execution without what is only ours (tenant, handle, claim number, policy version), and where its approval stands. */
async function show(db: Db, execution: Execution): Promise<object> {
  const { tenantId, handle: _handle, epoch: _epoch, policyVersion: _version, ...shown } = execution
  const approval = await readApprovalOf(db, tenantId, execution.id)
  if (approval === null) return { ...shown, approval: null }
  const { id, state, required, expiresAt } = approval
  return { ...shown, approval: { id, state, required, expiresAt } }
}
