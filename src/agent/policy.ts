import type { KeyObject } from 'node:crypto'
import { actionTraits, type CommandBody, readBody } from '../protocol/body.ts'
import { type Command, openCommand, type RefusalCode } from '../protocol/command.ts'
import { DecodeError, decode } from '../protocol/decode.ts'
import { parseInstantMs } from '../protocol/instants.ts'
import { peekPayload } from '../protocol/jws.ts'
import { type ClaimedCommand, decodeClaimedCommand } from '../protocol/messages.ts'
import type { AgentPolicy } from '../protocol/policy.ts'
import { messageLimits } from '../protocol/version.ts'
import type { AgentConfig } from './config.ts'
import { canDo, type HostCapabilities } from './host/capabilities.ts'
import type { JournalEntry } from './journal.ts'

/** Everything a command is judged by. */
export interface Judgement {
  readonly deviceId: string
  readonly findKey: (kid: string) => KeyObject | undefined
  /** Server time in milliseconds since 1970: own clock corrected by the offset of the last contact. */
  readonly serverNowMs: number
  readonly findEntry: (commandId: string) => JournalEntry | undefined
  readonly highestSeq: (family: string) => number
  readonly highestEpoch: (executionId: string) => number
  readonly config: AgentConfig
  /** The signed policy in force; undefined when the server never sent one. */
  readonly policy: AgentPolicy | undefined
  readonly capabilities: HostCapabilities
}

/** A reason not to do a command. */
export interface CommandRefusal {
  readonly code: RefusalCode
  readonly detail: string
}

/** What to do with a received command. */
export type Verdict =
  | { readonly kind: 'accept'; readonly command: Command; readonly body: CommandBody }
  | { readonly kind: 'known'; readonly entry: JournalEntry }
  /** Signed, addressed to us and in order: the refusal is journaled and answered like any result. */
  | ({ readonly kind: 'refuse'; readonly command: Command } & CommandRefusal)
  /** Not a command of our server to us: answered as far as it can be named, and never journaled as ours. */
  | ({ readonly kind: 'reject'; readonly claimed: ClaimedCommand | undefined } & CommandRefusal)

// The offset to the server's clock is only known to within a round trip.
const EARLY_TOLERANCE_MS = 5_000

/**
 * Judges a signed command, in the fixed order: signature and pinned key, device, version, time, journal, order, form, the owner's
 * allow-list, policy, approvals, protection, capability.
 * @source design actions.md 9.4
 */
export function judgeCommand(jws: string, by: Judgement): Verdict {
  const opened = openCommand(jws, by.deviceId, by.findKey)
  if (!opened.ok) {
    const { code, detail } = opened
    return { kind: 'reject', code, detail, claimed: readClaim(jws) }
  }
  const { command } = opened
  const known = by.findEntry(command.commandId)
  const late = checkTime(command, by.serverNowMs)
  // A command that was taken up in time keeps its recorded answer, however late it is delivered again.
  if (known !== undefined) return { kind: 'known', entry: known }
  if (late !== undefined) return { kind: 'refuse', command, ...late }
  const stale = checkOrder(command, by)
  if (stale !== undefined) return { kind: 'refuse', command, ...stale }
  const body = readCommandBody(command)
  if ('code' in body) return { kind: 'refuse', command, ...body }
  const refusal = checkPermission(command, body, by)
  return refusal === undefined ? { kind: 'accept', command, body } : { kind: 'refuse', command, ...refusal }
}

/** Checks the time window of a command once more; used again right before the first effect. */
export function checkTime(command: Command, serverNowMs: number): CommandRefusal | undefined {
  if (serverNowMs > parseInstantMs(command.notAfter)) {
    return { code: 'Expired', detail: `not to begin after ${command.notAfter}` }
  }
  if (serverNowMs + EARLY_TOLERANCE_MS < parseInstantMs(command.notBefore)) {
    return { code: 'Expired', detail: `not to begin before ${command.notBefore}` }
  }
  return undefined
}

