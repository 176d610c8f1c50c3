import { boolean, type Decoder, id, integer, list, nullable, object, optional, text } from './decode.ts'
import { instant } from './instants.ts'
import type { NamedPublicKey } from './jws.ts'
import { type CommandResult, decodeResult } from './result.ts'
import { MAX_COMMANDS_PER_POLL, MAX_POLL_SECONDS, messageLimits } from './version.ts'

/** Whether a host can do an action, and why not. @source design actions.md 9.3 */
export interface Capability {
  readonly actionType: string
  readonly supported: boolean
  readonly modes?: readonly string[]
  readonly notes?: readonly string[]
  readonly reason?: string
}

/** Body of `POST /enroll`; the request is signed with the key it carries, as proof that the host holds it. */
export interface EnrollRequest {
  readonly hostname: string
  /** 32 raw bytes of the device's Ed25519 key, base64url. */
  readonly publicKey: string
  /** Stable id of the installation; 32 hexadecimal digits. */
  readonly machineId: string
  readonly os: string
  readonly agentVersion: string
  readonly capabilities: readonly Capability[]
}

/** 201 answer to `POST /enroll`. */
export interface EnrollAnswer {
  readonly deviceId: string
  /** Bearer token of the device; worthless without the device key. */
  readonly token: string
  /** Keys whose signature makes a command or policy valid. */
  readonly commandKeys: readonly NamedPublicKey[]
  /** Signed policy, or null when the tenant has none yet. */
  readonly policy: string | null
  readonly breakGlass: { readonly serial: number; readonly key: string } | null
  readonly pollSeconds: number
  readonly serverTime: string
}

/** How many executions still want a state of the host; zero everywhere is sent as 204. */
export interface Holds {
  readonly isolation: number
  readonly restriction: number
}

/** 200 answer to `GET /commands`; 204 means: no command, no new policy, no hold. */
export interface PollAnswer {
  /** Signed commands (JWS compact), oldest first within a family. */
  readonly commands: readonly string[]
  readonly policy: string | null
  readonly serverTime: string
  readonly holds: Holds
  /** An operator wants another device key: see `POST /key`. Sent to agents that say `key=held`. */
  readonly rotateKey?: boolean
  /**
   * Ids of those of the commands that may begin without an acknowledgement: the server never takes them back from here on. What became of
   * them goes with the next poll. Sent to agents that say `begin=listed`.
   */
  readonly begin?: readonly string[]
  /** Reports of this very poll that the server will never take. */
  readonly refused?: readonly RefusedReport[]
}

/** What became of a command that began without an acknowledgement. */
export interface Report {
  /** Number of the journal line that recorded the command, before its first effect. */
  readonly journalSeq: number
  readonly result: CommandResult
}

/** Body of `POST /commands`: a poll that carries reports. They are on the server's disk before the poll is held. */
export interface PollReports {
  readonly reports: readonly Report[]
}

/** A report that was not taken, with what `POST /results` would have answered to its result. */
export interface RefusedReport {
  readonly commandId: string
  readonly status: number
  readonly code: string
}

/** Body of `POST /ack`: the command is durably recorded, nothing has been done yet. */
export interface Ack {
  readonly commandId: string
  /** Number of the journal line that records it. */
  readonly journalSeq: number
}

/** A network interface of a host. */
export interface HostInterface {
  readonly name: string
  readonly mac: string | null
  /** Addresses with prefix length, e.g. `10.9.0.2/24`. */
  readonly addresses: readonly string[]
}

/** What a host knows about itself. */
export interface HostFacts {
  readonly os: string
  readonly kernel: string
  readonly hostname: string
  readonly fqdn: string | null
  readonly machineId: string
  /** Every non-loopback address, without prefix length. */
  readonly addresses: readonly string[]
  readonly interfaces: readonly HostInterface[]
  readonly loggedOnUsers: readonly string[]
}

/** Something on the host that should not be. */
export interface Tamper {
  readonly kind: string
  readonly at: string
  readonly detail: string
}

/** Body of `POST /heartbeat`. @source design actions.md 9.7 */
export interface Heartbeat {
  readonly time: string
  readonly bootId: string
  readonly agentVersion: string
  /** Commands whose result the server has not acknowledged. */
  readonly journalDepth: number
  readonly host: HostFacts
  readonly state: {
    readonly isolated: boolean
    /** Kernel-timed end of the isolation; null when not isolated. */
    readonly until: string | null
    readonly restricted: boolean
    /** When the restriction ends by itself; absent from older agents. */
    readonly restrictedUntil?: string | null
    readonly iocVersion: number
  }
  readonly capabilities?: readonly Capability[]
  readonly tamper: readonly Tamper[]
}

