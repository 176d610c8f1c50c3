import { resultStates, targetStates } from '../../../protocol/result.ts'
import {
  DEFAULT_POLL_SECONDS,
  MAX_COMMANDS_PER_POLL,
  MAX_POLL_SECONDS,
  messageLimits,
  PROTOCOL_HEADER,
  SEQUENCE_HEADER,
  SIGNATURE_HEADER,
} from '../../../protocol/version.ts'
import {
  anyObject,
  count,
  type DescribedOperations,
  flag,
  header,
  instant,
  json,
  listOf,
  nullable,
  openRecord,
  query,
  record,
  refTo,
  type Schema,
  textOf,
} from './content.ts'

const publicKey: Schema = {
  type: 'string',
  pattern: '^[A-Za-z0-9_-]{43}$',
  description: '32 bytes of an Ed25519 key, base64url.',
}
const id = textOf()
const signedPolicy = nullable({ type: 'string', maxLength: messageLimits.policyBytes })
const capability = record(
  { actionType: textOf(), supported: flag, modes: listOf(textOf()), notes: listOf(textOf()), reason: textOf() },
  ['modes', 'notes', 'reason'],
)
const check = record({ name: textOf(), want: textOf(), got: textOf(), ms: count }, ['ms'])
const proof = record(
  {
    level: textOf('observed', 'attested', 'none'),
    method: textOf(),
    observedAt: instant,
    observedBy: textOf(),
    digest: textOf(),
    checks: listOf(check, { maxItems: 64 }),
  },
  ['observedBy'],
)

