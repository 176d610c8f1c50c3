import { type AccountAction, type AccountBody, readAccount } from './bodies/account.ts'
import { type CollectPackageBody, fromWireCollect, wireCollect } from './bodies/collectInvestigationPackage.ts'
import { type RestrictBody, readRestriction, type UnRestrictBody } from './bodies/restrictAppExecution.ts'
import { type RunAntiVirusScanBody, readRunAntiVirusScan } from './bodies/runAntiVirusScan.ts'
import {
  fromWireQuarantine,
  fromWireRestore,
  type QuarantineFileBody,
  type RestoreFileBody,
  wireQuarantine,
  wireRestore,
} from './bodies/stopAndQuarantineFile.ts'
import { readSubmitIocRule, type SubmitIocRuleBody } from './bodies/submitIocRule.ts'
import {
  boolean,
  DecodeError,
  type Decoder,
  decode,
  id,
  integer,
  isObject,
  type JsonObject,
  list,
  object,
  oneOf,
  optional,
  text,
} from './decode.ts'

/** The action types that exist as command bodies; mail and risk marks never travel to an agent. */
export type CommandAction =
  | 'isolateDevice'
  | 'unIsolateDevice'
  | 'restrictAppExecution'
  | 'unRestrictAppExecution'
  | 'stopAndQuarantineFile'
  | 'runAntiVirusScan'
  | 'collectInvestigationPackage'
  | 'submitIocRule'
  | 'disableUser'
  | 'enableUser'
  | 'forceUserPasswordReset'
  | 'requireSignIn'

/** Every {@link CommandAction}. */
export const commandActions: readonly CommandAction[] = [
  'isolateDevice',
  'unIsolateDevice',
  'restrictAppExecution',
  'unRestrictAppExecution',
  'stopAndQuarantineFile',
  'runAntiVirusScan',
  'collectInvestigationPackage',
  'submitIocRule',
  'disableUser',
  'enableUser',
  'forceUserPasswordReset',
  'requireSignIn',
]

/** Commands of one family take turns on a host and are numbered together. */
export type CommandFamily = 'isolation' | 'restriction' | 'file' | 'scan' | 'package' | 'ioc' | 'account'

/** Every {@link CommandFamily}. */
export const commandFamilies: readonly CommandFamily[] = [
  'isolation',
  'restriction',
  'file',
  'scan',
  'package',
  'ioc',
  'account',
]

/** What the protocol knows about an action besides its body: family, confirmation tier, and whether it only takes something back. */
export interface ActionTraits {
  readonly family: CommandFamily
  readonly tier: 1 | 2 | 3
  readonly releases: boolean
}

/** One row per action; tiers as in the design's action table. */
export const actionTraits: Readonly<Record<CommandAction, ActionTraits>> = {
  isolateDevice: { family: 'isolation', tier: 2, releases: false },
  unIsolateDevice: { family: 'isolation', tier: 2, releases: true },
  restrictAppExecution: { family: 'restriction', tier: 2, releases: false },
  unRestrictAppExecution: { family: 'restriction', tier: 1, releases: true },
  stopAndQuarantineFile: { family: 'file', tier: 2, releases: false },
  runAntiVirusScan: { family: 'scan', tier: 1, releases: false },
  collectInvestigationPackage: { family: 'package', tier: 1, releases: false },
  submitIocRule: { family: 'ioc', tier: 2, releases: false },
  disableUser: { family: 'account', tier: 2, releases: false },
  enableUser: { family: 'account', tier: 1, releases: true },
  forceUserPasswordReset: { family: 'account', tier: 2, releases: false },
  requireSignIn: { family: 'account', tier: 1, releases: false },
}

/** Addresses that stay open under selective isolation, as CIDR text. */
export interface PermittedAddresses {
  readonly ipv4_net?: readonly string[]
  readonly ipv6_net?: readonly string[]
}

/** What an isolateDevice command asks for. `permitted` present means selective, absent means full. */
export interface IsolateDeviceBody {
  readonly actionType: 'isolateDevice'
  readonly deviceId: string
  /** Milliseconds the containment lasts unless it is renewed; undefined: only the lease of the envelope counts. */
  readonly durationMs: number | undefined
  readonly permitted: PermittedAddresses | undefined
}

/** What an unIsolateDevice command asks for. */
export interface UnIsolateDeviceBody {
  readonly actionType: 'unIsolateDevice'
  readonly deviceId: string
  /** Cut the flows that would resume with the release. */
  readonly killFlows: boolean
}

/** The read form of an OpenC2-shaped command body. */
export type CommandBody =
  | IsolateDeviceBody
  | UnIsolateDeviceBody
  | RestrictBody
  | UnRestrictBody
  | SubmitIocRuleBody
  | QuarantineFileBody
  | RestoreFileBody
  | RunAntiVirusScanBody
  | AccountBody
  | CollectPackageBody

interface WireIsolate {
  readonly action: 'contain'
  readonly target: { readonly device: { readonly device_id: string } }
  readonly args: {
    readonly duration?: number
    readonly er: { readonly device_containment: 'network_isolation'; readonly permitted_addresses?: PermittedAddresses }
  }
}

interface WireUnIsolate {
  readonly action: 'allow'
  readonly target: { readonly device: { readonly device_id: string } }
  readonly args: {
    readonly er: { readonly device_containment: 'network_isolation' }
    readonly 'x-cordon'?: { readonly kill_flows?: boolean }
  }
}

const MAX_PERMITTED = 256
const MAX_DURATION_MS = 366 * 86_400_000

const device = object<{ device: { device_id: string } }>({ device: object<{ device_id: string }>({ device_id: id }) })

