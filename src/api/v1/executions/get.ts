import { listHostOrders } from '../../../agents/evidence/orders.ts'
import { CordonError } from '../../../model/errors.ts'
import { pageAudit } from '../../../store/audit-log.ts'
import type { Store } from '../../../store/db.ts'
import { readExecution } from '../../../store/executions.ts'
import type { AuditRow } from '../../../store/schema.ts'
import { readTask } from '../../../store/tasks.ts'
import type { AuthorizedHandler } from '../../route.ts'
import { showExecution } from './show.ts'

/** An execution takes a dozen steps; one that is taken up again and again shows its newest. */
const maxSteps = 200
const prefix = 'execution.'

/**
 * GET /api/v1/executions/{id}: one run or undo, whole: its task, every step it took, and what was sent to each host and came back, without
 * the signatures.
 */
export function getExecution(deps: { readonly store: Store }): AuthorizedHandler {
  return async (call) => {
    const { tenantId } = call.caller
    const id = call.params.id ?? ''
    const { read } = deps.store
    const execution = await readExecution(read, tenantId, id)
    const task = execution === null ? null : await readTask(read, tenantId, execution.taskId)
    if (execution === null || !task) throw new CordonError('NotFound', `executionId ${id.slice(0, 100)} not found`)
    const { entries } = await pageAudit(read, tenantId, { objectType: 'execution', objectId: id }, null, maxSteps)
    const body = {
      ...(await showExecution(read, execution)),
      taskDisplayName: task.doc.displayName,
      incidentId: task.incidentId,
      steps: entries
        .filter(({ action }) => action.startsWith(prefix))
        .map(showStep)
        .reverse(),
      ...(await listHostOrders(deps, tenantId, id)),
    }
    return { status: 200, body: JSON.stringify(body) }
  }
}

/** An entry of the audit log about a state that was reached. */
function showStep({ action, at, actor_name, code, reason }: AuditRow): object {
  return { at, state: action.slice(prefix.length), by: actor_name, code, reason }
}
