import {
  type AgentAction,
  type CommandDeps,
  type CommandView,
  cancelCommand,
  findCommand,
  queueCommand,
  toActorKind,
} from '../../../agents/commands.ts'
import { hasDevices, readPermittedAddresses, readPresence } from '../../../agents/devices.ts'
import { msOf } from '../../../io/clock.ts'
import type { ActionType } from '../../../model/actions.ts'
import { assertNever } from '../../../model/errors.ts'
import type { Proof } from '../../../model/execution.ts'
import type { CommandResult } from '../../../protocol/result.ts'
import type { Capability, Connector, Inspection, Look, Order, Progress } from '../../connector.ts'
import {
  agentOfAccount,
  describeAccountCapabilities,
  inspectAccount,
  isAccountAction,
  resolveAccount,
  toAccountAction,
} from './accounts.ts'
import { type NamingDeps, resolveDevice } from './devices.ts'
import {
  attachFileOrder,
  cancelFileOrder,
  checkFileOrder,
  inspectFileHosts,
  isOnSeveralHosts,
  startFileOrder,
} from './file-hosts.ts'
import { agentOfFile, inspectFile, listFileTargets, resolveFile, toFileAction } from './files.ts'
import { silentMs } from './hosts.ts'
import { inspectDevice, isRestriction } from './inspect.ts'
import {
  attachRuleOrder,
  cancelRuleOrder,
  checkRuleOrder,
  inspectIndicator,
  resolveIndicator,
  startRule,
} from './rules.ts'
import { keepForOthers, planUndo, readPermitted } from './undo.ts'

/** What the connector needs: the command queue of the agents, and which host is this server's own. */
export type CordonAgentDeps = CommandDeps & NamingDeps

/** Actions whose target is a device; the agent answers for all of them, by name. */
const deviceActions: readonly ActionType[] = [
  'isolateDevice',
  'unIsolateDevice',
  'restrictAppExecution',
  'unRestrictAppExecution',
  'runAntiVirusScan',
  'collectInvestigationPackage',
  'stopAndQuarantineFile',
]

/** Those it can be ordered to do in this version. */
const ordered: readonly ActionType[] = [
  'isolateDevice',
  'unIsolateDevice',
  'restrictAppExecution',
  'unRestrictAppExecution',
  'submitIocRule',
  'stopAndQuarantineFile',
  'runAntiVirusScan',
  'collectInvestigationPackage',
]

/** Acknowledgement and result make the engine look at once; these looks are for what never comes. */
const soonSeconds = 2
const waitSeconds = 30
const undeliveredSeconds = 600
/** A package is never larger; most have a few MiB. */
const packageBytes = 128 * 1024 * 1024

/**
 * The connector to Cordon's own agents on Linux hosts. An order becomes a signed command whose id is the execution's, so a second start
 * finds the first. What the host reports is checked when it arrives; `check` reads it from the store.
 */
export function createCordonAgentConnector(deps: CordonAgentDeps): Connector {
  return {
    name: 'cordon-agent',
    capabilities: async (tenantId) => {
      const present = await hasDevices(deps, tenantId)
      const listed = [...deviceActions, 'submitIocRule' as const]
      const own = listed.map((actionType) => describeCapability(actionType, present))
      return [...own, ...(await describeAccountCapabilities(deps, tenantId))]
    },
    resolve: async (tenantId, actionType, identifier, parameters) => {
      if (actionType === 'submitIocRule') return resolveIndicator(deps, tenantId, identifier)
      if (actionType === 'stopAndQuarantineFile') return resolveFile(deps, tenantId, identifier, parameters)
      if (isAccountAction(actionType)) return resolveAccount(deps, tenantId, actionType, identifier)
      if (!deviceActions.includes(actionType)) return []
      return resolveDevice(deps, tenantId, actionType, identifier)
    },
    start: (order) => startOrder(deps, order),
    attach: async (order) => {
      if (order.actionType === 'submitIocRule') return attachRuleOrder(deps, order)
      if (isOnSeveralHosts(order)) return attachFileOrder(deps, order)
      // A command's id is the execution's, and it stands in the store before any host can see it.
      const command = await findCommand(deps, order.tenantId, order.executionId)
      return command === null ? null : describeProgress(deps, order, command, soonSeconds)
    },
    check: async (order, handle) => {
      if (order.actionType === 'submitIocRule') return checkRuleOrder(deps, order)
      if (isOnSeveralHosts(order)) return checkFileOrder(deps, order)
      const command = await findCommand(deps, order.tenantId, handle)
      if (command === null) return describeLost(handle)
      return describeProgress(
        deps,
        order,
        command,
        command.state === 'queued' ? untilDeadline(deps, order) : waitSeconds,
      )
    },
    cancel: async (order, handle) => {
      if (order.actionType === 'submitIocRule') return cancelRuleOrder(deps, order)
      if (isOnSeveralHosts(order)) return cancelFileOrder(deps, order)
      const command = await cancelCommand(deps, order.tenantId, handle)
      return command === null ? { outcome: 'cancelled' } : describeProgress(deps, order, command, waitSeconds)
    },
    planUndo,
    inspect: (look) => inspectTarget(deps, look),
  }
}

