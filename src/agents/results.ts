import type { Clock, Ids } from '../io/clock.ts'
import { failpoint } from '../io/failpoint.ts'
import { CordonError } from '../model/errors.ts'
import { type CommandBody, readBody } from '../protocol/body.ts'
import { digestJson } from '../protocol/canonical.ts'
import { readCommand as readCommandPayload } from '../protocol/command.ts'
import { DecodeError, type Decoder, decode } from '../protocol/decode.ts'
import { peekPayload } from '../protocol/jws.ts'
import { type Ack, decodeAck, decodePollReports, type RefusedReport } from '../protocol/messages.ts'
import { type CommandResult, decodeResult, isTerminalResult } from '../protocol/result.ts'
import { messageLimits } from '../protocol/version.ts'
import {
  type CommandState,
  dropHolds,
  finishCommand,
  markRecorded,
  readCommandForUpdate,
  type StoredCommand,
  updateCommand,
} from '../store/agents.ts'
import type { Tx } from '../store/db.ts'
import { hasOpenCommands } from '../store/ioc-rules.ts'
import type { NewJob } from '../store/jobs.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { checkJob } from './commands.ts'
import type { PackageFolder, StoredPackage } from './evidence/package-folder.ts'
import { findProofGap } from './evidence/proof.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Device } from './identity/authenticate.ts'

/** What taking messages of agents in needs. */
export interface ResultDeps {
  readonly clock: Clock
  readonly ids: Ids
  readonly packages: PackageFolder
  readonly together: GroupCommit
}

/**
 * Notes that a host has durably recorded a command; only then may the command take effect there. A second acknowledgement is taken like
 * the first.
 * @throws CordonError BadRequest; NotFound for a command that is not this device's; Conflict when the command was taken back or its time is
 *   over: the host must not begin
 */
export async function acceptAck(deps: ResultDeps, device: Device, message: unknown): Promise<void> {
  const ack = read(decodeAck, message)
  const refusal = await deps.together.run(device.id, async (tx) => {
    const command = await readOwnCommand(tx, device, ack.commandId)
    if (command === null) return recordForeign(deps, tx, device, 'acknowledgeCommand', ack.commandId)
    return acknowledge(deps, tx, device, command, ack)
  })
  failpoint('after-ack-before-answer')
  if (refusal !== null) throw refusal
}

/**
 * Takes the result of a command in and makes the engine look at its execution, in one transaction. A duplicate changes nothing. A success
 * whose proof does not hold is stored as unverified.
 * @throws CordonError BadRequest; NotFound for a command that is not this device's; Conflict for a result that contradicts a final one, of
 *   another execution or epoch, or a success of a command the host never acknowledged
 */
export async function acceptResult(deps: ResultDeps, device: Device, message: unknown): Promise<void> {
  const reported = await lookUpPackage(deps, { result: read(decodeResult, message), journalSeq: null })
  const refusal = await deps.together.run(device.id, (tx) => takeResult(deps, tx, device, reported))
  failpoint('after-result-before-answer')
  if (refusal !== null) throw refusal
}

/**
 * Takes the reports of a poll in, all in one transaction; each of them is judged like a result that comes by itself.
 * @returns those that are refused, with the reason; the others are taken
 * @throws CordonError BadRequest when the message as a whole is not understood
 */
export async function acceptReports(deps: ResultDeps, device: Device, message: unknown): Promise<RefusedReport[]> {
  const { reports } = read(decodePollReports, message)
  const reported = await Promise.all(reports.map((report) => lookUpPackage(deps, report)))
  const refused = await deps.together.run(device.id, async (tx) => {
    const refusals: RefusedReport[] = []
    for (const one of reported) {
      const refusal = await takeResult(deps, tx, device, one)
      if (refusal === null) continue
      refusals.push({ commandId: one.result.commandId, status: refusal.status, code: refusal.kind })
    }
    return refusals
  })
  failpoint('after-reports-before-answer')
  return refused
}

/** What a host says became of a command. */
interface Reported {
  readonly result: CommandResult
  /** Where its journal recorded the command; null when an acknowledgement has said it. */
  readonly journalSeq: number | null
  /** The package of the command, where it was told to collect one. */
  readonly stored: StoredPackage | null
}

/** Files are looked at before the transaction; only a result that names a package is worth a look into the folder. */
async function lookUpPackage(deps: ResultDeps, said: Omit<Reported, 'stored'>): Promise<Reported> {
  const named = said.result.after?.sha256 !== undefined
  return { ...said, stored: named ? await deps.packages.find(said.result.commandId) : null }
}

