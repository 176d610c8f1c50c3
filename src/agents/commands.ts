import type { Clock, Ids } from '../io/clock.ts'
import { failpoint } from '../io/failpoint.ts'
import { assertNever } from '../model/errors.ts'
import { type AccountBody, writeAccount } from '../protocol/bodies/account.ts'
import { writeCollectPackage } from '../protocol/bodies/collectInvestigationPackage.ts'
import { writeRestrictAppExecution, writeUnRestrictAppExecution } from '../protocol/bodies/restrictAppExecution.ts'
import { type RunAntiVirusScanBody, writeRunAntiVirusScan } from '../protocol/bodies/runAntiVirusScan.ts'
import {
  type QuarantineFileBody,
  type RestoreFileBody,
  writeQuarantineFile,
  writeRestoreFile,
} from '../protocol/bodies/stopAndQuarantineFile.ts'
import { type SubmitIocRuleBody, writeSubmitIocRule } from '../protocol/bodies/submitIocRule.ts'
import { actionTraits, type PermittedAddresses, writeIsolateDevice, writeUnIsolateDevice } from '../protocol/body.ts'
import { digestJson } from '../protocol/canonical.ts'
import type { Command } from '../protocol/command.ts'
import { decode, type JsonObject } from '../protocol/decode.ts'
import { type CommandResult, decodeResult } from '../protocol/result.ts'
import { PROTOCOL_VERSION } from '../protocol/version.ts'
import {
  type CommandState,
  insertCommands,
  readCommand,
  readCommandForUpdate,
  readQueuedOfAction,
  type StoredCommand,
  takeCommandSeqs,
  updateCommand,
} from '../store/agents.ts'
import { isDuplicateKey, type Store, type Tx } from '../store/db.ts'
import type { NewJob } from '../store/jobs.ts'
import { type Actor, recordChange } from '../store/record.ts'
import type { PollBoard } from './poll.ts'
import type { CommandSigner } from './sign.ts'

/** What the command queue needs. */
export interface CommandDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly signer: CommandSigner
  readonly polls: PollBoard
  /** How long a containment lasts on the host without renewal; the kernel ends it. */
  readonly leaseSeconds: number
  /** How long a host may test a containment until it takes it back. */
  readonly selfTestSeconds: number
}

/** What a host is to do. */
export interface CommandOrder {
  readonly tenantId: string
  readonly agentId: string
  readonly executionId: string
  readonly taskId: string
  readonly epoch: number
  /** UTC instant; later than this the host does not begin. */
  readonly notAfter: string
  readonly actor: { readonly id: string; readonly kind: 'user' | 'app' | 'system' }
  readonly reason: string
  readonly action: AgentAction
  /** The host only says what it would do. */
  readonly dryRun: boolean
  /** How long a containment lasts on the host without renewal; null takes the server's own. */
  readonly leaseSeconds: number | null
  /** Who else agreed, and the digest of what they saw; null where nobody had to. */
  readonly approvals: { readonly required: number; readonly count: number; readonly digest: string } | null
}

/** A command as the connector sees it. */
export interface CommandView {
  readonly id: string
  readonly agentId: string
  readonly state: CommandState
  /** When the host recorded it. */
  readonly ackedAt: string | null
  /** What the host reported; null before. */
  readonly result: CommandResult | null
}

/** A quarantine or its undo, without the host it goes to. */
export type FileOrder =
  | Omit<QuarantineFileBody, 'actionType' | 'deviceId'>
  | Omit<RestoreFileBody, 'actionType' | 'deviceId'>

/** The actions the server can order from an agent, with their details. */
export type AgentAction =
  | { readonly actionType: 'isolateDevice'; readonly permitted: PermittedAddresses | undefined }
  | { readonly actionType: 'unIsolateDevice' | 'restrictAppExecution' | 'unRestrictAppExecution' }
  | Omit<RunAntiVirusScanBody, 'deviceId'>
  | AccountBody
  | { readonly actionType: 'submitIocRule'; readonly rule: Omit<SubmitIocRuleBody, 'actionType'> }
  | { readonly actionType: 'collectInvestigationPackage'; readonly maxBytes: number }
  | { readonly actionType: 'stopAndQuarantineFile'; readonly file: FileOrder }