function inspectTarget(deps: CordonAgentDeps, look: Look): Promise<Inspection> {
  switch (look.actionType) {
    case 'submitIocRule':
      return inspectIndicator(deps, look)
    case 'stopAndQuarantineFile':
      return isOnSeveralHosts(look) ? inspectFileHosts(deps, look) : inspectFile(deps, look)
    default:
      return isAccountAction(look.actionType) ? inspectAccount(deps) : inspectDevice(deps, look)
  }
}

/** A command that waits for its host is looked at when its time is over. */
function untilDeadline(deps: CordonAgentDeps, order: Order): number {
  const left = Math.ceil((msOf(order.notAfter) - deps.clock.nowMs()) / 1000) + 1
  return Math.max(1, Math.min(undeliveredSeconds, left))
}

function describeCapability(actionType: ActionType, present: boolean): Capability {
  if (!ordered.includes(actionType)) {
    return { actionType, available: false, reason: `the agent of this version cannot do ${actionType}` }
  }
  return { actionType, available: present, reason: present ? null : 'no agent is enrolled; see: cordon agent token' }
}

async function startOrder(deps: CordonAgentDeps, order: Order): Promise<Progress> {
  if (order.actionType === 'submitIocRule') return startRule(deps, order)
  if (isOnSeveralHosts(order)) return startFileOrder(deps, order)
  const action = await toAction(deps, order)
  if (action === null) {
    const detail = `the agent of this version cannot do ${order.actionType}`
    return { outcome: 'failure', failureClass: 'permanent', code: 'Unsupported', detail }
  }
  const kept = await keepForOthers(deps, order)
  if (kept !== null) return kept
  const command = await queueCommand(deps, {
    tenantId: order.tenantId,
    agentId: agentOfAccount(order.target.key) ?? agentOfFile(order.target.key) ?? order.target.key,
    executionId: order.executionId,
    taskId: order.taskId,
    epoch: order.epoch,
    notAfter: order.notAfter,
    actor: { id: order.actor.id, kind: toActorKind(order.actor.kind) },
    reason: order.reason,
    action,
    dryRun: false,
    leaseSeconds: readLease(order.parameters),
    approvals: order.approvals,
  })
  if (command === null) {
    const detail = `the agent of ${order.target.displayName} is no longer enrolled`
    return { outcome: 'failure', failureClass: 'permanent', code: 'NoExecutor', detail }
  }
  return describeProgress(deps, order, command, soonSeconds)
}

/** @source design actions.md 7.4, time limits */
function toScan({ scan }: Order['parameters']): AgentAction {
  const full = scan === 'full'
  return { actionType: 'runAntiVirusScan', scan: full ? 'full' : 'quick', maxSeconds: (full ? 12 * 60 : 30) * 60 }
}

function readLease({ leaseSeconds }: Order['parameters']): number | null {
  return typeof leaseSeconds === 'number' ? leaseSeconds : null
}

