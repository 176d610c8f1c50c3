import type { AgentChannel } from '../../agents/open.ts'
import { acceptResult } from '../../agents/results.ts'
import type { OpenHandler } from '../route.ts'
import { answerJson, forDevice } from './signed-call.ts'

/** `POST /api/v1/agent/results`: what became of a command; 200, also for a duplicate. */
export function reportResult(channel: AgentChannel): OpenHandler {
  return forDevice(channel, async (device, message) => {
    await acceptResult(channel, device, message)
    return answerJson(200, {})
  })
}
