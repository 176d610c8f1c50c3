import type { AgentAction, CommandDeps } from '../../../agents/commands.ts'
import { toActorKind } from '../../../agents/commands.ts'
import { readPresence } from '../../../agents/devices.ts'
import { cancelQueued, type HostOrder, queueForHosts, readFanOut, readToldByTask } from '../../../agents/fan-out.ts'
import { msOf } from '../../../io/clock.ts'
import type { TargetOutcome } from '../../../model/execution.ts'
import type { JsonObject } from '../../../protocol/decode.ts'
import type { Inspection, Look, Order, Progress } from '../../connector.ts'
import { agentsOfFile, inspectFile, listItems, readHashesOf, toFileAction } from './files.ts'
import {
  describeHost,
  type HostCommand,
  lookAgainSeconds,
  maxListed,
  proveByHosts,
  readReport,
  silentMs,
} from './hosts.ts'

/** True for the quarantine of a file, or its undo, on more than one host. */
export function isOnSeveralHosts({ actionType, target }: Pick<Order, 'actionType' | 'target'>): boolean {
  return actionType === 'stopAndQuarantineFile' && agentsOfFile(target.key).length > 1
}

/** Tells every host of the target, or those an earlier run left undone; a second call finds the commands of the first. */
export async function startFileOrder(deps: CommandDeps, order: Order): Promise<Progress> {
  const { tenantId, executionId, taskId, epoch, notAfter, reason, approvals } = order
  const actor = { id: order.actor.id, kind: toActorKind(order.actor.kind) }
  const shared = { tenantId, executionId, taskId, epoch, notAfter, actor, reason, approvals }
  await queueForHosts(deps, shared, await listOrders(deps, order))
  return (await attachFileOrder(deps, order)) ?? fail('NoExecutor', 'none of the hosts is enrolled any more')
}

/** Where the commands of an execution stand; null when there are none. */
export async function attachFileOrder(deps: CommandDeps, order: Order): Promise<Progress | null> {
  const commands = await readFanOut(deps, order.tenantId, order.executionId)
  return commands.length === 0 ? null : describeHosts(deps, order, commands)
}

/** As {@link attachFileOrder}, for one that was begun. */
export async function checkFileOrder(deps: CommandDeps, order: Order): Promise<Progress> {
  return (await attachFileOrder(deps, order)) ?? fail('CommandLost', `no command of execution ${order.executionId}`)
}

/** Takes back what no host has recorded. */
export async function cancelFileOrder(deps: CommandDeps, order: Order): Promise<Progress> {
  await cancelQueued(deps, order.tenantId, order.executionId)
  return checkFileOrder(deps, order)
}

/** Asks every host at once what it would do. */
export async function inspectFileHosts(deps: CommandDeps, look: Look): Promise<Inspection> {
  const hosts = agentsOfFile(look.target.key)
  const [hash = ''] = look.target.key.split('@', 1)
  const seen = await Promise.all(
    hosts.map(async (id) => ({
      id,
      ...(await inspectFile(deps, { ...look, target: { ...look.target, key: `${hash}@${id}` } })),
    })),
  )
  const refusals = seen.flatMap(({ refusal }) => (refusal === null ? [] : [refusal]))
  const [first] = refusals
  return {
    readAt: deps.clock.now(),
    online: seen.some(({ online }) => online === true),
    lastSeenAt:
      seen
        .flatMap(({ lastSeenAt }) => lastSeenAt ?? [])
        .sort()
        .at(-1) ?? null,
    already: null,
    state: {
      hosts: seen.map(({ id, online, state, refusal }) => ({ deviceId: id, online, ...state, wouldRefuse: refusal })),
    },
    refusal: first !== undefined && refusals.length === seen.length ? first : null,
    connections: { known: false, reason: 'A quarantine ends processes, and with them whatever connections they have.' },
  }
}

async function listOrders(deps: CommandDeps, order: Order): Promise<readonly HostOrder[]> {
  const agentIds = agentsOfFile(order.target.key).filter(
    (id) => order.onlyTargets === null || order.onlyTargets.includes(`device:${id}`),
  )
  if (order.parameters.restoresTask !== true) {
    const action = await toFileAction(deps, order)
    return action === null ? [] : agentIds.map((agentId) => ({ agentId, action, label: 'quarantine' }))
  }
  const hashes = readHashesOf(order.target.key)
  if (hashes === undefined) return []
  const told = await readToldByTask(deps, order.tenantId, order.taskId, agentIds)
  return told.filter(hasMoved).map(({ agentId, id }) => {
    const file = { mode: 'restore' as const, hashes, executionId: id }
    return { agentId, action: { actionType: 'stopAndQuarantineFile', file } satisfies AgentAction, label: id }
  })
}

