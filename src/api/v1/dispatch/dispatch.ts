import { object, text } from '../../../model/safety/fields.ts'
import { type PolicyDeps, pauseDispatch } from '../../../respond/safety/policies.ts'
import type { AuthorizedHandler } from '../../route.ts'
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
