import { assertNever } from '../model/errors.ts'
import type { CommandBody } from '../protocol/body.ts'
import type { Command, RefusalCode } from '../protocol/command.ts'
import type { JsonObject } from '../protocol/decode.ts'
import { formatInstant } from '../protocol/instants.ts'
import type { CommandResult, TargetState } from '../protocol/result.ts'
import { changeAccount } from './actions/account/account.ts'
import { type ActionDeps, type ActionOrder, type ActionOutcome, describeFailure } from './actions/action.ts'
import { restoreFile } from './actions/file/restore-file.ts'
import { stopAndQuarantineFile } from './actions/file/stopAndQuarantineFile.ts'
import { isolateDevice } from './actions/isolateDevice.ts'
import { collectInvestigationPackage } from './actions/package/collectInvestigationPackage.ts'
import { restrictAppExecution } from './actions/restriction/restrictAppExecution.ts'
import { unRestrictAppExecution } from './actions/restriction/unRestrictAppExecution.ts'
import { runAntiVirusScan } from './actions/runAntiVirusScan.ts'
import { submitIocRule } from './actions/submitIocRule.ts'
import { unIsolateDevice } from './actions/unIsolateDevice.ts'

/**
 * Carries a judged command out. Errors of the action become a `failed` result: the server must hear of every command exactly once.
 * @param resumedFrom state before the first effect when an earlier run of the agent began this command, else null; the action then looks
 *   at what is there before it does anything
 * @param begin see `ActionOrder.begin`
 * @param beside what a long action needs: see `ActionOrder`
 */
export async function executeCommand(
  deps: ActionDeps,
  command: Command,
  body: CommandBody,
  resumedFrom: JsonObject | null,
  begin: (before: JsonObject) => void,
  beside: Pick<ActionOrder, 'signal' | 'progress'>,
): Promise<CommandResult> {
  const startedAt = formatInstant(deps.clock.nowMs())
  const order: ActionOrder = {
    commandId: command.commandId,
    dryRun: command.dryRun,
    leaseSeconds: chooseLease(command, body),
    selfTestSeconds: command.safety.selfTestSeconds,
    resumedFrom,
    begin,
    ...beside,
  }
  const outcome = await runAction(deps, order, body).catch(
    (error: unknown): ActionOutcome =>
      describeFailure('failed', 'AgentError', error instanceof Error ? error.message.slice(0, 1000) : 'unknown error', {
        before: resumedFrom,
        after: null,
      }),
  )
  return {
    commandId: command.commandId,
    executionId: command.executionId,
    epoch: command.epoch,
    state: outcome.state,
    startedAt,
    finishedAt: formatInstant(deps.clock.nowMs()),
    targets: [{ ref: `device:${command.deviceId}`, ...outcome.target, code: outcome.code, detail: outcome.detail }],
    before: outcome.before,
    after: outcome.after,
    proof: outcome.proof,
    artifacts: outcome.artifacts ?? [],
  }
}

/** The result of a command that was not begun. */
export function refuseCommand(
  command: Pick<Command, 'commandId' | 'executionId' | 'epoch' | 'deviceId'>,
  code: RefusalCode,
  detail: string,
  nowMs: number,
): CommandResult {
  const at = formatInstant(nowMs)
  return {
    commandId: command.commandId,
    executionId: command.executionId,
    epoch: command.epoch,
    state: code === 'Expired' ? 'expired' : 'refused',
    startedAt: at,
    finishedAt: at,
    targets: [{ ref: `device:${command.deviceId}`, state: refusedTarget(code), changed: false, code, detail }],
    before: null,
    after: null,
    proof: null,
    artifacts: [],
  }
}

function refusedTarget(code: RefusalCode): TargetState {
  if (code === 'Expired') return 'expired'
  if (code === 'Cancelled') return 'cancelled'
  return code === 'Unsupported' ? 'unsupported' : 'refused'
}

async function runAction(deps: ActionDeps, order: ActionOrder, body: CommandBody): Promise<ActionOutcome> {
  switch (body.actionType) {
    case 'isolateDevice':
      return isolateDevice(deps, order, body)
    case 'unIsolateDevice':
      return unIsolateDevice(deps, order, body)
    case 'restrictAppExecution':
      return restrictAppExecution(deps, order, body)
    case 'unRestrictAppExecution':
      return unRestrictAppExecution(deps, order, body)
    case 'runAntiVirusScan':
      return runAntiVirusScan(deps, order, body)
    case 'disableUser':
    case 'enableUser':
    case 'forceUserPasswordReset':
    case 'requireSignIn':
      return changeAccount(deps, order, body)
    case 'submitIocRule':
      return submitIocRule(deps, order, body)
    case 'collectInvestigationPackage':
      return collectInvestigationPackage(deps, order, body)
    case 'stopAndQuarantineFile':
      return body.mode === 'restore' ? restoreFile(deps, order, body) : stopAndQuarantineFile(deps, order, body)
    default:
      return assertNever(body)
  }
}

// Two limits can be given; the shorter one binds.
function chooseLease(command: Command, body: CommandBody): number {
  const { leaseSeconds } = command.safety
  const lasts = body.actionType === 'isolateDevice' || body.actionType === 'restrictAppExecution'
  if (!lasts || body.durationMs === undefined) return leaseSeconds
  return Math.min(leaseSeconds, Math.ceil(body.durationMs / 1000))
}