const publicKey = text(43, /^[A-Za-z0-9_-]{43}$/)
const hostname = text(253, /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/)
const machineId = text(32, /^[0-9a-f]{32}$/)

const capability = object<Capability>({
  actionType: text(64),
  supported: boolean,
  modes: optional(list(text(64), 16)),
  notes: optional(list(text(200), 16)),
  reason: optional(text(500)),
})

/** Reads the body of `POST /enroll`. */
export const decodeEnrollRequest: Decoder<EnrollRequest> = object<EnrollRequest>(
  {
    hostname,
    publicKey,
    machineId,
    os: text(200),
    agentVersion: text(64),
    capabilities: list(capability, 64),
  },
  'ignore',
)

/** Reads the answer to `POST /enroll`; further properties of a newer server are ignored. */
export const decodeEnrollAnswer: Decoder<EnrollAnswer> = object<EnrollAnswer>(
  {
    deviceId: id,
    token: text(512, /^[\x21-\x7e]+$/),
    commandKeys: list(object<NamedPublicKey>({ kid: id, publicKey }, 'ignore'), 16),
    policy: nullable(text(messageLimits.policyBytes)),
    breakGlass: nullable(
      object<{ serial: number; key: string }>(
        { serial: integer(0, Number.MAX_SAFE_INTEGER), key: text(256) },
        'ignore',
      ),
    ),
    pollSeconds: integer(1, MAX_POLL_SECONDS),
    serverTime: instant,
  },
  'ignore',
)

/** Reads the answer to `GET /commands`; further properties of a newer server are ignored. */
export const decodePollAnswer: Decoder<PollAnswer> = object<PollAnswer>(
  {
    commands: list(text(messageLimits.commandBytes), MAX_COMMANDS_PER_POLL),
    policy: nullable(text(messageLimits.policyBytes)),
    serverTime: instant,
    holds: object<Holds>({ isolation: integer(0, 1_000_000), restriction: integer(0, 1_000_000) }, 'ignore'),
    rotateKey: optional(boolean),
    begin: optional(list(id, MAX_COMMANDS_PER_POLL)),
    refused: optional(
      list(
        object<RefusedReport>({ commandId: id, status: integer(400, 499), code: text(64) }, 'ignore'),
        MAX_COMMANDS_PER_POLL,
      ),
    ),
  },
  'ignore',
)

/** Reads the body of `POST /commands`. */
export const decodePollReports: Decoder<PollReports> = object<PollReports>({
  reports: list(
    object<Report>({ journalSeq: integer(1, Number.MAX_SAFE_INTEGER), result: decodeResult }),
    MAX_COMMANDS_PER_POLL,
  ),
})

/** Reads the body of `POST /ack`. */
export const decodeAck: Decoder<Ack> = object<Ack>({ commandId: id, journalSeq: integer(1, Number.MAX_SAFE_INTEGER) })

const hostInterface = object<HostInterface>({
  name: text(64),
  mac: nullable(text(64)),
  addresses: list(text(64), 64),
})

const hostFacts = object<HostFacts>(
  {
    os: text(200),
    kernel: text(200),
    hostname,
    fqdn: nullable(text(253)),
    machineId,
    addresses: list(text(64), 256),
    interfaces: list(hostInterface, 256),
    loggedOnUsers: list(text(256), 256),
  },
  'ignore',
)

/** Reads the body of `POST /heartbeat`. Labels and other properties the host may not set are ignored. */
export const decodeHeartbeat: Decoder<Heartbeat> = object<Heartbeat>(
  {
    time: instant,
    bootId: text(64),
    agentVersion: text(64),
    journalDepth: integer(0, 1_000_000),
    host: hostFacts,
    state: object<Heartbeat['state']>(
      {
        isolated: boolean,
        until: nullable(instant),
        restricted: boolean,
        restrictedUntil: optional(nullable(instant)),
        iocVersion: integer(0, Number.MAX_SAFE_INTEGER),
      },
      'ignore',
    ),
    capabilities: optional(list(capability, 64)),
    tamper: list(object<Tamper>({ kind: text(64), at: instant, detail: text(1000) }), 100),
  },
  'ignore',
)

/** A host's own words about one command, for messages that must not be trusted further. */
export interface ClaimedCommand {
  readonly commandId: string
  readonly executionId: string
}

/** Reads only the two ids out of an unverified command, so that its refusal can name them. */
export const decodeClaimedCommand: Decoder<ClaimedCommand> = object<ClaimedCommand>(
  { commandId: id, executionId: id },
  'ignore',
)
