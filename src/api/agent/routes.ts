import type { AgentChannel } from '../../agents/open.ts'
import { PACKAGE_PART_BYTES } from '../../protocol/bodies/collectInvestigationPackage.ts'
import { AGENT_PATH, messageLimits } from '../../protocol/version.ts'
import { open, type Route } from '../route.ts'
import { deviceRoutes } from '../v1/devices/devices.ts'
import { acknowledgeCommand } from './ack.ts'
import { pollCommands, reportAndPoll } from './commands.ts'
import { enrollAgent } from './enroll.ts'
import { sendHeartbeat } from './heartbeat.ts'
import { rotateKey } from './key.ts'
import { completePackage, uploadPackagePart } from './packages.ts'
import { reportResult } from './results.ts'

/** The agent channel and what people do with its devices, one line per operation. Bodies are read as bytes, because agents sign them as sent. */
export function agentRoutes(channel: AgentChannel): Route[] {
  const { enrollBytes, reportsBytes, ackBytes, resultBytes, heartbeatBytes } = messageLimits
  return [
    open('POST', `${AGENT_PATH}/enroll`, 'self', 'bytes', enrollAgent(channel), enrollBytes),
    open('GET', `${AGENT_PATH}/commands`, 'self', 'none', pollCommands(channel)),
    open('POST', `${AGENT_PATH}/commands`, 'self', 'bytes', reportAndPoll(channel), reportsBytes),
    open('POST', `${AGENT_PATH}/ack`, 'self', 'bytes', acknowledgeCommand(channel), ackBytes),
    open('POST', `${AGENT_PATH}/results`, 'self', 'bytes', reportResult(channel), resultBytes),
    open('PUT', `${AGENT_PATH}/packages/:id`, 'self', 'bytes', uploadPackagePart(channel), PACKAGE_PART_BYTES),
    open('POST', `${AGENT_PATH}/packages/:id/complete`, 'self', 'bytes', completePackage(channel), ackBytes),
    open('POST', `${AGENT_PATH}/key`, 'self', 'bytes', rotateKey(channel), ackBytes),
    open('POST', `${AGENT_PATH}/heartbeat`, 'self', 'bytes', sendHeartbeat(channel), heartbeatBytes),
    ...deviceRoutes(channel),
  ]
}
