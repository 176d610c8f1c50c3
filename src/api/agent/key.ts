import { rotateDeviceKey } from '../../agents/identity/rotate-key.ts'
import type { AgentChannel } from '../../agents/open.ts'
import type { OpenHandler } from '../route.ts'
import { forDevice } from './signed-call.ts'

/** `POST /api/v1/agent/key`: a new device key follows the one in force; 204, also when it has done so already. */
export function rotateKey(channel: AgentChannel): OpenHandler {
  return forDevice(channel, async (device, message) => {
    await rotateDeviceKey(channel, device, message)
    return { status: 204 }
  })
}
