import type { KeyObject } from 'node:crypto'
import { DecodeError, type Decoder, decode, isObject, parseJson } from '../protocol/decode.ts'
import { parseInstantMs } from '../protocol/instants.ts'
import { writePublicKey } from '../protocol/jws.ts'
import { writeRotateKey } from '../protocol/key-rotation.ts'
import {
  type Ack,
  decodeEnrollAnswer,
  decodePollAnswer,
  type EnrollAnswer,
  type EnrollRequest,
  type Heartbeat,
  type PollAnswer,
  type PollReports,
  type Report,
} from '../protocol/messages.ts'
import { ENROLL_KID, signRequest } from '../protocol/request-signature.ts'
import type { CommandResult } from '../protocol/result.ts'
import {
  AGENT_PATH,
  messageLimits,
  PROTOCOL_HEADER,
  PROTOCOL_VERSION,
  SEQUENCE_HEADER,
  SIGNATURE_HEADER,
} from '../protocol/version.ts'
import type { PackageChannel, UploadAnswer } from './actions/package/upload.ts'
import { ChannelError, type IncomingAnswer, type Transport } from './transport.ts'

/** What the server made of a message. `refused`: it will never take this message; everything that might pass later is a ChannelError. */
export type Delivery =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly status: number; readonly code: string }

/** The agent's side of the channel. Every method throws ChannelError when no usable answer came. */
export interface Channel {
  readonly poll: (poll: Poll, signal: AbortSignal) => Promise<PollOutcome>
  readonly acknowledge: (ack: Ack) => Promise<Delivery>
  readonly sendResult: (result: CommandResult) => Promise<Delivery>
  readonly sendHeartbeat: (heartbeat: Heartbeat) => Promise<Delivery>
  /** Sends a heartbeat over a new connection to this very address; resolves when any HTTP answer came over the pinned TLS. */
  readonly probe: (heartbeat: Heartbeat, address: string, timeoutMs: number) => Promise<void>
  /** Asks the server to take a new device key; from its yes on, everything is signed with that. */
  readonly rotateKey: (next: KeyObject) => Promise<Delivery>
  readonly packages: PackageChannel
  /** Server clock minus own clock in milliseconds, as of the last answer; 0 before the first. */
  readonly serverOffsetMs: () => number
}

/** What the server is asked, and told, in one request. */
export interface Poll {
  readonly waitSeconds: number
  /** Version of the policy in force; 0 for none. */
  readonly heldPolicy: number
  /** `wanted` while an order to make another key is at hand. */
  readonly key: 'held' | 'wanted'
  /** At most {@link MAX_COMMANDS_PER_POLL}, and only of commands that a server let begin by itself. */
  readonly reports: readonly Report[]
}

/**
 * What a poll came to. `nothing`: no command, no new policy, no hold. `notTaken`: the server takes no reports this way, or cannot read them;
 * nothing was taken and nothing was asked. After the other two it has the reports, except for those an answer names as refused.
 */
export type PollOutcome =
  | { readonly kind: 'answer'; readonly answer: PollAnswer }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'notTaken'; readonly status: number; readonly code: string }

/** What the channel is built from. */
export interface ChannelParts {
  readonly transport: Transport
  readonly deviceId: string
  readonly token: string
  readonly key: KeyObject
  /** The next request number. */
  readonly nextSeq: (atLeast?: number) => number
  /** Another one for each run of the agent. */
  readonly runId: string
  readonly nowMs: () => number
}

const ANSWER_TIMEOUT_MS = 20_000
/** A part may take its time over a slow line. */
const UPLOAD_TIMEOUT_MS = 120_000
// A number can be overtaken by one sent later over another connection; the refused request had no effect, so it may be sent again.
const MAX_SEQUENCE_RETRIES = 3

