import {
  type AgentAction,
  type CommandDeps,
  cancelCommand,
  findCommand,
  queueCommand,
} from '../../../agents/commands.ts'
import { readCapability } from '../../../agents/devices.ts'
import { msOf } from '../../../io/clock.ts'
import { type ActionType, actionKinds } from '../../../model/actions.ts'
import { assertNever } from '../../../model/errors.ts'
import type { Proof } from '../../../model/execution.ts'
import type { CommandResult } from '../../../protocol/result.ts'
import { findAgents, hasAgents, readAgent, type StoredCommand } from '../../../store/agents.ts'
import type {
  Capability,
  Connector,
  FinishedAction,
  Order,
  Progress,
  Resolution,
  UndoPlan,
} from '../../connector.ts'
import { findOtherHolds, releaseHold } from './holds.ts'
import { readPermitted, readStoredPermitted } from './permitted.ts'

/** What the connector to our own agents needs: the command queue. */
export type CordonAgentDeps = CommandDeps

const name = 'cordon-agent'

/** Actions our agents can do in this version. */
const ordered: readonly ActionType[] = ['isolateDevice', 'unIsolateDevice']

/** First look after handing a command over; acknowledgement and result make the engine look at once. */
const soonSeconds = 2
const waitSeconds = 30
/** A host that recorded a command and was not heard of for this long may have done it or not. */
const silentMs = 5 * 60_000

/**
 * The connector to Cordon's own agents on Linux hosts. Orders become signed commands (`id` of the command = id of the execution), so a
 * second start finds the first; what the host reports is checked when it arrives, and `check` reads it from the store.
 */
export function createCordonAgentConnector(deps: CordonAgentDeps): Connector {
  return {
    name,
    capabilities: async (tenantId) => {
      const present = await hasAgents(deps.store.read, tenantId)
      return deviceActions.map((actionType) => describeCapability(actionType, present))
    },
    resolve: async (tenantId, actionType, identifier) => {
      if (!deviceActions.includes(actionType)) return []
      const agents = await findAgents(deps.store.read, tenantId, identifier)
      return agents.map((agent): Resolution => {
        const capability = readCapability(agent.capabilities, actionType)
        return {
          target: { kind: 'device', key: agent.id, displayName: agent.hostname, identifier },
          supported: capability.supported,
          reason: capability.supported ? null : `${agent.hostname}: ${capability.reason}`,
        }
      })
    },
    start: (order) => startOrder(deps, order),
    check: async (order, handle) => {
      const command = await findCommand(deps, order.tenantId, handle)
      return command === null ? lost(handle) : describeProgress(deps, command, waitSeconds)
    },
    cancel: async (order, handle) => {
      const command = await cancelCommand(deps, order.tenantId, handle)
      return command === null ? { outcome: 'cancelled' } : describeProgress(deps, command, waitSeconds)
    },
    planUndo,
  }
}

const deviceActions: readonly ActionType[] = (Object.keys(actionKinds) as ActionType[]).filter(
  (actionType) => actionKinds[actionType].targetKind === 'device',
)

function describeCapability(actionType: ActionType, present: boolean): Capability {
  if (!ordered.includes(actionType)) {
    return { actionType, available: false, reason: 'the agent of this version cannot do it' }
  }
  const reason = present ? null : 'no agent is enrolled; see: cordon agent token'
  return { actionType, available: present, reason }
}

async function startOrder(deps: CordonAgentDeps, order: Order): Promise<Progress> {
  const action = await toAction(deps, order)
  if (action === null) {
    const detail = `the agent of this version cannot do ${order.actionType}`
    return { outcome: 'failure', failureClass: 'permanent', code: 'Unsupported', detail }
  }
  const kept = await keepForOthers(deps, order)
  if (kept !== null) return kept
  const command = await queueCommand(deps, {
    tenantId: order.tenantId,
    agentId: order.target.key,
    executionId: order.executionId,
    taskId: order.taskId,
    epoch: order.epoch,
    notAfter: order.notAfter,
    actor: { id: order.actor.id, kind: toActorKind(order.actor.kind) },
    reason: order.reason,
    action,
  })
  if (command === null) {
    const detail = `the agent of ${order.target.displayName} is no longer enrolled`
    return { outcome: 'failure', failureClass: 'permanent', code: 'NoExecutor', detail }
  }
  return describeProgress(deps, command, soonSeconds)
}