/** Reads the body of a command and checks that it belongs to this envelope. */
export function readCommandBody(command: Command): CommandBody | CommandRefusal {
  try {
    const body = readBody(command.body)
    if (actionTraits[body.actionType].family !== command.family) {
      return { code: 'BadCommand', detail: 'the body belongs to another family' }
    }
    if ('deviceId' in body && body.deviceId !== command.deviceId) {
      return { code: 'BadCommand', detail: 'the body names another device' }
    }
    return body
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { code: 'BadCommand', detail: error.message }
  }
}

function checkOrder(command: Command, by: Judgement): CommandRefusal | undefined {
  const seq = by.highestSeq(command.family)
  if (command.seq <= seq) return { code: 'Stale', detail: `number ${command.seq} after ${seq}` }
  const epoch = by.highestEpoch(command.executionId)
  return command.epoch < epoch ? { code: 'Stale', detail: `epoch ${command.epoch} after ${epoch}` } : undefined
}

function checkPermission(command: Command, body: CommandBody, by: Judgement): CommandRefusal | undefined {
  const { actionType } = body
  const traits = actionTraits[actionType]
  if (!by.config.allow.has(actionType)) return { code: 'DisabledByOwner', detail: `${actionType} is not in agent.conf` }
  if (by.policy !== undefined) {
    const releases = traits.releases || takesBack(body)
    const refusal = checkPolicy(command, actionType, releases, by.policy, by.serverNowMs)
    if (refusal !== undefined) return refusal
    // What has no effect needs nobody else, and a release was never refused for want of one.
    const byPolicy = command.dryRun || releases ? 0 : neededApprovals(traits.tier, by.policy)
    const needed = Math.max(command.approvals.required, byPolicy)
    if (command.approvals.count < needed) {
      return { code: 'NotApproved', detail: `${command.approvals.count} of ${needed} approvals` }
    }
    // A rule is about an indicator: what protects a device is no reason to leave it open to that.
    const onDevice = traits.tier > 1 && !releases && traits.family !== 'ioc'
    if (onDevice && by.policy.protected.devices.includes(by.deviceId)) {
      return { code: 'Protected', detail: 'this device is protected' }
    }
  } else if (command.approvals.count < command.approvals.required) {
    return { code: 'NotApproved', detail: `${command.approvals.count} of ${command.approvals.required} approvals` }
  }
  if (takesPackageFile(body) && command.approvals.count < 1) {
    return { code: 'NotApproved', detail: 'the file of an installed package takes a second person' }
  }
  return canDo(by.capabilities, actionType) ? undefined : { code: 'Unsupported', detail: actionType }
}

function takesPackageFile(body: CommandBody): boolean {
  return body.actionType === 'stopAndQuarantineFile' && body.mode === 'quarantine' && body.allowPackageFiles
}

/** A command that only undoes what one of the same type did: protection must not keep it in force. */
function takesBack(body: CommandBody): boolean {
  if (body.actionType === 'submitIocRule') return body.withdraw
  if (body.actionType === 'forceUserPasswordReset') return 'undo' in body && body.undo
  return body.actionType === 'stopAndQuarantineFile' && 'mode' in body && body.mode === 'restore'
}

function checkPolicy(
  command: Command,
  actionType: CommandBody['actionType'],
  releases: boolean,
  policy: AgentPolicy,
  serverNowMs: number,
): CommandRefusal | undefined {
  if (policy.tenantId !== command.tenantId) return { code: 'DisabledByPolicy', detail: 'policy of another tenant' }
  if (releases) return undefined
  if (serverNowMs > parseInstantMs(policy.notAfter)) {
    return { code: 'DisabledByPolicy', detail: `the policy ended ${policy.notAfter}` }
  }
  return policy.allowActions.includes(actionType)
    ? undefined
    : { code: 'DisabledByPolicy', detail: `policy ${policy.v} does not allow ${actionType}` }
}

function neededApprovals(tier: 1 | 2 | 3, policy: AgentPolicy): number {
  return tier === 1 ? 0 : tier === 2 ? policy.approvals.tier2 : policy.approvals.tier3
}

function readClaim(jws: string): ClaimedCommand | undefined {
  try {
    return decode(decodeClaimedCommand, peekPayload(jws, messageLimits.commandBytes))
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