/** Opens the channel of an enrolled device. */
export function openChannel(parts: ChannelParts): Channel {
  let offsetMs = 0
  let { key } = parts
  const note = (serverMs: number | undefined): void => {
    if (serverMs !== undefined) offsetMs = serverMs - parts.nowMs()
  }
  const send = async (call: Call, signer?: KeyObject): Promise<IncomingAnswer> => {
    let atLeast = 0
    for (let attempt = 1; ; attempt += 1) {
      const nextSeq = (): number => parts.nextSeq(atLeast)
      const answer = await sendSigned({ ...parts, key: signer ?? key, nextSeq }, call).catch((error: unknown) => {
        if (error instanceof ChannelError && error.staleConnection && attempt <= MAX_SEQUENCE_RETRIES) return undefined
        throw error
      })
      if (answer === undefined) continue
      note(answer.dateMs)
      if (attempt > MAX_SEQUENCE_RETRIES || answer.status !== 401 || readErrorCode(answer.body) !== 'StaleSequence') {
        return answer
      }
      // Whoever has come before us, a copy of this host it may be, began where the clock stood.
      atLeast = parts.nowMs()
    }
  }
  const deliver = async (path: string, message: unknown): Promise<Delivery> => {
    const body = JSON.stringify(message)
    return readDelivery(await send({ method: 'POST', path, body, timeoutMs: ANSWER_TIMEOUT_MS }))
  }
  return {
    poll: async (asked, signal) => {
      const answer = await send({ ...writePoll(asked, parts.runId), signal })
      if (answer.status === 204) return { kind: 'nothing' }
      if (answer.status !== 200) return readRefusedPoll(asked, answer)
      const poll = readAnswer(decodePollAnswer, answer.body)
      note(parseInstantMs(poll.serverTime))
      return { kind: 'answer', answer: poll }
    },
    acknowledge: (ack) => deliver('/ack', ack),
    sendResult: (result) => deliver('/results', result),
    sendHeartbeat: (heartbeat) => deliver('/heartbeat', heartbeat),
    probe: async (heartbeat, address, timeoutMs) => {
      const signed = { ...parts, key }
      await sendSigned(signed, {
        method: 'POST',
        path: '/heartbeat',
        body: JSON.stringify(heartbeat),
        timeoutMs,
        through: address,
      })
    },
    rotateKey: async (next) => {
      const step = { deviceId: parts.deviceId, from: writePublicKey(key) }
      const body = JSON.stringify(writeRotateKey(next, step))
      const call = { method: 'POST' as const, path: '/key', body, timeoutMs: ANSWER_TIMEOUT_MS }
      const answer = await send(call)
      // The server may have taken it before, and its answer was lost: then it knows only the new one.
      const delivery = readDelivery(answer.status === 401 ? await send(call, next) : answer)
      if (delivery.kind === 'taken') key = next
      return delivery
    },
    packages: openPackageChannel(send),
    serverOffsetMs: () => offsetMs,
  }
}

function writePoll({ waitSeconds, heldPolicy, key, reports }: Poll, runId: string): Call {
  const timeoutMs = waitSeconds * 1000 + ANSWER_TIMEOUT_MS
  const path = `/commands?wait=${waitSeconds}&policy=${heldPolicy}&key=${key}&run=${runId}&begin=listed`
  if (reports.length === 0) return { method: 'GET', path, body: '', timeoutMs }
  return { method: 'POST', path, body: JSON.stringify({ reports } satisfies PollReports), timeoutMs }
}

/** @throws ChannelError when asking again may help, or when there was nothing but the question */
function readRefusedPoll({ reports }: Poll, answer: IncomingAnswer): PollOutcome {
  const delivery = readDelivery(answer)
  if (delivery.kind === 'refused' && reports.length > 0) return { ...delivery, kind: 'notTaken' }
  throw new ChannelError(`poll answered ${answer.status} ${readErrorCode(answer.body)}`)
}

function openPackageChannel(send: (call: Call) => Promise<IncomingAnswer>): PackageChannel {
  const upload = async (method: 'PUT' | 'POST', path: string, body: Call['body']): Promise<UploadAnswer> =>
    toUploadAnswer(readDelivery(await send({ method, path, body, timeoutMs: UPLOAD_TIMEOUT_MS })))
  return {
    sendPart: (commandId, { generation, number }, bytes) =>
      upload('PUT', `/packages/${commandId}?generation=${generation}&part=${number}`, bytes),
    complete: (commandId, message) => upload('POST', `/packages/${commandId}/complete`, JSON.stringify(message)),
  }
}

