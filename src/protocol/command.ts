import type { KeyObject } from 'node:crypto'
import { type CommandFamily, commandFamilies } from './body.ts'
import { canonicalJson } from './canonical.ts'
import {
  boolean,
  DecodeError,
  decode,
  id,
  integer,
  type JsonObject,
  jsonObject,
  object,
  oneOf,
  parseJson,
  sha256Text,
  text,
} from './decode.ts'
import { instant } from './instants.ts'
import { type SignatureFault, signJws, verifyJws } from './jws.ts'
import { messageLimits, PROTOCOL_VERSION } from './version.ts'

/** Payload of a signed command. @source design actions.md 9.4 */
export interface Command {
  /** Protocol version the command was written for. */
  readonly v: number
  readonly commandId: string
  readonly executionId: string
  readonly taskId: string
  readonly tenantId: string
  readonly deviceId: string
  readonly family: CommandFamily
  /** Number of the command within its family on this device; strictly rising. */
  readonly seq: number
  /** Which dispatch of the execution this is; never falls. */
  readonly epoch: number
  readonly issuedAt: string
  readonly notBefore: string
  readonly notAfter: string
  readonly dryRun: boolean
  readonly actor: { readonly id: string; readonly kind: 'user' | 'app' | 'system' }
  readonly reason: string
  readonly approvals: { readonly required: number; readonly count: number; readonly digest: string }
  readonly safety: {
    readonly policyVersion: number
    /** How long the self-test may take until the effect is rolled back. */
    readonly selfTestSeconds: number
    /** Kernel-timed end of a containment, counted from its application. */
    readonly leaseSeconds: number
  }
  /** OpenC2-shaped; see `readBody`. */
  readonly body: JsonObject
}

/** Every reason a host has for refusing a command, in the order the checks run; the last four come from the action itself. */
export const refusalCodes = [
  'BadSignature',
  'WrongDevice',
  'BadVersion',
  'Expired',
  'Stale',
  'BadCommand',
  'DisabledByOwner',
  'DisabledByPolicy',
  'NotApproved',
  'Protected',
  'Unsupported',
  'Cancelled',
] as const

/** One of {@link refusalCodes}. */
export type RefusalCode = (typeof refusalCodes)[number]

const decodeCommand = object<Command>({
  v: integer(1, 1000),
  commandId: id,
  executionId: id,
  taskId: id,
  tenantId: id,
  deviceId: id,
  family: oneOf(commandFamilies),
  seq: integer(1, Number.MAX_SAFE_INTEGER),
  epoch: integer(0, Number.MAX_SAFE_INTEGER),
  issuedAt: instant,
  notBefore: instant,
  notAfter: instant,
  dryRun: boolean,
  actor: object<Command['actor']>({ id: text(200), kind: oneOf(['user', 'app', 'system']) }),
  reason: text(2000),
  approvals: object<Command['approvals']>({ required: integer(0, 10), count: integer(0, 100), digest: sha256Text }),
  safety: object<Command['safety']>({
    policyVersion: integer(0, Number.MAX_SAFE_INTEGER),
    selfTestSeconds: integer(1, 300),
    leaseSeconds: integer(1, 366 * 86_400),
  }),
  body: jsonObject(12, messageLimits.commandBytes),
})

/** Signs a command with the server's command key. */
export function signCommand(key: KeyObject, kid: string, command: Command): string {
  return signJws(key, kid, 'cordon-cmd+jwt', canonicalJson(command))
}

/** Outcome of {@link openCommand}. */
export type OpenedCommand =
  | { readonly ok: true; readonly command: Command; readonly kid: string }
  | {
      readonly ok: false
      readonly code: 'BadSignature' | 'WrongDevice' | 'BadVersion' | 'BadCommand'
      readonly detail: string
    }

const decodeAddressing = object<{ readonly v: number; readonly deviceId: string }>(
  { v: integer(1, Number.MAX_SAFE_INTEGER), deviceId: id },
  'ignore',
)

/**
 * Checks a command's signature, then whom it is for, its version and its form, in this order. Nothing of an unsigned payload is looked at.
 * @param deviceId whom it must be for
 * @param findKey pinned command keys by `kid`
 */
export function openCommand(
  jws: string,
  deviceId: string,
  findKey: (kid: string) => KeyObject | undefined,
): OpenedCommand {
  const checked = verifyJws(jws, 'cordon-cmd+jwt', findKey, messageLimits.commandBytes)
  if (!checked.ok) return { ok: false, code: 'BadSignature', detail: describeFault(checked.fault) }
  try {
    // Another version may have other parts, so only these two are read before the version is known to be ours.
    const to = decode(decodeAddressing, parseJson(checked.payload, messageLimits.commandBytes))
    if (to.deviceId !== deviceId) return { ok: false, code: 'WrongDevice', detail: `meant for ${to.deviceId}` }
    if (to.v !== PROTOCOL_VERSION) return { ok: false, code: 'BadVersion', detail: `version ${to.v}` }
    return { ok: true, command: readCommand(checked.payload), kid: checked.kid }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { ok: false, code: 'BadCommand', detail: error.message }
  }
}

/**
 * Reads a command payload whose signature was checked before.
 * @throws DecodeError
 */
export function readCommand(payload: string): Command {
  return decode(decodeCommand, parseJson(payload, messageLimits.commandBytes))
}

/** A signature fault in words. */
export function describeFault(fault: SignatureFault): string {
  return {
    malformed: 'not a signed command',
    wrongType: 'signed for another purpose',
    unknownKey: 'key is not pinned',
    badSignature: 'signature does not fit',
  }[fault]
}
