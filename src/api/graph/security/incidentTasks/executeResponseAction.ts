import { CordonError } from '../../../../model/errors.ts'
import { type Confirmation, confirmations } from '../../../../model/safety/policy.ts'
import { type ExecuteDeps, requestExecution } from '../../../../respond/execute.ts'
import type { AuthorizedHandler, Call } from '../../../route.ts'

/**
 * POST /security/incidentTasks/{id}/executeResponseAction: 204 on acceptance; progress is read from actionStatus. Type and target come
 * from the task, so whatever JSON the body holds is ignored. `Cordon-Confirmation` says how a person confirmed it, for the audit.
 * @source design contract 9
 */
export function executeResponseAction(deps: ExecuteDeps): AuthorizedHandler {
  return async (call) => {
    const requestKey = call.hasClientRequestId ? call.clientRequestId : null
    const confirmation = readConfirmation(call.headers)
    await requestExecution(deps, call.caller, call.params.id ?? '', requestKey, confirmation)
    return { status: 204 }
  }
}

function readConfirmation(headers: Call['headers']): Confirmation | null {
  const sent = headers['cordon-confirmation']
  if (sent === undefined) return null
  const known = confirmations.find((one) => one === sent)
  if (known !== undefined) return known
  const message = `The header Cordon-Confirmation takes ${confirmations.join(', ')}.`
  throw new CordonError('BadRequest', message, { target: 'Cordon-Confirmation' })
}
