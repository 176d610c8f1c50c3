import { CordonError } from '../../../model/errors.ts'
import type { Store } from '../../../store/db.ts'
import { readExecutionsOfTask } from '../../../store/executions.ts'
import { readTask } from '../../../store/tasks.ts'
import type { AuthorizedHandler } from '../../route.ts'
import { showExecution } from '../executions/show.ts'

/** GET /api/v1/tasks/{id}/executions: every run and undo of a task, newest first, with state, reason and proof of effect. */
export function listTaskExecutions(deps: { readonly store: Store }): AuthorizedHandler {
  return async (call) => {
    const id = call.params.id ?? ''
    const task = await readTask(deps.store.read, call.caller.tenantId, id)
    if (!task) throw new CordonError('NotFound', `taskId ${id.slice(0, 100)} not found`)
    const { tenantId } = call.caller
    const executions = await readExecutionsOfTask(deps.store.read, tenantId, id)
    const value = await Promise.all(executions.map((execution) => showExecution(deps.store.read, execution)))
    return { status: 200, body: JSON.stringify({ value }) }
  }
}
