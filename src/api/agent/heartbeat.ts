import { acceptHeartbeat } from '../../agents/heartbeat.ts'
import type { AgentChannel } from '../../agents/open.ts'
import type { OpenHandler } from '../route.ts'
import { forDevice } from './signed-call.ts'

/** `POST /api/v1/agent/heartbeat`: what the host says about itself; 204. */
export function sendHeartbeat(channel: AgentChannel): OpenHandler {
  return forDevice(channel, async (device, message) => {
    await acceptHeartbeat(channel, device, message)
    return { status: 204 }
  })
}
