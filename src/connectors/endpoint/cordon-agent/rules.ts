import { type CommandDeps, toActorKind } from '../../../agents/commands.ts'
import { readFanOut } from '../../../agents/fan-out.ts'
import {
  cancelFanOut,
  countEnforcers,
  type RuleOrder,
  spreadRule,
  submitRule,
  withdrawRule,
} from '../../../agents/rules.ts'
import { instantOf, msOf } from '../../../io/clock.ts'
import { digestJson } from '../../../protocol/canonical.ts'
import { isUsable, parseIndicator } from '../../../protocol/indicator.ts'
import type { Inspection, Look, Order, Progress, Resolution } from '../../connector.ts'
import { describeHost, type HostCommand, lookAgainSeconds, proveByHosts, silentMs } from './hosts.ts'

/** A host that polls fetches a command within milliseconds; one that has not after this is away and catches up later. */
const awayMs = 20_000
/** One that was given its command answers within milliseconds, or with the poll after the one whose answer was lost. */
const givenMs = 60_000

/** What fits an identifier as an indicator; every host of the tenant that can enforce rules is part of the one target. */
export async function resolveIndicator(
  deps: CommandDeps,
  tenantId: string,
  identifier: string,
): Promise<readonly Resolution[]> {
  const indicator = parseIndicator(identifier)
  if (indicator === undefined) return []
  const { able, all, obstacle } = await countEnforcers(deps, tenantId)
  if (all === 0) return []
  const value = isUsable(indicator) ? indicator.value : identifier
  const target = { kind: 'indicator' as const, key: `indicator:${value}`, displayName: value, identifier }
  if (!isUsable(indicator)) return [{ target, supported: false, reason: indicator.problem }]
  if (able > 0) return [{ target, supported: true, reason: null }]
  return [{ target, supported: false, reason: `none of ${all} hosts can enforce rules: ${obstacle}` }]
}

/** Submits a rule to every host, or withdraws it. */
export async function startRule(deps: CommandDeps, order: Order): Promise<Progress> {
  const rule = toRule(deps, order)
  if (rule === null) return fail('BadArguments', `${order.target.identifier} is no usable indicator`)
  const withdraw = order.parameters.withdraw === true
  await (withdraw ? withdrawRule : submitRule)(deps, rule, order.onlyTargets)
  const commands = await readFanOut(deps, order.tenantId, order.executionId)
  if (commands.length > 0) return describeFanOut(deps, order, commands)
  if (!withdraw) return fail('NoExecutor', 'no host that can enforce rules is left')
  const after = { inForce: false, hosts: 0 }
  const checks = [{ name: 'hosts', want: '0', got: '0: no host had the rule' }]
  const proof = {
    level: 'attested' as const,
    method: 'command-record',
    observedAt: deps.clock.now(),
    digest: digestJson(after),
    checks,
  }
  return { outcome: 'done', changed: false, before: after, after, proof }
}

/** Where a fan-out stands; null when it was never begun. One that was cut off is carried on: some of its hosts have it already. */
export async function attachRuleOrder(deps: CommandDeps, order: Order): Promise<Progress | null> {
  const rule = toRule(deps, order)
  if (rule !== null) await spreadRule(deps, rule, order.onlyTargets)
  const commands = await readFanOut(deps, order.tenantId, order.executionId)
  return commands.length === 0 ? null : describeFanOut(deps, order, commands)
}

/** As {@link attachRuleOrder}, for one that was begun. */
export async function checkRuleOrder(deps: CommandDeps, order: Order): Promise<Progress> {
  return (await attachRuleOrder(deps, order)) ?? fail('CommandLost', `no command of execution ${order.executionId}`)
}

/** Takes back what no host has recorded. */
export async function cancelRuleOrder(deps: CommandDeps, order: Order): Promise<Progress> {
  await cancelFanOut(deps, order.tenantId, order.executionId)
  return checkRuleOrder(deps, order)
}

/** What a rule would meet: how many hosts would get it. */
export async function inspectIndicator(deps: CommandDeps, look: Look): Promise<Inspection> {
  const { able, all } = await countEnforcers(deps, look.tenantId)
  return {
    readAt: deps.clock.now(),
    online: null,
    lastSeenAt: null,
    already: null,
    state: { hosts: all, enforcing: able },
    refusal: null,
    connections: { known: false, reason: 'Nobody asks every host for its connections.' },
  }
}

function toRule(deps: CommandDeps, order: Order): RuleOrder | null {
  const indicator = parseIndicator(order.target.identifier)
  if (!isUsable(indicator)) return null
  const { mode, expireAfterHours, allowInfrastructure } = order.parameters
  const hours = typeof expireAfterHours === 'number' ? expireAfterHours : 30 * 24
  return {
    tenantId: order.tenantId,
    executionId: order.executionId,
    taskId: order.taskId,
    epoch: order.epoch,
    notAfter: order.notAfter,
    actor: { id: order.actor.id, kind: toActorKind(order.actor.kind) },
    reason: order.reason,
    approvals: order.approvals,
    indicator,
    mode: mode === 'audit' ? 'audit' : 'block',
    until: instantOf(deps.clock.nowMs() + hours * 3_600_000),
    allowInfrastructure: allowInfrastructure === true,
  }
}

function describeFanOut(deps: CommandDeps, order: Order, commands: readonly HostCommand[]): Progress {
  const nowMs = deps.clock.nowMs()
  if (commands.every(({ state }) => state === 'cancelled')) return { outcome: 'cancelled' }
  const waiting = commands.filter((command) => isWaitedFor(command, nowMs))
  const handle = order.executionId
  if (waiting.length > 0) {
    const begun = commands.some(({ state }) => state !== 'queued' && state !== 'cancelled')
    if (begun) return { outcome: 'running', handle, checkAfterSeconds: lookAgainSeconds }
    return { outcome: 'accepted', delivered: false, handle, checkAfterSeconds: lookAgainSeconds }
  }
  const targets = commands.map((command) => describeHost(command))
  const done = targets.filter(({ state }) => state === 'succeeded' || state === 'already')
  const withdrawn = order.parameters.withdraw === true
  const after = { inForce: !withdrawn, indicator: order.target.displayName, hosts: done.length, of: targets.length }
  return {
    outcome: 'done',
    changed: targets.some(({ state }) => state === 'succeeded'),
    before: { inForce: withdrawn },
    after,
    proof: proveByHosts(deps.clock.now(), commands, done.length, after),
    targets,
  }
}

/** A host that is away is not waited for: its command waits for it. */
function isWaitedFor({ state, createdAt, ackedAt }: HostCommand, nowMs: number): boolean {
  if (state === 'queued') return nowMs - msOf(createdAt) < awayMs
  if (state === 'given') return nowMs - msOf(createdAt) < givenMs
  return state === 'acked' && nowMs - msOf(ackedAt ?? createdAt) < silentMs
}

function fail(code: string, detail: string): Progress {
  return { outcome: 'failure', failureClass: 'permanent', code, detail }
}