async function takeResult(deps: ResultDeps, tx: Tx, device: Device, reported: Reported): Promise<CordonError | null> {
  const { result } = reported
  const command = await readOwnCommand(tx, device, result.commandId)
  if (command === null) return recordForeign(deps, tx, device, 'reportResult', result.commandId)
  if (!isTerminalResult(result.state)) return storeProgress(deps, tx, device, command, result)
  const standing = compareResult(command, result)
  if (standing === 'duplicate') return null
  if (standing !== 'new') {
    await recordRefused(deps, tx, device, 'reportResult', result.commandId, standing.conflict)
    return new CordonError('Conflict', standing.conflict)
  }
  await storeResult(deps, tx, device, command, reported)
  return null
}

async function acknowledge(
  deps: ResultDeps,
  tx: Tx,
  device: Device,
  command: StoredCommand,
  ack: Ack,
): Promise<CordonError | null> {
  const now = deps.clock.now()
  if (command.state === 'cancelled' || command.state === 'expired') {
    return new CordonError('Conflict', 'The command was taken back.')
  }
  if (command.state !== 'queued' && command.state !== 'given') return null
  // A host that was let begin has judged the time itself, and may have begun before it asked after all.
  const late = command.state === 'queued' && now > command.not_after
  if (late) await updateCommand(tx, command.id, { state: 'expired', finished_at: now })
  else await markRecorded(tx, command.id, now)
  await recordChange(tx, {
    at: now,
    actor: toActor(device),
    audit: {
      action: 'acknowledgeCommand',
      objectType: 'command',
      objectId: command.id,
      decision: late ? 'refused' : 'allowed',
      ...(late ? { code: 'Expired' } : {}),
      details: { journalSeq: ack.journalSeq },
    },
    jobs: await planLook(deps, tx, command),
  })
  return late ? new CordonError('Conflict', 'The time of the command is over.') : null
}

async function storeResult(
  deps: ResultDeps,
  tx: Tx,
  device: Device,
  command: StoredCommand,
  { result, journalSeq, stored }: Reported,
): Promise<void> {
  const now = deps.clock.now()
  const { mode, dryRun, body } = readSent(command)
  // What a host would do needs no proof and holds nothing.
  const claims = (result.state === 'succeeded' || result.state === 'partial') && !dryRun
  const gap = claims ? findProofGap(command.action_type, mode, result, { body, stored }) : null
  const state = chooseState(result, gap)
  const took = state === 'succeeded' && !dryRun
  const holds = took && (command.action_type === 'isolateDevice' || command.action_type === 'restrictAppExecution')
  const releases = command.action_type === 'unIsolateDevice' || command.action_type === 'unRestrictAppExecution'
  if (took && releases) await dropHolds(tx, device.id, command.family)
  const hold = holds ? 1 : command.hold
  const after = JSON.stringify(result)
  // Whoever has not asked says with the result that the command was recorded.
  if (command.state === 'given') await markRecorded(tx, command.id, now)
  await finishCommand(tx, { id: command.id, state, hold, finished_at: now, result: after })
  await recordChange(tx, {
    at: now,
    actor: toActor(device),
    audit: {
      action: 'reportResult',
      objectType: 'command',
      objectId: command.id,
      decision: 'allowed',
      ...(gap === null ? {} : { code: 'Unverified', reason: gap }),
      after,
      details: { state, code: result.targets[0]?.code ?? null, ...(journalSeq === null ? {} : { journalSeq }) },
    },
    jobs: dryRun
      ? []
      : [...(await planLook(deps, tx, command)), ...findingsJobs(deps.ids.guid(), device, command, result)],
  })
}

/** Notes how far a host has come; no audit entry, because nothing is decided by it. */
async function storeProgress(
  deps: ResultDeps,
  tx: Tx,
  device: Device,
  command: StoredCommand,
  result: CommandResult,
): Promise<null> {
  if (!isBegun(command) || result.epoch !== command.epoch) return null
  await updateCommand(tx, command.id, { result: JSON.stringify(result) })
  const jobs = [checkJob(deps.ids.guid(), command.execution_id)]
  await recordChange(tx, { at: deps.clock.now(), actor: toActor(device), audit: [], jobs })
  return null
}

