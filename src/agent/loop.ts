import { assertNever } from '../model/errors.ts'
import type { CommandBody } from '../protocol/body.ts'
import { type Command, openCommand } from '../protocol/command.ts'
import type { JsonObject } from '../protocol/decode.ts'
import { formatInstant } from '../protocol/instants.ts'
import type { PollAnswer } from '../protocol/messages.ts'
import { expireVault } from './actions/file/expire-vault.ts'
import { renewLease } from './actions/isolateDevice.ts'
import { RulesetError } from './actions/nftables.ts'
import { renewRestriction } from './actions/restriction/restrictAppExecution.ts'
import { executeCommand, refuseCommand } from './execute.ts'
import { readRestriction } from './guard/record.ts'
import type { JournalEntry } from './journal.ts'
import { runsBeside, startBeside } from './life/beside.ts'
import { describeUnreported, noteReported } from './life/break-glass.ts'
import { collectReports, deliverResult, deliverResults, mustDeliver, settleReports } from './life/deliver.ts'
import type { Exclusive } from './life/exclusive.ts'
import { settleRestriction } from './life/restriction.ts'
import { isKeyWanted, noteKeyOrder, settleKey } from './life/rotate-key.ts'
import { settleIsolation } from './life/settle.ts'
import { checkTime, judgeCommand, readCommandBody } from './policy.ts'
import {
  adoptPolicy,
  nameHeldPolicy,
  observeHost,
  refreshCapabilities,
  refreshFacts,
  type Session,
  writeHeartbeat,
} from './session.ts'
import { readIsolation } from './state.ts'
import { ChannelError } from './transport.ts'

/** How often facts go to the server when nothing changed; polls tell it that the host is alive. */
const HEARTBEAT_MS = 5 * 60_000
const MAX_TAMPER = 100
const EMPTY_POLL_MS = 1_000
const BACKOFF_CAP_MS = 60_000
const BACKOFF_BASE_MS = 1_000
// Containment first, then scans, then collections: the order in which a host does what arrived together.
const lanes = ['isolation', 'restriction', 'account', 'ioc', 'file', 'scan', 'package']

/** What the loop remembers between its turns. */
interface LoopMemory {
  heartbeatDueMs: number
  /** What the last heartbeat said, to send another at once when it changes. */
  held: string | undefined
}

/**
 * Runs the agent until the signal fires: deliver results, report, wait for commands, do them. A failed contact is tried again after a
 * random time up to a cap that doubles to 60 s; nothing the host holds depends on a contact.
 */
export async function runLoop(session: Session, signal: AbortSignal): Promise<void> {
  const memory: LoopMemory = { heartbeatDueMs: 0, held: undefined }
  let failures = 0
  // Asked for at once: what was received before a restart waits for the server's clock.
  let waitSeconds = 0
  while (!signal.aborted) {
    try {
      await runTurn(session, memory, waitSeconds, signal)
      failures = 0
      waitSeconds = chooseWait(session)
    } catch (error) {
      if (signal.aborted) return
      // nft can fail for a moment while another program changes rules; like a lost contact this passes.
      if (!(error instanceof ChannelError) && !(error instanceof RulesetError)) throw error
      failures += 1
      // A rule that is over ends in time, also while nobody answers.
      const ruleEnd = session.rules.nextEndMs() ?? BACKOFF_CAP_MS
      const pauseMs = Math.min(chooseBackoff(failures, session.host.random()), ruleEnd + EMPTY_POLL_MS)
      session.host.log('turn not finished', { problem: error.message, failures, pauseMs })
      await session.host.sleep(pauseMs, signal)
    }
  }
}

/** One turn without waiting for commands. @throws ChannelError when the server could not be reached */
export async function runOnce(session: Session, signal: AbortSignal): Promise<void> {
  await runTurn(session, { heartbeatDueMs: 0, held: undefined }, 0, signal)
  await Promise.all(session.beside.values())
  // There is no next poll.
  session.given.clear()
  await deliverResults(session)
}

