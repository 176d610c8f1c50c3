import { type BreakGlassDeps, issueBreakGlassCode } from '../../../agents/break-glass.ts'
import { object, text } from '../../../model/safety/fields.ts'
import { type AuthorizedHandler, permitted, type Route } from '../../route.ts'
import { readFields } from '../read-fields.ts'

const order = object<{ readonly reason: string }>({ reason: text(500) })

/** Operations on enrolled hosts that are no response actions. */
export function deviceRoutes(deps: BreakGlassDeps): Route[] {
  return [permitted('POST', '/api/v1/devices/:id/breakglass', ['Cordon.Admin'], 'json', createBreakGlassCode(deps))]
}

/** POST /api/v1/devices/{id}/breakglass: a one-time code that releases the host on the spot, without a network; 201. */
function createBreakGlassCode(deps: BreakGlassDeps): AuthorizedHandler {
  return async (call) => {
    const { reason } = readFields(order, call.body)
    const { code, serial, expiresAt } = await issueBreakGlassCode(deps, call.caller, call.params.id ?? '', reason)
    return { status: 201, body: JSON.stringify({ code, serial, expiresDateTime: expiresAt }) }
  }
}