const permittedAddresses = object<PermittedAddresses>({
  ipv4_net: optional(list(text(18), MAX_PERMITTED)),
  ipv6_net: optional(list(text(43), MAX_PERMITTED)),
})

const wireIsolate = object<WireIsolate>({
  action: oneOf(['contain']),
  target: device,
  args: object<WireIsolate['args']>({
    duration: optional(integer(1, MAX_DURATION_MS)),
    er: object<WireIsolate['args']['er']>({
      device_containment: oneOf(['network_isolation']),
      permitted_addresses: optional(permittedAddresses),
    }),
  }),
})

const wireUnIsolate = object<WireUnIsolate>({
  action: oneOf(['allow']),
  target: device,
  args: object<WireUnIsolate['args']>({
    er: object<{ device_containment: 'network_isolation' }>({ device_containment: oneOf(['network_isolation']) }),
    'x-cordon': optional(object<{ kill_flows?: boolean }>({ kill_flows: optional(boolean) })),
  }),
})

/** Writes the body of an isolateDevice command. */
export function writeIsolateDevice(input: Omit<IsolateDeviceBody, 'actionType'>): JsonObject {
  const { durationMs, permitted } = input
  const addresses: JsonObject = {
    ...(permitted?.ipv4_net === undefined ? {} : { ipv4_net: permitted.ipv4_net }),
    ...(permitted?.ipv6_net === undefined ? {} : { ipv6_net: permitted.ipv6_net }),
  }
  return {
    action: 'contain',
    target: { device: { device_id: input.deviceId } },
    args: {
      ...(durationMs === undefined ? {} : { duration: durationMs }),
      er: {
        device_containment: 'network_isolation',
        ...(permitted === undefined ? {} : { permitted_addresses: addresses }),
      },
    },
  }
}

/** Writes the body of an unIsolateDevice command. */
export function writeUnIsolateDevice(input: Omit<UnIsolateDeviceBody, 'actionType'>): JsonObject {
  return {
    action: 'allow',
    target: { device: { device_id: input.deviceId } },
    args: {
      er: { device_containment: 'network_isolation' },
      ...(input.killFlows ? { 'x-cordon': { kill_flows: true } } : {}),
    },
  }
}

/**
 * Which action a body asks for, by OpenC2 action, target and containment; nothing else of it is checked.
 * @returns undefined when it is none Cordon sends to an agent
 */
export function nameAction(body: JsonObject): CommandAction | undefined {
  const target = asObject(body.target)
  const er = asObject(asObject(body.args).er)
  const own = asObject(asObject(body.args)['x-cordon'])
  switch (body.action) {
    case 'contain':
      if ('file' in target) return 'stopAndQuarantineFile'
      if (er.device_containment === 'network_isolation') return 'isolateDevice'
      return er.device_containment === 'app_restriction' ? 'restrictAppExecution' : undefined
    case 'allow':
      if (er.device_containment === 'network_isolation') return 'unIsolateDevice'
      if (er.device_containment === 'app_restriction') return 'unRestrictAppExecution'
      return 'indicator_id' in own ? 'submitIocRule' : undefined
    case 'restore':
      return 'file' in target ? 'stopAndQuarantineFile' : undefined
    case 'scan':
      return 'runAntiVirusScan'
    case 'investigate':
      return 'collectInvestigationPackage'
    case 'deny':
      return 'submitIocRule'
    case 'set':
      if (er.account_status === 'disabled') return 'disableUser'
      if (er.account_status === 'enabled') return 'enableUser'
      return own.password === 'must_change' || own.password === 'restore' ? 'forceUserPasswordReset' : undefined
    case 'stop':
      return 'x-cordon:session' in target ? 'requireSignIn' : undefined
    default:
      return undefined
  }
}

/**
 * Reads a command body.
 * @throws DecodeError when it names no known action or its parts do not have the agreed form
 * @source OpenC2 Language Specification 1.0, colon form; design actions.md 9.5
 */
export function readBody(body: JsonObject): CommandBody {
  const actionType = nameAction(body)
  if (actionType === undefined) throw new DecodeError('body', 'a known action')
  if (actionType === 'isolateDevice') {
    const wire = read(wireIsolate, body)
    return {
      actionType,
      deviceId: wire.target.device.device_id,
      durationMs: wire.args.duration,
      permitted: wire.args.er.permitted_addresses,
    }
  }
  if (actionType === 'unIsolateDevice') {
    const wire = read(wireUnIsolate, body)
    return {
      actionType,
      deviceId: wire.target.device.device_id,
      killFlows: wire.args['x-cordon']?.kill_flows ?? false,
    }
  }
  if (actionType === 'submitIocRule') return readSubmitIocRule(body)
  if (isAccountAction(actionType)) return readAccount(actionType, body)
  if (actionType === 'stopAndQuarantineFile') return readFileBody(body)
  if (actionType === 'runAntiVirusScan') return readRunAntiVirusScan(body)
  if (actionType === 'collectInvestigationPackage') return fromWireCollect(read(wireCollect, body))
  return readRestriction(body)
}

function readFileBody(body: JsonObject): QuarantineFileBody | RestoreFileBody {
  const file =
    body.action === 'restore'
      ? fromWireRestore(read(wireRestore, body))
      : fromWireQuarantine(read(wireQuarantine, body))
  if (Object.keys(file.hashes).length === 0) throw new DecodeError('body.target.file.hashes', 'a sha1 or a sha256')
  return file
}

function read<T>(decoder: Decoder<T>, body: JsonObject): T {
  return decode((value, path) => decoder(value, path === '' ? 'body' : path), body)
}

function isAccountAction(actionType: CommandAction): actionType is AccountAction {
  return actionTraits[actionType].family === 'account'
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {}
}