/** Finishes what an earlier run of the agent had begun, by what the host looks like now. Needs no server. */
export async function recoverCommands(session: Session): Promise<void> {
  for (const entry of session.journal.entries()) {
    if (entry.state !== 'running') continue
    session.host.log('command resumed', { commandId: entry.commandId })
    await carryOn(session, entry)
  }
}

/**
 * Full-jitter backoff.
 * @param failures contacts that failed in a row, from 1
 * @param random from 0 to 1
 * @returns milliseconds, at most 60,000
 */
export function chooseBackoff(failures: number, random: number): number {
  return Math.floor(random * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.min(failures, 10)))
}

async function runTurn(session: Session, memory: LoopMemory, waitSeconds: number, signal: AbortSignal): Promise<void> {
  const { host } = session
  session.tamper.push(...(await session.rules.keep()))
  // First of all: what an attempt that was cut off left behind decides which key counts.
  await settleKey(session)
  await deliverResults(session)
  await reportState(session, memory)
  const asked = host.clock.elapsedMs()
  const answer = await pollOnce(session, waitSeconds, signal)
  if (answer?.rotateKey === true) noteKeyOrder(session)
  const taken = answer === undefined ? 0 : await takeCommands(session, answer)
  const done = await doCommands(session)
  const held = answer !== undefined && answer.holds.isolation > 0
  if (held && (await session.exclusive(() => renewLease(session.actions)))) host.log('lease renewed')
  if (answer !== undefined && answer.holds.restriction > 0 && renewRestriction(session.actions)) {
    host.log('restriction renewed')
  }
  await deliverResults(session)
  // A server (or a proxy before it) that answers at once with nothing we can use must not make us ask without end.
  const idle = taken + done === 0 && waitSeconds > 0 && host.clock.elapsedMs() - asked < EMPTY_POLL_MS
  if (idle) await host.sleep(EMPTY_POLL_MS, signal)
}

/** @returns undefined also when the watch ended the poll, because it has something to tell */
async function pollOnce(session: Session, waitSeconds: number, signal: AbortSignal): Promise<PollAnswer | undefined> {
  const turn = new AbortController()
  session.turn = turn
  // What ended beside the loop a moment ago could not end a poll that was not held yet.
  if (mustDeliver(session)) return undefined
  const key = isKeyWanted(session.state) ? 'wanted' : 'held'
  const reports = collectReports(session)
  const poll = { waitSeconds, heldPolicy: nameHeldPolicy(session), key, reports } as const
  try {
    const outcome = await session.channel.poll(poll, AbortSignal.any([signal, turn.signal]))
    return settleReports(session, reports, outcome)
  } catch (error) {
    if (turn.signal.aborted && !signal.aborted) return undefined
    throw error
  }
}

async function reportState(session: Session, memory: LoopMemory): Promise<void> {
  const now = session.host.clock.elapsedMs()
  await settleIsolation(session)
  await settleRestriction(session)
  const observed = await observeHost(session)
  const release = describeUnreported(session.state)
  const held = `${observed.isolated} ${session.restriction.restricted}`
  const urgent = held !== memory.held || session.tamper.length > 0 || release !== undefined
  if (now < memory.heartbeatDueMs && !urgent) return
  await refreshFacts(session)
  // What changed the isolation changed no package: only the regular heartbeat looks for that.
  if (now >= memory.heartbeatDueMs) await refreshCapabilities(session)
  const sent = session.tamper.length
  const until = observed.isolated ? (readIsolation(session.state)?.until ?? null) : null
  const heartbeat = writeHeartbeat(session, { isolated: observed.isolated, until })
  const tamper = release === undefined ? heartbeat.tamper : [release, ...heartbeat.tamper].slice(0, MAX_TAMPER)
  const delivery = await session.channel.sendHeartbeat({ ...heartbeat, tamper })
  if (delivery.kind === 'refused')
    session.host.log('heartbeat refused', { status: delivery.status, code: delivery.code })
  else if (release !== undefined) noteReported(session.state)
  session.tamper.splice(0, sent)
  // Whoever has just answered told the time too.
  if (now >= memory.heartbeatDueMs) noteExpired(session)
  memory.heartbeatDueMs = now + HEARTBEAT_MS
  memory.held = held
}