/** The job that makes an alert of what a scan found; none when it found nothing. */
function findingsJobs(id: string, device: Device, command: StoredCommand, result: CommandResult): NewJob[] {
  const findings = result.artifacts.filter(({ kind }) => kind === 'finding')
  if (command.action_type !== 'runAntiVirusScan' || findings.length === 0) return []
  const payload = {
    taskId: command.task_id,
    commandId: command.id,
    device: { id: device.id, hostname: device.hostname },
    at: result.finishedAt,
    engine: result.after?.engine ?? 'ClamAV',
    total: result.after?.findings ?? findings.length,
    findings,
  }
  return [{ id, kind: 'record-findings', key: `findings:${command.id}`, payload }]
}

/** The engine looks at once; of many hosts it is the last that makes it look, and those that are away it looks for by itself. */
async function planLook(deps: ResultDeps, tx: Tx, { execution_id, family }: StoredCommand): Promise<NewJob[]> {
  if (family === 'ioc' && (await hasOpenCommands(tx, execution_id))) return []
  return [checkJob(deps.ids.guid(), execution_id)]
}

/** How a result stands to what is stored: new, the same once more, or against it. */
type Standing = 'new' | 'duplicate' | { readonly conflict: string }

function compareResult(command: StoredCommand, result: CommandResult): Standing {
  // A host that could not check a command refuses it without knowing its epoch.
  if (result.state !== 'refused' && result.epoch !== command.epoch) {
    return { conflict: 'The result belongs to another epoch.' }
  }
  if (result.executionId !== command.execution_id) return { conflict: 'The result belongs to another execution.' }
  if (isBegun(command)) return 'new'
  if (command.state === 'queued') {
    const begun = result.state === 'succeeded' || result.state === 'partial'
    return begun ? { conflict: 'The command was never acknowledged.' } : 'new'
  }
  const taken = command.result === null ? null : digestJson(JSON.parse(command.result))
  if (taken === digestJson(result)) return 'duplicate'
  // What the host says of a command that was taken back before it began agrees with us.
  if (command.result === null && (result.state === 'refused' || result.state === 'expired')) return 'duplicate'
  return { conflict: 'The command already has another result.' }
}

/** The host may have begun, and has not said what became of it. */
function isBegun({ state }: StoredCommand): boolean {
  return state === 'acked' || state === 'given'
}

function chooseState(result: CommandResult, gap: string | null): CommandState {
  switch (result.state) {
    case 'succeeded':
      return gap === null ? 'succeeded' : 'unverified'
    case 'partial':
      return gap === null ? 'partial' : 'unverified'
    case 'refused':
      return result.targets[0]?.code === 'Cancelled' ? 'cancelled' : 'refused'
    case 'expired':
      return 'expired'
    default:
      return 'failed'
  }
}

/** The mode an isolation was ordered in, and whether it was one at all, out of our own signed command. */
function readSent(command: StoredCommand): {
  readonly mode: 'full' | 'selective' | null
  readonly dryRun: boolean
  readonly body: CommandBody
} {
  const payload = peekPayload(command.jws, messageLimits.commandBytes)
  const sent = readCommandPayload(JSON.stringify(payload))
  const { dryRun } = sent
  const body = readBody(sent.body)
  if (body.actionType !== 'isolateDevice') return { mode: null, dryRun, body }
  const networks = [...(body.permitted?.ipv4_net ?? []), ...(body.permitted?.ipv6_net ?? [])]
  return { mode: networks.length > 0 ? 'selective' : 'full', dryRun, body }
}

async function readOwnCommand(tx: Tx, device: Device, commandId: string): Promise<StoredCommand | null> {
  const command = await readCommandForUpdate(tx, device.tenantId, commandId)
  return command?.agent_id === device.id ? command : null
}

/** Somebody else's command and no command look the same to the sender; the log tells them apart by what was tried. */
async function recordForeign(
  deps: ResultDeps,
  tx: Tx,
  device: Device,
  action: string,
  commandId: string,
): Promise<CordonError> {
  await recordRefused(deps, tx, device, action, commandId, 'Not a command of this device.')
  return new CordonError('NotFound', 'There is no such command.')
}

async function recordRefused(
  deps: ResultDeps,
  tx: Tx,
  device: Device,
  action: string,
  commandId: string,
  reason: string,
): Promise<void> {
  await recordChange(tx, {
    at: deps.clock.now(),
    actor: toActor(device),
    audit: { action, objectType: 'command', objectId: commandId, decision: 'refused', reason },
  })
}

function toActor(device: Device): Actor {
  return { tenantId: device.tenantId, id: device.id, kind: 'agent', name: device.hostname }
}

function read<T>(decoder: Decoder<T>, message: unknown): T {
  try {
    return decode(decoder, message)
  } catch (cause) {
    if (cause instanceof DecodeError) throw new CordonError('BadRequest', cause.message, { target: cause.path })
    throw cause
  }
}
