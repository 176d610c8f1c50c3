import type { KeyObject } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/io/clock.ts'
import { loadTls } from '../../src/io/tls.ts'
import { digestJson } from '../../src/protocol/canonical.ts'
import { type Command, signCommand } from '../../src/protocol/command.ts'
import { decode } from '../../src/protocol/decode.ts'
import { formatInstant } from '../../src/protocol/instants.ts'
import { makeKeyPair, readPrivateKey, readPublicKey, writePublicKey } from '../../src/protocol/jws.ts'
import {
  type Ack,
  decodeAck,
  decodeEnrollRequest,
  decodeHeartbeat,
  decodePollReports,
  type EnrollAnswer,
  type EnrollRequest,
  type Heartbeat,
  type PollReports,
} from '../../src/protocol/messages.ts'
import { ENROLL_KID, readSequence, verifyRequest } from '../../src/protocol/request-signature.ts'
import { type CommandResult, decodeResult } from '../../src/protocol/result.ts'
import { PROTOCOL_VERSION } from '../../src/protocol/version.ts'

const DEVICE_ID = 'd-77'
const DEVICE_TOKEN = 'device-token'
/** Break-glass key of the device. */
export const BREAK_GLASS_KEY: string = Buffer.alloc(32, 7).toString('base64url')
const ENROL_TOKEN = 'one-time-token'
/** An agent that was cut off waits up to a minute, by chance, before it tries again; a busy machine takes 20 s to start one. */
const patienceMs = 150_000
/** How long a command may begin: nothing on a busy machine comes later. */
const commandLifeMs = 600_000

/** A server that speaks just the agent's protocol, for tests of the agent alone. It records everything it is told. */
export interface ControlServer {
  readonly port: number
  readonly caFile: string
  readonly deviceId: string
  readonly enrolToken: string
  readonly commandKey: KeyObject
  readonly enrolments: readonly EnrollRequest[]
  readonly acks: readonly Ack[]
  readonly heartbeats: readonly Heartbeat[]
  readonly results: readonly CommandResult[]
  /** Ids of the commands whose result came with a poll. */
  readonly carried: readonly string[]
  /** Lists every command as one that may begin at once while true. */
  gives: boolean
  /** Answers polls that carry reports with 405 while true, as a server of before does. */
  refuseReports: boolean
  /** Holds of isolations the poll answers name. */
  holds: number
  /** The same of restrictions. */
  restrictionHolds: number
  /** Answers results with 503 while true. */
  refuseResults: boolean
  /** How many results were answered so. */
  readonly refusedResults: () => number
  /** Answers acknowledgements with 409 while true. */
  refuseAcks: boolean
  /** Ends every connection, as a network does that forgets them. */
  readonly cut: () => void
  /** Puts text into the next poll answers until the command it names is acknowledged or answered. */
  readonly queue: (jws: string, commandId: string) => void
  /** Resolves with the first result of a command, at most {@link patienceMs} later. */
  readonly resultOf: (commandId: string) => Promise<CommandResult>
  /** Resolves once the condition holds, at most {@link patienceMs} later. */
  readonly until: (what: string, condition: () => boolean) => Promise<void>
}

interface Recorded {
  readonly enrolments: EnrollRequest[]
  readonly acks: Ack[]
  readonly heartbeats: Heartbeat[]
  readonly results: CommandResult[]
  readonly carried: string[]
  readonly pending: Map<string, string>
  readonly listeners: Set<() => void>
  devicePublicKey: string | undefined
  lastSeq: number
  refusedResults: number
}