async function toAction(
  deps: CordonAgentDeps,
  order: Pick<Order, 'tenantId' | 'taskId' | 'actionType' | 'target' | 'parameters' | 'approvals'>,
): Promise<AgentAction | null> {
  const { actionType, parameters } = order
  if (actionType === 'unIsolateDevice' || isRestriction(actionType)) return { actionType }
  if (actionType === 'stopAndQuarantineFile') return toFileAction(deps, order)
  if (actionType === 'runAntiVirusScan') return toScan(parameters)
  if (isAccountAction(actionType)) return toAccountAction(actionType, order)
  if (actionType === 'collectInvestigationPackage') return { actionType, maxBytes: packageBytes }
  if (actionType !== 'isolateDevice') return null
  if (parameters.isolationType !== 'selective') return { actionType, permitted: undefined }
  const recorded = readPermitted(parameters.permitted)
  return { actionType, permitted: recorded ?? (await readPermittedAddresses(deps, order.tenantId)) }
}

async function describeProgress(
  deps: CordonAgentDeps,
  order: Order,
  command: CommandView,
  checkAfterSeconds: number,
): Promise<Progress> {
  const handle = command.id
  switch (command.state) {
    case 'queued':
    case 'given':
    case 'acked':
      return describeOpen(deps, order, command, checkAfterSeconds)
    case 'cancelled':
      return { outcome: 'cancelled' }
    case 'expired':
      return { outcome: 'expired' }
    case 'succeeded':
    case 'partial':
    case 'unverified':
    case 'failed':
    case 'refused':
      return command.result === null ? describeLost(handle) : describeResult(command.state, command.result)
    default:
      return assertNever(command.state)
  }
}

/** A command without a result: its host has not seen it, works on it, or is silent. */
async function describeOpen(
  deps: CordonAgentDeps,
  order: Order,
  command: CommandView,
  checkAfterSeconds: number,
): Promise<Progress> {
  const delivered = command.state !== 'queued'
  const presence = await readPresence(deps, order.tenantId, command.agentId)
  if (presence === null || presence.revoked) {
    const name = order.target.displayName
    // Nobody else gets the commands of an identity that is gone, and it cannot report what it did.
    const detail = delivered
      ? `The agent of ${name} recorded the command and was removed or enrolled anew since.`
      : `The agent of ${name} was removed or enrolled anew before it saw the command.`
    const failureClass = delivered ? 'ambiguous' : 'permanent'
    return { outcome: 'failure', failureClass, code: delivered ? 'AgentReplaced' : 'NoExecutor', detail }
  }
  const last = [presence.lastSeenAt, command.ackedAt]
    .filter((at) => at !== null)
    .sort()
    .at(-1)
  if (delivered && (last === undefined || deps.clock.nowMs() - msOf(last) > silentMs)) {
    const detail = 'The host recorded the command and has not been heard of since.'
    return { outcome: 'failure', failureClass: 'ambiguous', code: 'ContactLost', detail }
  }
  if (command.result?.state === 'running') {
    const words = command.result.targets[0]?.detail
    const note = words === null || words === undefined ? {} : { note: words }
    return { outcome: 'running', handle: command.id, checkAfterSeconds, ...note }
  }
  return { outcome: 'accepted', delivered, handle: command.id, checkAfterSeconds }
}

function describeResult(
  state: 'succeeded' | 'partial' | 'unverified' | 'failed' | 'refused',
  result: CommandResult,
): Progress {
  const { before, after } = result
  const [target] = result.targets
  const code = target?.code ?? 'AgentError'
  const detail = target?.detail ?? `the host answered ${result.state}`
  switch (state) {
    case 'succeeded':
      return { outcome: 'done', changed: target?.changed ?? false, before, after, proof: toProof(result) }
    case 'partial': {
      const targets = listFileTargets(result)
      return { outcome: 'done', changed: true, before, after, proof: toProof(result), targets }
    }
    case 'unverified':
      return { outcome: 'done', changed: target?.changed ?? false, before, after, proof: null }
    case 'refused':
      return { outcome: 'refused', code, detail }
    case 'failed':
      return { outcome: 'failure', failureClass: 'permanent', code, detail, before, after }
    default:
      return assertNever(state)
  }
}

function toProof({ proof }: CommandResult): Proof | null {
  if (proof === null || proof.level === 'none') return null
  const { level, method, observedAt, digest, checks } = proof
  return { level, method, observedAt, digest, checks }
}

function describeLost(handle: string): Progress {
  return {
    outcome: 'failure',
    failureClass: 'permanent',
    code: 'CommandLost',
    detail: `no result of command ${handle}`,
  }
}
