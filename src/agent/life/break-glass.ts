import { checkBreakGlassCode } from '../../protocol/break-glass.ts'
import { boolean, decode, id, integer, nullable, object, optional, parseJson } from '../../protocol/decode.ts'
import { formatInstant, instant } from '../../protocol/instants.ts'
import type { Tamper } from '../../protocol/messages.ts'
import { observeIsolation, removeIsolation } from '../actions/nftables.ts'
import { openGuardControl } from '../guard/control.ts'
import { readRestriction } from '../guard/record.ts'
import { liftRestriction } from '../guard/restriction.ts'
import type { AgentHost } from '../host/agent-host.ts'
import { NotEnrolled } from '../session.ts'
import {
  openStateDirectory,
  readIdentity,
  readIsolation,
  type StateDirectory,
  stateFiles,
  writeState,
} from '../state.ts'

/** The last code that was used on this host. */
interface UsedCode {
  readonly serial: number
  readonly at: string
  /** The isolation it ended; null when only tables were left. */
  readonly commandId: string | null
  /** The restriction it ended; absent from what an older agent wrote. */
  readonly restrictionId?: string | null
  /** The server knows. */
  readonly reported: boolean
}

/** What `cordon agent release` did. */
export type BreakGlassOutcome =
  | { readonly kind: 'released'; readonly serial: number }
  | { readonly kind: 'notIsolated' }
  | { readonly kind: 'refused'; readonly problem: string }

const decodeUsed = object<UsedCode>({
  serial: integer(1, Number.MAX_SAFE_INTEGER),
  at: instant,
  commandId: nullable(id),
  restrictionId: optional(nullable(id)),
  reported: boolean,
})

/**
 * Releases this host by a one-time code, without the server. The use is on the disk before anything is released, and is told to the server
 * at the next contact. Works beside a running agent. Without an isolation or restriction the code is not used up.
 * @throws NotEnrolled, RulesetError, MountError
 * @source design actions.md 10.6
 */
export async function releaseByCode(host: AgentHost, stateDirectory: string, code: string): Promise<BreakGlassOutcome> {
  const state = openStateDirectory(stateDirectory)
  const identity = readIdentity(state)
  if (identity === undefined) throw new NotEnrolled(state.path, 'no device')
  if (identity.breakGlass === null)
    return { kind: 'refused', problem: 'this host was enrolled without break-glass key' }
  const { serial: enrolledAt, key } = identity.breakGlass
  const used = readUsedCode(state)
  const record = readIsolation(state)
  const restriction = readRestriction(state)
  // A release that was cut short is finished with the code it began with.
  const unfinished = used !== undefined && isUnfinished(used, record?.commandId, restriction?.commandId)
  const last = Math.max(enrolledAt, (used?.serial ?? 0) - (unfinished ? 1 : 0))
  const verdict = checkBreakGlassCode(key, identity.deviceId, code, host.clock.nowMs(), last)
  if (!verdict.ok) return { kind: 'refused', problem: verdict.problem }
  const observed = await observeIsolation(host.run)
  if (record === undefined && restriction === undefined && observed.tables.length === 0) return { kind: 'notIsolated' }
  const use: UsedCode = {
    serial: verdict.serial,
    at: formatInstant(host.clock.nowMs()),
    commandId: record?.commandId ?? null,
    restrictionId: restriction?.commandId ?? null,
    reported: false,
  }
  // From here on an agent that watches releases instead of loading again.
  writeState(state, stateFiles.breakGlass, use)
  if (observed.tables.length > 0) await removeIsolation(host.run, observed.tables)
  state.remove(stateFiles.isolation)
  await liftRestriction({ run: host.run, state, guard: openGuardControl(state) }, restriction)
  host.log('released by break-glass code', { serial: verdict.serial })
  return { kind: 'released', serial: verdict.serial }
}

/** The use of a code the server does not know of yet, in the form of a heartbeat; undefined when there is none. */
export function describeUnreported(state: StateDirectory): Tamper | undefined {
  const used = readUsedCode(state)
  if (used === undefined || used.reported) return undefined
  return {
    kind: 'BreakGlassRelease',
    at: used.at,
    detail: `code ${used.serial}, isolation ${used.commandId ?? 'none'}, restriction ${used.restrictionId ?? 'none'}`,
  }
}

/** Notes that the server knows of the last code. */
export function noteReported(state: StateDirectory): void {
  const used = readUsedCode(state)
  if (used?.reported === false) writeState(state, stateFiles.breakGlass, { ...used, reported: true })
}

function isUnfinished(used: UsedCode, isolation: string | undefined, restriction: string | undefined): boolean {
  if (isolation !== undefined && used.commandId === isolation) return true
  return restriction !== undefined && used.restrictionId === restriction
}

/** Tells whether a code has ended this very isolation or restriction. */
export function isReleasedByCode(state: StateDirectory, commandId: string): boolean {
  const used = readUsedCode(state)
  return used?.commandId === commandId || used?.restrictionId === commandId
}

function readUsedCode(state: StateDirectory): UsedCode | undefined {
  const content = state.read(stateFiles.breakGlass)
  return content === undefined ? undefined : decode(decodeUsed, parseJson(content, 4096))
}