/** An undo drops only its own hold: while another execution holds the host isolated, it stays so, and the outcome says so. */
async function keepForOthers(deps: CordonAgentDeps, order: Order): Promise<Progress | null> {
  const undone = order.parameters.undoes
  if (order.actionType !== 'unIsolateDevice' || typeof undone !== 'string') return null
  const others = await findOtherHolds(deps.store, order.target.key, undone)
  if (others.length === 0) return null
  await releaseHold(deps.store, undone)
  const after = { isolated: true, heldBy: others }
  return {
    outcome: 'done',
    changed: false,
    before: { isolated: true },
    after,
    proof: {
      level: 'attested',
      method: 'hold-record',
      observedAt: deps.clock.now(),
      digest: deps.digest(after),
      checks: [{ name: 'otherHolds', want: '0', got: `${others.length}: the host stays isolated for them` }],
    },
  }
}

async function toAction(deps: CordonAgentDeps, order: Order): Promise<AgentAction | null> {
  switch (order.actionType) {
    case 'isolateDevice':
      if (order.parameters.isolationType !== 'selective') return { actionType: 'isolateDevice', permitted: undefined }
      return {
        actionType: 'isolateDevice',
        permitted: readPermitted(order.parameters.permitted) ?? (await readStoredPermitted(deps.store, order.tenantId)),
      }
    case 'unIsolateDevice':
      return { actionType: 'unIsolateDevice' }
    default:
      return null
  }
}

async function describeProgress(deps: CordonAgentDeps, command: StoredCommand, afterSeconds: number): Promise<Progress> {
  const handle = command.id
  switch (command.state) {
    case 'queued':
      return { outcome: 'accepted', delivered: false, handle, checkAfterSeconds: afterSeconds }
    case 'acked':
      return (await isSilent(deps, command))
        ? { outcome: 'failure', failureClass: 'ambiguous', code: 'ContactLost', detail: silentText, retryAfterSeconds: 30 }
        : { outcome: 'accepted', delivered: true, handle, checkAfterSeconds: afterSeconds }
    case 'cancelled':
      return { outcome: 'cancelled' }
    case 'expired':
      return { outcome: 'expired' }
    case 'succeeded':
    case 'unverified':
    case 'failed':
    case 'refused':
      return describeResult(command)
    default:
      return assertNever(command.state)
  }
}

const silentText = 'The host recorded the command and has not been heard of since.'

async function isSilent(deps: CordonAgentDeps, command: StoredCommand): Promise<boolean> {
  const agent = await readAgent(deps.store.read, command.tenant_id, command.agent_id)
  const heard = [agent?.last_seen_at, command.acked_at].filter((at) => at !== null && at !== undefined).sort()
  const last = heard.at(-1)
  return last === undefined || deps.clock.nowMs() - msOf(last) > silentMs
}

function describeResult(command: StoredCommand): Progress {
  // Decoded when it was taken in; stored by nobody else.
  const result: CommandResult | null = command.result === null ? null : JSON.parse(command.result)
  if (result === null) return lost(command.id)
  const [target] = result.targets
  const code = target?.code ?? 'AgentError'
  const detail = target?.detail ?? `the host answered ${result.state}`
  switch (command.state) {
    case 'succeeded':
    case 'unverified':
      return {
        outcome: 'done',
        changed: target?.changed ?? false,
        before: result.before,
        after: result.after,
        proof: command.state === 'succeeded' ? toProof(result) : null,
      }
    case 'refused':
      return { outcome: 'refused', code, detail }
    default:
      return {
        outcome: 'failure',
        failureClass: 'permanent',
        code,
        detail,
        before: result.before,
        after: result.after,
      }
  }
}

function toProof({ proof }: CommandResult): Proof | null {
  if (proof === null || proof.level === 'none') return null
  const { level, method, observedAt, digest, checks } = proof
  return { level, method, observedAt, digest, checks }
}

function lost(handle: string): Progress {
  return { outcome: 'failure', failureClass: 'permanent', code: 'CommandLost', detail: `no command ${handle}` }
}

function toActorKind(kind: string): 'user' | 'app' | 'system' {
  return kind === 'application' ? 'app' : kind === 'system' ? 'system' : 'user'
}

function planUndo(done: FinishedAction): UndoPlan {
  const before = readBefore(done.result?.before)
  switch (done.actionType) {
    case 'isolateDevice':
      return { possible: true, actionType: 'unIsolateDevice', parameters: {} }
    case 'unIsolateDevice': {
      if (!before.isolated) return { possible: false, reason: 'The device was not isolated before.' }
      const parameters = { isolationType: before.mode, permitted: before.permitted }
      return { possible: true, actionType: 'isolateDevice', parameters }
    }
    default:
      return { possible: false, reason: `${done.actionType} cannot be taken back by the agent of this version.` }
  }
}