/**
 * Queues a signed command for a host and wakes its poll. The command's id is the execution's: a second call finds the first command. A
 * release takes back every isolation or restriction the host has not recorded yet.
 * @returns the command, or null when the tenant has no such agent in force
 */
export async function queueCommand(deps: CommandDeps, order: CommandOrder): Promise<CommandView | null> {
  const queued = await queueOnce(deps, order)
  if (queued === null) return null
  failpoint('after-queue-before-wake')
  deps.polls.wake(order.agentId)
  return toView(queued)
}

/** Two servers may hand the same execution over at once; whose insert is refused finds the other's command. */
async function queueOnce(deps: CommandDeps, order: CommandOrder): Promise<StoredCommand | null> {
  const queue = (): Promise<StoredCommand | null> => deps.store.transaction((tx) => queueInTransaction(deps, tx, order))
  try {
    return await queue()
  } catch (cause) {
    if (isDuplicateKey(cause)) return queue()
    throw cause
  }
}

async function queueInTransaction(deps: CommandDeps, tx: Tx, order: CommandOrder): Promise<StoredCommand | null> {
  const known = await readCommandForUpdate(tx, order.tenantId, order.executionId)
  if (known !== null) return known
  const seq = (await takeCommandSeqs(tx, order.tenantId, [order.agentId])).get(order.agentId)
  if (seq === undefined) return null
  const now = deps.clock.now()
  const jobs = await supersede(deps, tx, order, now)
  const command = signOrder(deps, order, { id: order.executionId, seq, now })
  await insertCommands(tx, [command])
  await recordChange(tx, {
    at: now,
    actor: queueActor(order.tenantId),
    audit: {
      action: 'queueCommand',
      objectType: 'command',
      objectId: command.id,
      decision: 'allowed',
      details: { agentId: order.agentId, actionType: command.action_type, seq, epoch: order.epoch },
    },
    jobs,
  })
  return command
}

/**
 * Takes a command back that its host has not recorded.
 * @returns the command as it stands now; `cancelled` when that was possible; null when there is none
 */
export async function cancelCommand(
  deps: Pick<CommandDeps, 'store' | 'clock'>,
  tenantId: string,
  commandId: string,
): Promise<CommandView | null> {
  return deps.store.transaction(async (tx) => {
    const command = await readCommandForUpdate(tx, tenantId, commandId)
    if (command?.state !== 'queued') return command === null ? null : toView(command)
    const now = deps.clock.now()
    await updateCommand(tx, commandId, { state: 'cancelled', finished_at: now })
    await recordChange(tx, {
      at: now,
      actor: queueActor(tenantId),
      audit: { action: 'cancelCommand', objectType: 'command', objectId: commandId, decision: 'allowed' },
    })
    return toView({ ...command, state: 'cancelled' })
  })
}

/** One command of a tenant; null when there is none. */
export async function findCommand(
  deps: Pick<CommandDeps, 'store'>,
  tenantId: string,
  id: string,
): Promise<CommandView | null> {
  const command = await readCommand(deps.store.read, tenantId, id)
  return command === null ? null : toView(command)
}

/** The job that makes the engine look at an execution again. */
export function checkJob(id: string, executionId: string): NewJob {
  return { id, kind: 'check-action', payload: { executionId }, key: `check:${executionId}` }
}

async function supersede(deps: CommandDeps, tx: Tx, order: CommandOrder, now: string): Promise<NewJob[]> {
  const taken = takenBack(order.action)
  if (taken === null || order.dryRun) return []
  const pending = await readQueuedOfAction(tx, order.agentId, taken)
  for (const { id } of pending) await updateCommand(tx, id, { state: 'cancelled', finished_at: now })
  return pending.map(({ execution_id }) => checkJob(deps.ids.guid(), execution_id))
}

/** The action a release makes pointless while it waits for its host. */
function takenBack({ actionType }: AgentAction): string | null {
  if (actionType === 'unIsolateDevice') return 'isolateDevice'
  return actionType === 'unRestrictAppExecution' ? 'restrictAppExecution' : null
}

