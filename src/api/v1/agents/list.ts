import { type DeviceDeps, listDevices } from '../../../agents/devices.ts'
import type { Clock } from '../../../io/clock.ts'
import type { AuthorizedHandler } from '../../route.ts'

/** GET /api/v1/agents: the tenant's hosts by name, how each is and what it can do. */
export function listAgents(deps: DeviceDeps & { readonly clock: Clock }): AuthorizedHandler {
  return async (call) => ({
    status: 200,
    body: JSON.stringify({ value: await listDevices(deps, call.caller.tenantId) }),
  })
}
