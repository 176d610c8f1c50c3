import { type BreakGlassDeps, issueBreakGlassCode } from '../../../agents/break-glass.ts'
import { orderDeviceKey } from '../../../agents/identity/rotate-key.ts'
import type { PollBoard } from '../../../agents/poll.ts'
import { object, text } from '../../../model/safety/fields.ts'
import { type AuthorizedHandler, permitted, type Route } from '../../route.ts'
import { readFields } from '../read-fields.ts'

/** What the operations on devices need. */
export interface DeviceRouteDeps extends BreakGlassDeps {
  readonly polls: PollBoard
}

const order = object<{ readonly reason: string }>({ reason: text(500) })

/** Operations on enrolled hosts that are no response actions. */
export function deviceRoutes(deps: DeviceRouteDeps): Route[] {
  return [
    permitted('POST', '/api/v1/devices/:id/breakglass', ['Cordon.Admin'], 'json', createBreakGlassCode(deps)),
    permitted('POST', '/api/v1/devices/:id/rotatekey', ['Cordon.Admin'], 'json', orderKey(deps)),
  ]
}

/** POST /api/v1/devices/{id}/breakglass: a one-time code that releases the host on the spot, without a network; 201. */
function createBreakGlassCode(deps: DeviceRouteDeps): AuthorizedHandler {
  return async (call) => {
    const { reason } = readFields(order, call.body)
    const { code, serial, expiresAt } = await issueBreakGlassCode(deps, call.caller, call.params.id ?? '', reason)
    return { status: 201, body: JSON.stringify({ code, serial, expiresDateTime: expiresAt }) }
  }
}

/** POST /api/v1/devices/{id}/rotatekey: orders another device key, which the host makes with its next contact; 204. */
function orderKey(deps: DeviceRouteDeps): AuthorizedHandler {
  return async (call) => {
    const { reason } = readFields(order, call.body)
    deps.polls.wake(await orderDeviceKey(deps, call.caller, call.params.id ?? '', reason))
    return { status: 204 }
  }
}