/** Nothing else touches the vault now: commands about files are carried out by the loop itself. */
function noteExpired({ state, host, channel, tamper }: Session): void {
  const nowMs = host.clock.nowMs()
  for (const { commandId, files } of expireVault(state, nowMs + channel.serverOffsetMs())) {
    host.log('quarantine expired', { commandId, files })
    tamper.push({
      kind: 'QuarantineExpired',
      at: formatInstant(nowMs),
      detail: `${files} files of command ${commandId}`,
    })
  }
}

/** @returns how many commands were new to us and are recorded now */
async function takeCommands(session: Session, answer: PollAnswer): Promise<number> {
  if (answer.policy !== null && !adoptPolicy(session, answer.policy)) session.host.log('policy refused')
  let taken = 0
  for (const jws of answer.commands) if (await takeCommand(session, jws)) taken += 1
  for (const id of answer.begin ?? []) if (session.journal.find(id)?.delivered === false) session.given.add(id)
  return taken
}

async function takeCommand(session: Session, jws: string): Promise<boolean> {
  const { journal, host, channel } = session
  const nowMs = host.clock.nowMs()
  const verdict = judgeCommand(jws, {
    deviceId: session.identity.deviceId,
    findKey: session.findKey,
    serverNowMs: nowMs + channel.serverOffsetMs(),
    findEntry: journal.find,
    highestSeq: journal.highestSeq,
    highestEpoch: journal.highestEpoch,
    config: session.config,
    policy: session.policy,
    capabilities: session.capabilities,
  })
  switch (verdict.kind) {
    case 'accept':
      journal.receive(verdict.command, jws)
      host.failpoint('after-receive')
      return true
    case 'known':
      // Delivered again, so the server has no answer yet: it gets the recorded one, or the acknowledgement, once more.
      await repeatAnswer(session, verdict.entry)
      return false
    case 'refuse':
      host.log('command refused', { commandId: verdict.command.commandId, code: verdict.code, detail: verdict.detail })
      journal.finish(verdict.command, refuseCommand(verdict.command, verdict.code, verdict.detail, nowMs))
      return true
    case 'reject': {
      const { claimed, code, detail } = verdict
      host.log('command rejected', { commandId: claimed?.commandId, code, detail })
      session.tamper.push({
        kind: code,
        at: formatInstant(nowMs),
        detail: `${claimed?.commandId ?? 'unnamed'}: ${detail}`,
      })
      if (claimed === undefined) return false
      const named = { ...claimed, epoch: 0, deviceId: session.identity.deviceId }
      await channel.sendResult(refuseCommand(named, code, detail, nowMs))
      return false
    }
    default:
      return assertNever(verdict)
  }
}

async function repeatAnswer(session: Session, entry: JournalEntry): Promise<void> {
  if (entry.result !== null) await deliverResult(session, entry.result)
  else await session.channel.acknowledge({ commandId: entry.commandId, journalSeq: entry.line })
}

/** Does what was received and not begun; the server must know of it before the first effect, or have let it begin. */
async function doCommands(session: Session): Promise<number> {
  const waiting = session.journal
    .entries()
    .filter(({ state, commandId }) => state === 'received' && !session.beside.has(commandId))
    .sort((left, right) => lanes.indexOf(left.family) - lanes.indexOf(right.family) || left.seq - right.seq)
  for (const entry of waiting) {
    if (!entry.acknowledged && !session.given.has(entry.commandId)) {
      const delivery = await session.channel.acknowledge({ commandId: entry.commandId, journalSeq: entry.line })
      if (delivery.kind === 'refused') {
        // The server took the command back before it knew that we have it.
        cancel(session, entry, `acknowledgement refused: ${delivery.status} ${delivery.code}`)
        continue
      }
      session.journal.acknowledge(entry.commandId)
      session.host.failpoint('after-acknowledge')
    }
    await carryOn(session, entry)
    await deliverResults(session)
  }
  return waiting.length
}

