import type { PollAnswer, Report } from '../../protocol/messages.ts'
import type { CommandResult } from '../../protocol/result.ts'
import { MAX_COMMANDS_PER_POLL, messageLimits } from '../../protocol/version.ts'
import type { PollOutcome } from '../channel.ts'
import type { Session } from '../session.ts'

/** What stands around the reports in the body of a poll, and between them. */
const FRAME_BYTES = 64

/** Sends every result the server has not heard of, but for those the next poll carries. */
export async function deliverResults(session: Session): Promise<void> {
  const carried = new Set(collectReports(session).map(({ result }) => result.commandId))
  for (const { result } of listUndelivered(session)) {
    if (!carried.has(result.commandId)) await deliverResult(session, result)
  }
}

/** Sends one result. @throws ChannelError when the server could not be reached */
export async function deliverResult(session: Session, result: CommandResult): Promise<void> {
  const delivery = await session.channel.sendResult(result)
  session.host.failpoint('after-result')
  if (delivery.kind === 'refused') logRefusal(session, { ...delivery, commandId: result.commandId })
  noteDelivered(session, result.commandId)
}

/** What the next poll carries: results of commands the server let begin, as many as fit. */
export function collectReports(session: Session): readonly Report[] {
  let leftBytes = messageLimits.reportsBytes - FRAME_BYTES
  return listUndelivered(session)
    .filter(({ result }) => session.given.has(result.commandId))
    .slice(0, MAX_COMMANDS_PER_POLL)
    .filter((report) => {
      const bytes = Buffer.byteLength(JSON.stringify(report)) + 1
      if (bytes > leftBytes) return false
      leftBytes -= bytes
      return true
    })
}

/** True while there is a result that no poll carries: no time to be held. */
export function mustDeliver(session: Session): boolean {
  return listUndelivered(session).length > collectReports(session).length
}

/** Notes what a poll came to for the reports it carried. @returns the answer; undefined when there is nothing to act on */
export function settleReports(
  session: Session,
  reports: readonly Report[],
  outcome: PollOutcome,
): PollAnswer | undefined {
  if (outcome.kind === 'notTaken') {
    const { status, code } = outcome
    session.host.log('reports not taken with a poll, sent by themselves', { status, code })
    for (const { result } of reports) session.given.delete(result.commandId)
    return undefined
  }
  if (reports.length > 0) session.host.failpoint('after-result')
  const answer = outcome.kind === 'answer' ? outcome.answer : undefined
  for (const refusal of answer?.refused ?? []) logRefusal(session, refusal)
  for (const { result } of reports) noteDelivered(session, result.commandId)
  return answer
}

function listUndelivered({ journal }: Session): readonly Report[] {
  return journal
    .entries()
    .flatMap(({ state, delivered, result, line }) =>
      state === 'done' && !delivered && result !== null ? [{ journalSeq: line, result }] : [],
    )
}

function noteDelivered({ journal, given }: Session, commandId: string): void {
  given.delete(commandId)
  if (journal.find(commandId)?.delivered === false) journal.deliver(commandId)
}

function logRefusal(
  { host }: Session,
  { commandId, status, code }: { readonly commandId: string; readonly status: number; readonly code: string },
): void {
  host.log('result refused', { commandId, status, code })
}