/** The signed command of an order, not yet written. */
export function signOrder(
  deps: Pick<CommandDeps, 'signer' | 'leaseSeconds' | 'selfTestSeconds'>,
  order: CommandOrder,
  { id, seq, now }: { readonly id: string; readonly seq: number; readonly now: string },
): StoredCommand {
  const { family } = actionTraits[order.action.actionType]
  const leaseSeconds = order.leaseSeconds ?? deps.leaseSeconds
  const body = writeBody(order, leaseSeconds)
  const command: Command = {
    v: PROTOCOL_VERSION,
    commandId: id,
    executionId: order.executionId,
    taskId: order.taskId,
    tenantId: order.tenantId,
    deviceId: order.agentId,
    family,
    seq,
    epoch: order.epoch,
    issuedAt: now,
    notBefore: now,
    notAfter: order.notAfter,
    dryRun: order.dryRun,
    actor: { id: order.actor.id.slice(0, 200), kind: order.actor.kind },
    reason: order.reason.slice(0, 2000),
    approvals: order.approvals ?? { required: 0, count: 0, digest: digestJson({ taskId: order.taskId, body }) },
    safety: { policyVersion: 0, selfTestSeconds: deps.selfTestSeconds, leaseSeconds },
    body,
  }
  return {
    tenant_id: order.tenantId,
    id,
    agent_id: order.agentId,
    execution_id: order.executionId,
    task_id: order.taskId,
    action_type: nameCommand(order.action),
    family,
    seq,
    epoch: order.epoch,
    jws: deps.signer.sign(command),
    state: 'queued',
    hold: 0,
    not_after: order.notAfter,
    created_at: now,
    delivered_at: null,
    acked_at: null,
    finished_at: null,
    result: null,
  }
}

function writeBody({ action, agentId }: CommandOrder, leaseSeconds: number): JsonObject {
  switch (action.actionType) {
    case 'isolateDevice': {
      const { permitted } = action
      return writeIsolateDevice({ deviceId: agentId, durationMs: leaseSeconds * 1000, permitted })
    }
    case 'unIsolateDevice':
      return writeUnIsolateDevice({ deviceId: agentId, killFlows: false })
    case 'restrictAppExecution':
      return writeRestrictAppExecution({ deviceId: agentId, durationMs: leaseSeconds * 1000 })
    case 'unRestrictAppExecution':
      return writeUnRestrictAppExecution({ deviceId: agentId })
    case 'runAntiVirusScan':
      return writeRunAntiVirusScan({ ...action, deviceId: agentId })
    case 'submitIocRule':
      return writeSubmitIocRule(action.rule)
    case 'disableUser':
    case 'enableUser':
    case 'forceUserPasswordReset':
    case 'requireSignIn':
      return writeAccount(action)
    case 'collectInvestigationPackage':
      return writeCollectPackage({ deviceId: agentId, maxBytes: action.maxBytes })
    case 'stopAndQuarantineFile':
      return action.file.mode === 'restore'
        ? writeRestoreFile({ ...action.file, deviceId: agentId })
        : writeQuarantineFile({ ...action.file, deviceId: agentId })
    default:
      return assertNever(action)
  }
}

/** How a command is stored and proved: a withdrawal is another thing than the rule. */
function nameCommand(action: AgentAction): string {
  return action.actionType === 'submitIocRule' && action.rule.withdraw ? 'withdrawIocRule' : action.actionType
}

function toView(command: StoredCommand): CommandView {
  return {
    id: command.id,
    agentId: command.agent_id,
    state: command.state,
    ackedAt: command.acked_at,
    result: command.result === null ? null : decode(decodeResult, JSON.parse(command.result)),
  }
}

/** How a command names the kind of whoever asked for it. */
export function toActorKind(kind: string): 'user' | 'app' | 'system' {
  return kind === 'application' ? 'app' : kind === 'system' ? 'system' : 'user'
}

/** The agent channel as an actor. */
export function queueActor(tenantId: string): Actor {
  return { tenantId, id: 'agents', kind: 'system', name: 'Cordon agent channel' }
}