/** Starts a control server on every address of the test's own namespace; stopped after the test. */
export async function createControlServer(t: TestContext, names: readonly string[]): Promise<ControlServer> {
  const directory = await mkdtemp(join(tmpdir(), 'cordon-control-'))
  const tls = await loadTls(directory, names, systemClock)
  const commandKey = readPrivateKey(makeKeyPair().privateKeyPem)
  const recorded: Recorded = {
    enrolments: [],
    acks: [],
    heartbeats: [],
    results: [],
    carried: [],
    pending: new Map(),
    listeners: new Set(),
    devicePublicKey: undefined,
    lastSeq: 0,
    refusedResults: 0,
  }
  const until: ControlServer['until'] = (what, condition) => waitFor(recorded.listeners, what, condition)
  const control: ControlServer = {
    port: 0,
    caFile: tls.caPath,
    deviceId: DEVICE_ID,
    enrolToken: ENROL_TOKEN,
    commandKey,
    enrolments: recorded.enrolments,
    acks: recorded.acks,
    heartbeats: recorded.heartbeats,
    results: recorded.results,
    carried: recorded.carried,
    gives: false,
    refuseReports: false,
    holds: 0,
    restrictionHolds: 0,
    refuseResults: false,
    refusedResults: () => recorded.refusedResults,
    refuseAcks: false,
    cut: () => server.closeAllConnections(),
    queue: (jws, commandId) => {
      recorded.pending.set(commandId, jws)
      wake(recorded)
    },
    resultOf: async (commandId) => {
      const find = (): CommandResult | undefined => recorded.results.find((result) => result.commandId === commandId)
      await until(`result of ${commandId}`, () => find() !== undefined)
      const result = find()
      if (result === undefined) throw new Error('waited for in vain')
      return result
    },
    until,
  }
  const server = createServer({ cert: tls.cert, key: tls.key }, (request, response) => {
    handle(control, recorded, request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  // An agent that tests an isolation for seconds keeps the connection its result needs.
  server.keepAliveTimeout = 60_000
  t.after(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await rm(directory, { recursive: true })
  })
  const port = await listen(server)
  return Object.assign(control, { port })
}

/** A command for the device of the control server, isolating it in full unless said otherwise. */
export function makeCommand(changes: Partial<Command> & Pick<Command, 'commandId' | 'seq' | 'body'>): Command {
  const now = Date.now()
  return {
    v: PROTOCOL_VERSION,
    executionId: changes.commandId,
    taskId: 'task-1',
    tenantId: 't1',
    deviceId: DEVICE_ID,
    family: 'isolation',
    epoch: 1,
    issuedAt: formatInstant(now),
    notBefore: formatInstant(now),
    notAfter: formatInstant(now + commandLifeMs),
    dryRun: false,
    actor: { id: 'ada', kind: 'user' },
    reason: 'test',
    approvals: { required: 0, count: 0, digest: digestJson({}) },
    safety: { policyVersion: 0, selfTestSeconds: 30, leaseSeconds: 3600 },
    ...changes,
  }
}

/** Signs a command with the control server's key and hands it to the agent. */
export function sendCommand(control: ControlServer, command: Command): void {
  control.queue(signCommand(control.commandKey, 'cmd-1', command), command.commandId)
}

async function handle(
  control: ControlServer,
  recorded: Recorded,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request)
  const problem = await checkRequest(recorded, request, body)
  if (problem !== undefined) {
    answer(response, 401, { error: { code: 'InvalidAuthenticationToken', innerError: { code: problem } } })
    return
  }
  const json: unknown = body === '' ? undefined : JSON.parse(body)
  switch (new URL(request.url ?? '/', 'https://x').pathname) {
    case '/api/v1/agent/enroll':
      return answer(response, 201, enrol(control, recorded, decode(decodeEnrollRequest, json)))
    case '/api/v1/agent/commands':
      if (request.method === 'POST') {
        if (control.refuseReports) return answer(response, 405, { error: { code: 'Request_BadRequest' } })
        takeReports(recorded, decode(decodePollReports, json))
      }
      return holdPoll(control, recorded, request, response)
    case '/api/v1/agent/ack': {
      if (control.refuseAcks) return answer(response, 409, { error: { code: 'Conflict' } })
      const ack = decode(decodeAck, json)
      recorded.acks.push(ack)
      recorded.pending.delete(ack.commandId)
      break
    }
    case '/api/v1/agent/results': {
      if (control.refuseResults) {
        recorded.refusedResults += 1
        answer(response, 503, { error: { code: 'ServiceUnavailable' } })
        return wake(recorded)
      }
      const result = decode(decodeResult, json)
      recorded.results.push(result)
      recorded.pending.delete(result.commandId)
      break
    }
    case '/api/v1/agent/heartbeat':
      recorded.heartbeats.push(decode(decodeHeartbeat, json))
      break
    default:
      return answer(response, 404, { error: { code: 'ResourceNotFound' } })
  }
  answer(response, 204)
  wake(recorded)
}

function takeReports(recorded: Recorded, { reports }: PollReports): void {
  for (const { result } of reports) {
    recorded.results.push(result)
    recorded.carried.push(result.commandId)
    recorded.pending.delete(result.commandId)
  }
  wake(recorded)
}

function enrol(control: ControlServer, recorded: Recorded, message: EnrollRequest): EnrollAnswer {
  recorded.enrolments.push(message)
  recorded.devicePublicKey = message.publicKey
  return {
    deviceId: DEVICE_ID,
    token: DEVICE_TOKEN,
    commandKeys: [{ kid: 'cmd-1', publicKey: writePublicKey(control.commandKey) }],
    policy: null,
    breakGlass: { serial: 0, key: BREAK_GLASS_KEY },
    pollSeconds: 5,
    serverTime: formatInstant(Date.now()),
  }
}

async function checkRequest(recorded: Recorded, request: IncomingMessage, body: string): Promise<string | undefined> {
  const enrolling = request.url === '/api/v1/agent/enroll'
  const seq = readSequence(String(request.headers['x-seq'] ?? ''))
  const key = enrolling ? String(JSON.parse(body).publicKey) : recorded.devicePublicKey
  if (request.headers.authorization !== `Bearer ${enrolling ? ENROL_TOKEN : DEVICE_TOKEN}`) return 'BadToken'
  if (seq === undefined || key === undefined) return 'BadRequest'
  const signed = { method: request.method ?? '', pathAndQuery: request.url ?? '', seq, body }
  const kid = enrolling ? ENROLL_KID : DEVICE_ID
  const checked = await verifyRequest(readPublicKey(key), kid, signed, String(request.headers['x-signature']))
  if (!checked.ok) return 'BadSignature'
  if (enrolling) return undefined
  if (seq <= recorded.lastSeq) return 'StaleSequence'
  recorded.lastSeq = seq
  return undefined
}

async function holdPoll(
  control: ControlServer,
  recorded: Recorded,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const wait = Number(new URL(request.url ?? '/', 'https://x').searchParams.get('wait'))
  const deadline = Date.now() + wait * 1000
  while (recorded.pending.size === 0 && Date.now() < deadline && !response.destroyed) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, Math.max(1, deadline - Date.now()))
      function done(): void {
        clearTimeout(timer)
        recorded.listeners.delete(done)
        response.off('close', done)
        resolve()
      }
      recorded.listeners.add(done)
      response.on('close', done)
    })
  }
  if (recorded.pending.size === 0 && control.holds + control.restrictionHolds === 0) return answer(response, 204)
  answer(response, 200, {
    commands: [...recorded.pending.values()],
    policy: null,
    serverTime: formatInstant(Date.now()),
    holds: { isolation: control.holds, restriction: control.restrictionHolds },
    ...(control.gives ? { begin: [...recorded.pending.keys()] } : {}),
  })
}

function answer(response: ServerResponse, status: number, body?: unknown): void {
  if (body === undefined) response.writeHead(status).end()
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function wake(recorded: Recorded): void {
  for (const listener of [...recorded.listeners]) listener()
}

function waitFor(listeners: Set<() => void>, what: string, condition: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      listeners.delete(check)
      reject(new Error(`waited ${patienceMs / 1_000} s for ${what}`))
    }, patienceMs)
    function check(): void {
      if (!condition()) return
      clearTimeout(timer)
      listeners.delete(check)
      resolve()
    }
    listeners.add(check)
    check()
  })
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen({ port: 0, host: '::' }, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}
