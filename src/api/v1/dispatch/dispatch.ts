import { object, text } from '../../../model/safety/fields.ts'
import { type PolicyDeps, pauseDispatch, pauseManagedResponse } from '../../../respond/safety/policies.ts'
import type { Actor } from '../../../store/record.ts'
import type { Answer, AuthorizedHandler } from '../../route.ts'
import { readFields } from '../read-fields.ts'

const pause = object<{ readonly reason: string }>({ reason: text(500) })

/** POST /api/v1/dispatch/pause: the kill switch. Nothing more is handed over to any target until it is resumed. */
export function pauseAllDispatch(deps: PolicyDeps): AuthorizedHandler {
  return async (call) => {
    const { reason } = readFields(pause, call.body)
    const { policy } = await pauseDispatch(deps, call.caller, true, reason)
    return { status: 200, body: JSON.stringify(policy.dispatch) }
  }
}

/** POST /api/v1/dispatch/resume: what waited goes on. */
export function resumeDispatch(deps: PolicyDeps): AuthorizedHandler {
  return async (call) => {
    const { policy } = await pauseDispatch(deps, call.caller, false, null)
    return { status: 200, body: JSON.stringify(policy.dispatch) }
  }
}

/** POST /api/v1/managed-response/pause: experts only propose from now on; what waits of theirs becomes guided. */
export function pauseManaged(deps: PolicyDeps): AuthorizedHandler {
  return async (call) => switchManaged(deps, call.caller, true)
}

/** POST /api/v1/managed-response/resume: the consents of the policy hold again. */
export function resumeManaged(deps: PolicyDeps): AuthorizedHandler {
  return async (call) => switchManaged(deps, call.caller, false)
}

async function switchManaged(deps: PolicyDeps, actor: Actor, paused: boolean): Promise<Answer> {
  const { policy } = await pauseManagedResponse(deps, actor, paused)
  return { status: 200, body: JSON.stringify({ paused: policy.managedResponse.paused }) }
}
