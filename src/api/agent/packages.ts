import { acceptComplete, acceptPart } from '../../agents/evidence/packages.ts'
import type { AgentChannel } from '../../agents/open.ts'
import { CordonError } from '../../model/errors.ts'
import type { Call, OpenHandler } from '../route.ts'
import { forDevice, forDeviceBytes } from './signed-call.ts'

/** `PUT /api/v1/agent/packages/{commandId}?generation=g&part=n`: a part of an investigation package, as bytes; 204, also for the same again. */
export function uploadPackagePart(channel: AgentChannel): OpenHandler {
  return forDeviceBytes(channel, async (device, bytes, call) => {
    const part = { generation: readNumber(call, 'generation'), number: readNumber(call, 'part') }
    await acceptPart(channel, device, call.params.id ?? '', part, bytes)
    return { status: 204 }
  })
}

/** `POST /api/v1/agent/packages/{commandId}/complete`: every part was sent; 204, or 409 when the server has something else. */
export function completePackage(channel: AgentChannel): OpenHandler {
  return forDevice(channel, async (device, message, call) => {
    await acceptComplete(channel, device, call.params.id ?? '', message)
    return { status: 204 }
  })
}

function readNumber(call: Call, name: string): number {
  const text = new URLSearchParams(call.rawQuery).get(name) ?? ''
  if (!/^[1-9]\d{0,15}$/.test(text)) {
    throw new CordonError('BadRequest', `${name} is a whole number from 1.`, { target: name })
  }
  return Number(text)
}
