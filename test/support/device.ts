import { type KeyObject, randomBytes } from 'node:crypto'
import { createEnrolmentToken } from '../../src/agents/identity/enroll.ts'
import { instantOf, systemClock } from '../../src/io/clock.ts'
import { digestJson } from '../../src/protocol/canonical.ts'
import { type Command, readCommand } from '../../src/protocol/command.ts'
import type { JsonObject } from '../../src/protocol/decode.ts'
import { makeKeyPair, readPrivateKey } from '../../src/protocol/jws.ts'
import type { PollReports, Report } from '../../src/protocol/messages.ts'
import { ENROLL_KID, signRequest } from '../../src/protocol/request-signature.ts'
import type { CommandResult } from '../../src/protocol/result.ts'
import { AGENT_PATH } from '../../src/protocol/version.ts'
import { waitUntil } from './answers.ts'
import type { Cordon, Reply } from './cordon.ts'

/** What a test may falsify about a signed request. */
export interface Forgery {
  readonly seq?: number
  readonly token?: string
  readonly key?: KeyObject
  readonly kid?: string
  /** Sent instead of the body that was signed. */
  readonly sentBody?: string
  readonly headers?: Record<string, string>
}

/** A host that speaks the agent's protocol and does nothing: what it reports is what the test wants it to report. */
export interface FakeDevice {
  readonly id: string
  readonly key: KeyObject
  readonly token: string
  readonly breakGlass: { readonly serial: number; readonly key: string }
  /** The last request number used. */
  readonly lastSeq: () => number
  readonly get: (path: string, forgery?: Forgery) => Promise<Reply>
  readonly post: (path: string, body: unknown, forgery?: Forgery) => Promise<Reply>
  readonly put: (path: string, bytes: Buffer) => Promise<Reply>
  /** Fetches the commands that wait, without being held. */
  readonly fetch: () => Promise<Command[]>
  /** Polls without being held, as an agent does that begins what the answer lists, with what became of what it began so. */
  readonly poll: (reports?: readonly Report[]) => Promise<Reply>
  readonly acknowledge: (commandId: string) => Promise<Reply>
  readonly report: (result: CommandResult) => Promise<Reply>
}

/** What is needed of a server to speak the agent's protocol with it. */
export type AgentSide = Pick<Cordon, 'store' | 'anonymous'>

/** Makes an enrolment token of a tenant. */
export async function giveEnrolmentToken(cordon: AgentSide, tenantId: string): Promise<string> {
  const actor = { tenantId, id: 'test', kind: 'system', name: 'test' } as const
  return (await createEnrolmentToken({ store: cordon.store, clock: systemClock }, actor, 600)).token
}

/** Sends an enrolment, signed with `key`, or with what the forgery names. */
export async function sendEnrolment(
  cordon: AgentSide,
  token: string,
  key: { readonly privateKeyPem: string; readonly publicKey: string },
  changes: Record<string, unknown> = {},
  forgery: Forgery = {},
): Promise<Reply> {
  const message = {
    hostname: 'web-01',
    publicKey: key.publicKey,
    machineId: randomBytes(16).toString('hex'),
    os: 'Debian GNU/Linux 12 (bookworm)',
    agentVersion: '0.1.0',
    capabilities: [
      { actionType: 'isolateDevice', supported: true, modes: ['full', 'selective'] },
      { actionType: 'unIsolateDevice', supported: true },
      { actionType: 'runAntiVirusScan', supported: false, reason: 'not built' },
    ],
    ...changes,
  }
  return sendSigned(
    cordon,
    { key: readPrivateKey(key.privateKeyPem), kid: ENROLL_KID, token, seq: 1, ...forgery },
    'POST',
    '/enroll',
    JSON.stringify(message),
    forgery,
  )
}

