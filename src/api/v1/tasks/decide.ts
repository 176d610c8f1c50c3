import { CordonError } from '../../../model/errors.ts'
import { humanOutcomes } from '../../../model/execution-state.ts'
import { object, oneOf, text } from '../../../model/safety/fields.ts'
import { type DecideDeps, decideOutcome, type Judgement } from '../../../respond/safety/decide.ts'
import { readTask } from '../../../store/tasks.ts'
import type { AuthorizedHandler } from '../../route.ts'
import { readFields } from '../read-fields.ts'

const judgement = object<Judgement>({ outcome: oneOf(humanOutcomes), reason: text(500) })

/** POST /api/v1/tasks/{id}/decide: a person says how an action came out whose outcome nobody can find out. */
export function decideTaskOutcome(deps: DecideDeps): AuthorizedHandler {
  return async (call) => {
    const id = call.params.id ?? ''
    // An id of somebody else's is none, whatever the body says.
    if (!(await readTask(deps.store.read, call.caller.tenantId, id))) {
      throw new CordonError('NotFound', `taskId ${id.slice(0, 100)} not found`)
    }
    const { outcome, reason } = readFields(judgement, call.body)
    const executionId = await decideOutcome(deps, call.caller, id, { outcome, reason })
    return { status: 200, body: JSON.stringify({ executionId, state: outcome }) }
  }
}
