import { authenticateDevice, type Device, type SignedCall } from '../../agents/identity/authenticate.ts'
import type { AgentChannel } from '../../agents/open.ts'
import { readJson } from '../../io/json.ts'
import { PROTOCOL_HEADER, PROTOCOL_VERSION, SEQUENCE_HEADER, SIGNATURE_HEADER } from '../../protocol/version.ts'
import type { Answer, Call, OpenHandler } from '../route.ts'

/** An operation of an authenticated agent; `message` is the strictly read JSON body, undefined without one. */
export type DeviceHandler = (device: Device, message: unknown, call: Call) => Promise<Answer>

/** Wraps an operation of the agent channel: who speaks is decided by token, signature and number, before the body is parsed. */
export function forDevice(channel: AgentChannel, handle: DeviceHandler): OpenHandler {
  return async (call) => {
    const signed = readSignedCall(call)
    const device = await authenticateDevice(channel, signed)
    return withProtocol(await handle(device, readMessage(signed), call))
  }
}

/** As {@link forDevice}, for a body that is not JSON. */
export function forDeviceBytes(
  channel: AgentChannel,
  handle: (device: Device, bytes: Buffer, call: Call) => Promise<Answer>,
): OpenHandler {
  return async (call) => {
    const signed = readSignedCall(call)
    const device = await authenticateDevice(channel, signed)
    return withProtocol(await handle(device, signed.body, call))
  }
}

/** The parts of a call an agent signs. The route must read its body as bytes. */
export function readSignedCall(call: Call): SignedCall {
  return {
    method: call.method,
    pathAndQuery: call.rawQuery === '' ? call.path : `${call.path}?${call.rawQuery}`,
    body: Buffer.isBuffer(call.body) ? call.body : Buffer.alloc(0),
    authorization: one(call.headers.authorization),
    protocol: one(call.headers[PROTOCOL_HEADER]),
    sequence: one(call.headers[SEQUENCE_HEADER]),
    signature: one(call.headers[SIGNATURE_HEADER]),
  }
}

/** The JSON of a signed call. @throws CordonError BadRequest */
export function readMessage(signed: SignedCall): unknown {
  return signed.body.length === 0 ? undefined : readJson(signed.body)
}

/** Names the protocol version in an answer. */
export function withProtocol(answer: Answer): Answer {
  return { ...answer, headers: { ...answer.headers, [PROTOCOL_HEADER]: String(PROTOCOL_VERSION) } }
}

/** An answer with a JSON body. */
export function answerJson(status: number, body: unknown): Answer {
  return { status, body: JSON.stringify(body), contentType: 'application/json' }
}

function one(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined
}