/** Schemas of the messages of `src/protocol`. */
export const agentSchemas: Readonly<Record<string, Schema>> = {
  'cordon.agent.enrollRequest': openRecord({
    hostname: textOf(),
    publicKey,
    machineId: { type: 'string', pattern: '^[0-9a-f]{32}$' },
    os: textOf(),
    agentVersion: textOf(),
    capabilities: listOf(capability, { maxItems: 64 }),
  }),
  'cordon.agent.enrollAnswer': openRecord({
    deviceId: id,
    token: textOf(),
    commandKeys: listOf(openRecord({ kid: id, publicKey })),
    policy: signedPolicy,
    breakGlass: nullable(openRecord({ serial: count, key: textOf() })),
    pollSeconds: count,
    serverTime: instant,
  }),
  'cordon.agent.poll': openRecord(
    {
      commands: listOf({ type: 'string', description: 'A signed command (JWS).' }, { maxItems: MAX_COMMANDS_PER_POLL }),
      policy: signedPolicy,
      serverTime: instant,
      holds: openRecord({ isolation: count, restriction: count }),
      rotateKey: { ...flag, description: 'Another device key is wanted.' },
      begin: {
        ...listOf(id, { maxItems: MAX_COMMANDS_PER_POLL }),
        description: 'Commands among these that are never taken back, so that the host need not ask before it begins.',
      },
      refused: {
        ...listOf(openRecord({ commandId: id, status: count, code: textOf() })),
        description: 'Reports of this request that are not taken; sending them again changes nothing.',
      },
    },
    ['rotateKey', 'begin', 'refused'],
  ),
  'cordon.agent.reports': record({
    reports: listOf(record({ journalSeq: { ...count, minimum: 1 }, result: refTo('cordon.agent.result') }), {
      maxItems: MAX_COMMANDS_PER_POLL,
    }),
  }),
  'cordon.agent.ack': record({ commandId: id, journalSeq: { ...count, minimum: 1 } }),
  'cordon.agent.result': record({
    commandId: id,
    executionId: id,
    epoch: count,
    state: textOf(...resultStates),
    startedAt: instant,
    finishedAt: instant,
    targets: listOf(
      record({
        ref: textOf(),
        state: textOf(...targetStates),
        changed: flag,
        code: nullable(textOf()),
        detail: nullable(textOf()),
      }),
    ),
    before: nullable(anyObject),
    after: nullable(anyObject),
    proof: nullable(proof),
    artifacts: listOf(anyObject),
  }),
  'cordon.agent.packageComplete': record({
    generation: { ...count, minimum: 1 },
    parts: { ...count, minimum: 1 },
    size: { ...count, minimum: 1 },
    sha256: { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' },
  }),
  'cordon.agent.heartbeat': openRecord(
    {
      time: instant,
      bootId: textOf(),
      agentVersion: textOf(),
      journalDepth: count,
      host: anyObject,
      state: openRecord({ isolated: flag, until: nullable(instant), restricted: flag, iocVersion: count }),
      capabilities: listOf(capability),
      tamper: listOf(record({ kind: textOf(), at: instant, detail: textOf() })),
    },
    ['capabilities'],
  ),
}

const signed = [
  header(PROTOCOL_HEADER, 'Version of the messages.', { type: 'integer' }),
  header(SEQUENCE_HEADER, 'Number of the request, rising over the life of the key.', { type: 'integer' }),
  header(SIGNATURE_HEADER, "The request signed with the device's key."),
]

const pollQuery = [
  query('wait', { type: 'integer', minimum: 0, maximum: MAX_POLL_SECONDS, default: DEFAULT_POLL_SECONDS }, 'Seconds.'),
  query('run', { type: 'string', pattern: '^[0-9a-f-]{8,36}$' }, 'Another one for each start of the agent.'),
  query('policy', count, 'Version of the policy the host has, 0 for none; it is sent when there is a newer one.'),
  query('key', textOf('held', 'wanted'), 'Whether an order to make another key is at hand; without it none is sent.'),
  query(
    'begin',
    textOf('listed'),
    'The host begins what the answer lists in `begin` without an acknowledgement; without it none is listed.',
  ),
]

/** The agent channel. Callers are known by a device's token together with its signature. */
export const agentOperations: DescribedOperations = {
  enrollAgent: {
    summary: 'A host with a one-time token becomes a device',
    headers: signed,
    request: json(refTo('cordon.agent.enrollRequest')),
    response: json(refTo('cordon.agent.enrollAnswer')),
  },
  pollCommands: {
    summary: 'Held until there is a command, or until the time is up',
    headers: signed,
    query: pollQuery,
    response: json(refTo('cordon.agent.poll')),
  },
  reportAndPoll: {
    summary:
      'As the poll, and brings what became of commands that were in `begin`; 400 when the reports are not understood',
    headers: signed,
    query: pollQuery,
    request: json(refTo('cordon.agent.reports')),
    response: json(refTo('cordon.agent.poll')),
  },
  acknowledgeCommand: {
    summary: 'The host has a command on disk; 409 when it must not begin',
    headers: signed,
    request: json(refTo('cordon.agent.ack')),
  },
  rotateKey: {
    summary: 'Another device key follows the one that signs this; 409 when the new one has not signed the step',
    headers: signed,
    request: json(
      record({
        publicKey,
        proof: { type: 'string', maxLength: 1024, description: 'A JWS by the new key over device, old and new key.' },
      }),
    ),
  },
  uploadPackagePart: {
    summary: 'A part of an investigation package; parts come in order, the same again changes nothing',
    headers: signed,
    query: [
      query('generation', { type: 'integer', minimum: 1 }, 'Which run of the collection it belongs to.'),
      query('part', { type: 'integer', minimum: 1 }, 'Number of the part.'),
    ],
    request: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
  },
  completePackage: {
    summary: 'Every part was sent; 409 when they are not the package that is named',
    headers: signed,
    request: json(refTo('cordon.agent.packageComplete')),
  },
  reportResult: {
    summary: 'What became of a command',
    headers: signed,
    request: json(refTo('cordon.agent.result')),
    response: json(record({})),
  },
  sendHeartbeat: {
    summary: 'What the host says of itself',
    headers: signed,
    request: json(refTo('cordon.agent.heartbeat')),
  },
}