/** The server said no to an enrolment. */
export class EnrollmentRefused extends Error {
  readonly status: number

  constructor(status: number, code: string) {
    super(`the server refused the enrolment: ${status} ${code}`)
    this.name = 'EnrollmentRefused'
    this.status = status
  }
}

/**
 * Enrols a new device: the request is signed with the key it carries.
 * @param token one-time enrolment token
 * @throws EnrollmentRefused, ChannelError
 */
export async function sendEnrollment(
  transport: Transport,
  token: string,
  key: KeyObject,
  message: EnrollRequest,
): Promise<EnrollAnswer> {
  const answer = await sendSigned(
    { transport, deviceId: ENROLL_KID, token, key, nextSeq: () => 1 },
    { method: 'POST', path: '/enroll', body: JSON.stringify(message), timeoutMs: ANSWER_TIMEOUT_MS },
  )
  if (answer.status !== 201) throw new EnrollmentRefused(answer.status, readErrorCode(answer.body))
  return readAnswer(decodeEnrollAnswer, answer.body)
}

interface Call {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Below the agent prefix, with query. */
  readonly path: string
  readonly body: string | Buffer
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  readonly through?: string
}

function sendSigned(parts: Omit<ChannelParts, 'nowMs' | 'runId'>, call: Call): Promise<IncomingAnswer> {
  const { method, body, timeoutMs, signal, through } = call
  const pathAndQuery = `${AGENT_PATH}${call.path}`
  const seq = parts.nextSeq()
  return parts.transport.send({
    method,
    pathAndQuery,
    body,
    timeoutMs,
    signal,
    ...(through === undefined ? {} : { through }),
    maxAnswerBytes: messageLimits.answerBytes,
    headers: {
      authorization: `Bearer ${parts.token}`,
      [PROTOCOL_HEADER]: String(PROTOCOL_VERSION),
      [SEQUENCE_HEADER]: String(seq),
      [SIGNATURE_HEADER]: signRequest(parts.key, parts.deviceId, { method, pathAndQuery, seq, body }),
      accept: 'application/json',
      ...(method === 'GET'
        ? {}
        : { 'content-type': method === 'PUT' ? 'application/octet-stream' : 'application/json' }),
    },
  })
}

function readAnswer<T>(decoder: Decoder<T>, body: string): T {
  try {
    return decode(decoder, parseJson(body, messageLimits.answerBytes))
  } catch (error) {
    if (error instanceof DecodeError) throw new ChannelError(`answer not understood: ${error.message}`, error)
    throw error
  }
}

function readDelivery(answer: IncomingAnswer): Delivery {
  const { status } = answer
  if (status >= 200 && status < 300) return { kind: 'taken' }
  const code = readErrorCode(answer.body)
  // 401 may end (clock, revocation taken back), 408, 429 and 5xx pass; the rest stays as it is.
  if (status >= 400 && status < 500 && status !== 401 && status !== 408 && status !== 429) {
    return { kind: 'refused', status, code }
  }
  throw new ChannelError(`answered ${status} ${code}`)
}

function toUploadAnswer(delivery: Delivery): UploadAnswer {
  return delivery.kind === 'taken' ? 'taken' : { status: delivery.status, code: delivery.code }
}

/** `error.innerError.code` of a Graph error body, else `error.code`, else empty. */
function readErrorCode(body: string): string {
  try {
    const document = parseJson(body, messageLimits.answerBytes)
    const error = isObject(document) && isObject(document.error) ? document.error : {}
    const inner = isObject(error.innerError) ? error.innerError : {}
    const code = inner.code ?? error.code
    return typeof code === 'string' ? code : ''
  } catch (error) {
    if (error instanceof DecodeError) return ''
    throw error
  }
}