function hasMoved(command: HostCommand): boolean {
  return listItems(readReport(command)?.after?.moved).some(({ named }) => named)
}

async function describeHosts(deps: CommandDeps, order: Order, commands: readonly HostCommand[]): Promise<Progress> {
  if (commands.every(({ state }) => state === 'cancelled')) return { outcome: 'cancelled' }
  const waiting = commands.filter((command) => isWaitedFor(deps, order, command))
  const handle = order.executionId
  if (waiting.length > 0) {
    const checkAfterSeconds = lookAgainSeconds
    const begun = commands.some(({ state }) => state !== 'queued' && state !== 'cancelled')
    if (!begun) return { outcome: 'accepted', delivered: false, handle, checkAfterSeconds }
    const names = waiting.map(({ hostname }) => hostname).join(', ')
    const note = `${commands.length - waiting.length} of ${commands.length} hosts have answered; waiting for ${names}`
    return { outcome: 'running', handle, checkAfterSeconds, note }
  }
  const told = new Set(commands.map(({ agentId }) => agentId))
  const missing = agentsOfFile(order.target.key).filter((id) => !told.has(id) && isWanted(order, id))
  const untold = await Promise.all(missing.map((id) => describeUntold(deps, order, id)))
  const targets = [...commands.flatMap(describeFileHost), ...untold.flat()]
  return describeDone(deps, commands, targets)
}

/** A host that is away keeps the order open until its time is over, as it would alone; whoever cannot wait cancels. */
function isWaitedFor(deps: CommandDeps, order: Order, { state, createdAt, ackedAt, revoked }: HostCommand): boolean {
  const nowMs = deps.clock.nowMs()
  if (revoked) return false
  if (state === 'queued') return nowMs <= msOf(order.notAfter)
  return state === 'acked' && nowMs - msOf(ackedAt ?? createdAt) < silentMs
}

function isWanted({ onlyTargets, parameters }: Order, agentId: string): boolean {
  return parameters.restoresTask !== true && (onlyTargets === null || onlyTargets.includes(`device:${agentId}`))
}

/** A host that was part of the target and is gone since. */
async function describeUntold(deps: CommandDeps, order: Order, agentId: string): Promise<readonly TargetOutcome[]> {
  const presence = await readPresence(deps, order.tenantId, agentId)
  const detail = presence === null || presence.revoked ? 'the host is no longer enrolled' : 'the host got no command'
  const state = 'unsupported' as const
  return [{ ref: `device:${agentId}`, displayName: agentId, state, code: 'NoExecutor', detail }]
}

function describeFileHost(command: HostCommand): readonly TargetOutcome[] {
  const { agentId, hostname, state, revoked } = command
  const ref = `device:${agentId}`
  if (state === 'queued' || (state === 'acked' && revoked)) {
    const detail = revoked ? 'the agent was removed before it answered' : 'the host did not fetch the command in time'
    const code = revoked ? 'AgentReplaced' : 'Expired'
    return [{ ref, displayName: hostname, state: state === 'queued' ? 'timedOut' : 'unknown', code, detail }]
  }
  const described = describeHost(command)
  if (state === 'failed' && described.code === 'NotFound') return [{ ...described, state: 'notFound' }]
  if (state !== 'partial') return [described]
  // What was done there is an effect, though the host is not done.
  const done = { ref: `${ref}:part`, displayName: `${hostname} (in part)`, code: null, detail: null }
  return [described, { ...done, state: 'succeeded' }]
}

function describeDone(
  deps: CommandDeps,
  commands: readonly HostCommand[],
  targets: readonly TargetOutcome[],
): Progress {
  const reports = commands.map((command) => ({ command, report: readReport(command) }))
  const hosts: JsonObject[] = reports.map(({ command, report }) => {
    const { movedTotal = 0, killedTotal = 0, restoredTotal = 0, remainingTotal = 0 } = report?.after ?? {}
    const { agentId: deviceId, hostname, id: commandId } = command
    return { deviceId, hostname, commandId, movedTotal, killedTotal, restoredTotal, remainingTotal }
  })
  const done = commands.filter(({ state }) => state === 'succeeded')
  const after = { hosts: hosts.slice(0, maxListed), done: done.length, of: commands.length }
  return {
    outcome: 'done',
    changed: reports.some(({ report }) => report?.targets[0]?.changed === true),
    before: { hosts: commands.length },
    after,
    proof: proveByHosts(deps.clock.now(), commands, done.length, after),
    targets,
  }
}

function fail(code: string, detail: string): Progress {
  return { outcome: 'failure', failureClass: 'permanent', code, detail }
}