async function carryOn(session: Session, entry: JournalEntry): Promise<void> {
  if (runsBeside(entry)) startBeside(session, entry, () => carryOut(session, entry, (work) => work()))
  else if (entry.family !== 'restriction') await carryOut(session, entry, session.exclusive)
  else await carryOut(session, entry, (work) => session.exclusive(() => session.guardTurn(work)))
}

async function carryOut(session: Session, entry: JournalEntry, turn: Exclusive): Promise<void> {
  const { journal, host, actions, channel } = session
  const read = rereadCommand(session, entry)
  if (read === undefined) {
    const result = refuseCommand(
      { ...entry, deviceId: session.identity.deviceId },
      'BadCommand',
      'unreadable',
      host.clock.nowMs(),
    )
    journal.finish(entry, result)
    return
  }
  const { command, body } = read
  const begun = entry.state === 'running'
  const late = begun ? undefined : checkTime(command, host.clock.nowMs() + channel.serverOffsetMs())
  if (late !== undefined) {
    journal.finish(entry, refuseCommand(command, late.code, late.detail, host.clock.nowMs()))
    return
  }
  const start = performance.now()
  const begin = (before: JsonObject): void => {
    journal.begin(entry.commandId, before)
    host.failpoint('after-begin')
  }
  const beside = { signal: session.ending.signal, progress: (words: string) => sendProgress(session, command, words) }
  const result = await turn(() => executeCommand(actions, command, body, begun ? entry.before : null, begin, beside))
  // Cut short by our own end: the next run of the agent takes it up again.
  if (session.ending.signal.aborted) return
  journal.finish(entry, result)
  const ms = Math.round(performance.now() - start)
  host.log('command done', { commandId: entry.commandId, action: body.actionType, state: result.state, ms })
  host.failpoint('after-finish')
}

/** Progress is told as it comes; what does not arrive is outdated by the next, and by the result. */
function sendProgress(session: Session, command: Command, words: string): void {
  const { clock, log } = session.host
  const at = formatInstant(clock.nowMs())
  const { commandId, executionId, epoch, deviceId } = command
  const target = {
    ref: `device:${deviceId}`,
    state: 'running' as const,
    changed: false,
    code: 'Progress',
    detail: words,
  }
  const nothing = { before: null, after: null, proof: null, artifacts: [] }
  const message = {
    commandId,
    executionId,
    epoch,
    state: 'running' as const,
    startedAt: at,
    finishedAt: at,
    ...nothing,
  }
  session.channel.sendResult({ ...message, targets: [target] }).catch((error: unknown) => {
    log('progress not delivered', { commandId, problem: String(error) })
  })
}

// The signature counts again: nothing that lay on the disk is trusted more than what came over the wire.
function rereadCommand(
  session: Session,
  entry: JournalEntry,
): { readonly command: Command; readonly body: CommandBody } | undefined {
  if (entry.jws === null) return undefined
  const opened = openCommand(entry.jws, session.identity.deviceId, session.findKey)
  if (!opened.ok) return undefined
  const body = readCommandBody(opened.command)
  return 'code' in body ? undefined : { command: opened.command, body }
}

function cancel(session: Session, entry: JournalEntry, detail: string): void {
  const named = { ...entry, deviceId: session.identity.deviceId }
  session.journal.finish(entry, refuseCommand(named, 'Cancelled', detail, session.host.clock.nowMs()))
}

// An isolated host asks more often when its lease is short, or the renewal would come too late; and a rule must end in time.
function chooseWait(session: Session): number {
  const full = session.identity.pollSeconds * (0.9 + 0.1 * session.host.random())
  const leases = [readIsolation(session.state), readRestriction(session.state)]
  const ruleEnd = session.rules.nextEndMs()
  const limits = [
    ...leases.flatMap((one) => (one === undefined ? [] : [one.leaseSeconds / 4])),
    ...(ruleEnd === null ? [] : [ruleEnd / 1000 + 1]),
  ]
  return Math.max(1, Math.floor(Math.min(full, ...limits)))
}
