import type { AgentChannel } from '../../agents/open.ts'
import { acceptAck } from '../../agents/results.ts'
import type { OpenHandler } from '../route.ts'
import { forDevice } from './signed-call.ts'

/** `POST /api/v1/agent/ack`: the host has durably recorded a command; 204, or 409 when it must not begin. */
export function acknowledgeCommand(channel: AgentChannel): OpenHandler {
  return forDevice(channel, async (device, message) => {
    await acceptAck(channel, device, message)
    return { status: 204 }
  })
}
