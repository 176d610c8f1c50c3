import { enrollDevice } from '../../agents/identity/enroll.ts'
import type { AgentChannel } from '../../agents/open.ts'
import type { OpenHandler } from '../route.ts'
import { answerJson, readMessage, readSignedCall, withProtocol } from './signed-call.ts'

/** `POST /api/v1/agent/enroll`: a host with a one-time token becomes a device; 201. */
export function enrollAgent(channel: AgentChannel): OpenHandler {
  return async (call) => {
    const signed = readSignedCall(call)
    return withProtocol(answerJson(201, await enrollDevice(channel, signed, readMessage(signed))))
  }
}