/** Enrols a fake device under a host name. */
export async function enrolDevice(
  cordon: AgentSide,
  tenantId: string,
  hostname: string,
  changes: Record<string, unknown> = {},
  enrolmentToken?: string,
): Promise<FakeDevice> {
  const pair = makeKeyPair()
  const used = enrolmentToken ?? (await giveEnrolmentToken(cordon, tenantId))
  const reply = await sendEnrolment(cordon, used, pair, { hostname, ...changes })
  if (reply.status !== 201) throw new Error(`not enrolled: ${reply.status} ${reply.text}`)
  const { deviceId: id, token, breakGlass } = reply.body
  const key = readPrivateKey(pair.privateKeyPem)
  let seq = 1
  const send = (method: string, path: string, body: string | Buffer, forgery: Forgery = {}): Promise<Reply> => {
    const number = forgery.seq ?? ++seq
    return sendSigned(cordon, { key, kid: id, token, ...forgery, seq: number }, method, path, body, forgery)
  }
  const post: FakeDevice['post'] = (path, body, forgery) => send('POST', path, JSON.stringify(body), forgery)
  return {
    id,
    key,
    token,
    breakGlass,
    lastSeq: () => seq,
    get: (path, forgery) => send('GET', path, '', forgery),
    post,
    put: (path, bytes) => send('PUT', path, bytes),
    fetch: async () => readCommands(await send('GET', '/commands?wait=0', '')),
    poll: (reports = []) =>
      reports.length === 0 ? send('GET', beginningPoll, '') : post(beginningPoll, { reports } satisfies PollReports),
    acknowledge: (commandId) => post('/ack', { commandId, journalSeq: 1 }),
    report: (result) => post('/results', result),
  }
}

/**
 * Says that the hosts were heard of just now for as long as a test takes: they say nothing by themselves, and a dry run that is asked for
 * again when they are silent has another answer than before.
 */
export async function keepHostsHeard({ store }: Pick<Cordon, 'store'>): Promise<void> {
  const ahead = instantOf(systemClock.nowMs() + 3_600_000)
  await store.transaction((tx) => tx.updateTable('agents').set({ last_seen_at: ahead }).execute())
}

const beginningPoll = '/commands?wait=0&begin=listed'

/** The first command that waits for the device: until there is one it asks again and again. */
export async function awaitCommand(device: FakeDevice): Promise<Command> {
  const [command] = await waitUntil(
    () => device.fetch(),
    (commands) => commands.length > 0,
  )
  if (command === undefined) throw new Error('waited for in vain')
  return command
}

/** The commands of a poll's answer. */
export function readCommands({ status, body }: Reply): Command[] {
  const commands: string[] = status === 200 ? body.commands : []
  return commands.map((jws) => readCommand(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8')))
}

/** The result a good host reports for an isolation, a release or a rule, unless changed. */
export function makeResult(command: Command, changes: Partial<CommandResult> = {}): CommandResult {
  const { before, after, checks } = describeEffect(command)
  return {
    commandId: command.commandId,
    executionId: command.executionId,
    epoch: command.epoch,
    state: 'succeeded',
    startedAt: systemClock.now(),
    finishedAt: systemClock.now(),
    targets: [{ ref: `device:${command.deviceId}`, state: 'succeeded', changed: true, code: null, detail: null }],
    before,
    after,
    proof: {
      level: 'observed',
      method: 'nft-list+probe',
      observedAt: systemClock.now(),
      digest: digestJson(after),
      checks,
    },
    artifacts: [],
    ...changes,
  }
}

type Checks = NonNullable<CommandResult['proof']>['checks']

function describeEffect({ body, family }: Command): {
  readonly before: JsonObject
  readonly after: JsonObject
  readonly checks: Checks
} {
  if (family === 'ioc') {
    const inForce = body.action === 'deny'
    const state = inForce ? 'listed' : 'absent'
    return { before: { inForce: !inForce }, after: { inForce }, checks: [{ name: 'element', want: state, got: state }] }
  }
  const isolates = body.action === 'contain'
  const after: JsonObject = isolates ? { isolated: true, mode: 'full', rulesetSha256: 'ab' } : { isolated: false }
  const checks: Checks = isolates
    ? [
        { name: 'control4', want: 'pass', got: 'pass', ms: 3 },
        { name: 'forbidden4', want: 'fail', got: 'timeout', ms: 80 },
        { name: 'ruleset', want: 'listed', got: 'inet+netdev' },
      ]
    : [{ name: 'ruleset', want: 'absent', got: 'absent' }]
  return { before: { isolated: !isolates }, after, checks }
}

interface Credentials {
  readonly key: KeyObject
  readonly kid: string
  readonly token: string
  readonly seq: number
}

function sendSigned(
  cordon: AgentSide,
  { key, kid, token, seq }: Credentials,
  method: string,
  path: string,
  body: string | Buffer,
  forgery: Forgery,
): Promise<Reply> {
  const pathAndQuery = `${AGENT_PATH}${path}`
  const sent = forgery.sentBody ?? body
  return cordon.anonymous.send(method, pathAndQuery, method === 'GET' ? undefined : sent, {
    authorization: `Bearer ${token}`,
    'x-agent-protocol': '1',
    'x-seq': String(seq),
    'x-signature': signRequest(key, kid, { method, pathAndQuery, seq, body }),
    'content-type': 'application/json',
    ...forgery.headers,
  })
}
