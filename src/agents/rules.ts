import { instantOf, msOf } from '../io/clock.ts'
import { sha256Hex } from '../protocol/canonical.ts'
import type { Indicator } from '../protocol/indicator.ts'
import { insertCommands, takeCommandSeqs, updateCommand } from '../store/agents.ts'
import type { Tx } from '../store/db.ts'
import {
  type HostCommand,
  type RuleCommand,
  readAgentsInForce,
  readCommandsOfExecution,
  readIocRuleForUpdate,
  readIocRules,
  readRuleCommands,
  withdrawIocRule,
  writeIocRule,
} from '../store/ioc-rules.ts'
import { recordChange } from '../store/record.ts'
import type { IocRuleRow } from '../store/schema.ts'
import type { Device } from './authenticate.ts'
import { type CommandDeps, type CommandOrder, queueActor, signOrder } from './commands.ts'
import { findObstacle } from './devices.ts'

/** What every command about a rule has in common. It is stored with the rule, for hosts that come later. */
export interface RuleOrder
  extends Pick<
    CommandOrder,
    'tenantId' | 'executionId' | 'taskId' | 'epoch' | 'notAfter' | 'actor' | 'reason' | 'approvals'
  > {
  readonly indicator: Indicator
  readonly mode: 'block' | 'audit'
  /** UTC instant at which every host ends the rule by itself. */
  readonly until: string
  readonly allowInfrastructure: boolean
}

/** A command to a host that was away may begin this long after it was written; the rule's own end may come before. */
const patienceMs = 72 * 3_600_000

/**
 * Writes a rule and a signed command for every host that can enforce it, in one transaction, and wakes their polls. A second call for the
 * same execution changes nothing.
 * @param only refs of the hosts to go to, as `device:<id>`; null for all
 * @returns how many hosts it goes to
 */
export async function submitRule(deps: CommandDeps, order: RuleOrder, only: readonly string[] | null): Promise<number> {
  return queueForHosts(deps, order, async (tx, now) => {
    const agents = await readAgentsInForce(tx, order.tenantId)
    await writeIocRule(tx, toRow(order, now))
    return agents
      .filter(({ id }) => only === null || only.includes(`device:${id}`))
      .filter(({ capabilities }) => findObstacle(capabilities, 'submitIocRule') === null)
      .map(({ id }) => id)
  })
}

/**
 * Takes a rule back: hosts that have not recorded it never will, and the others get a command each.
 * @returns how many hosts had it
 */
export async function withdrawRule(
  deps: CommandDeps,
  order: RuleOrder,
  only: readonly string[] | null,
): Promise<number> {
  return queueForHosts(
    deps,
    order,
    async (tx, now) => {
      await readIocRuleForUpdate(tx, order.tenantId, order.taskId)
      await withdrawIocRule(tx, order.tenantId, order.taskId, order.executionId)
      const hosts = summarise(
        await readRuleCommands(tx, order.tenantId, { ruleId: order.taskId }),
        ({ agentId }) => agentId,
      )
      const inForce = new Set((await readAgentsInForce(tx, order.tenantId)).map(({ id }) => id))
      for (const { newest } of hosts.values()) await takeBackQueued(tx, newest, now)
      return [...hosts]
        .filter(([, host]) => host.has)
        .map(([agentId]) => agentId)
        .filter((id) => inForce.has(id) && (only === null || only.includes(`device:${id}`)))
    },
    true,
  )
}

/** The commands of an execution, each with its host. */
export function readFanOut(
  deps: Pick<CommandDeps, 'store'>,
  tenantId: string,
  executionId: string,
): Promise<HostCommand[]> {
  return readCommandsOfExecution(deps.store.read, tenantId, executionId)
}

/** How many hosts of a tenant can enforce rules, and how many there are. */
export async function countEnforcers(
  deps: Pick<CommandDeps, 'store'>,
  tenantId: string,
): Promise<{ readonly able: number; readonly all: number; readonly obstacle: string | null }> {
  const agents = await readAgentsInForce(deps.store.read, tenantId)
  const obstacles = agents.map(({ capabilities }) => findObstacle(capabilities, 'submitIocRule'))
  return {
    able: obstacles.filter((obstacle) => obstacle === null).length,
    all: agents.length,
    obstacle: obstacles.find((obstacle) => obstacle !== null) ?? null,
  }
}

/** Takes back what this execution queued and no host has recorded. */
export async function cancelFanOut(deps: CommandDeps, tenantId: string, executionId: string): Promise<void> {
  const now = deps.clock.now()
  await deps.store.transaction(async (tx) => {
    const commands = await readCommandsOfExecution(tx, tenantId, executionId)
    const queued = commands.filter(({ state }) => state === 'queued')
    for (const { id } of queued) await updateCommand(tx, id, { state: 'cancelled', finished_at: now })
    // A rule that was never taken up by anybody must not reach those who come later.
    const [rule] = commands.map(({ actionType }) => actionType)
    if (queued.length === commands.length && rule === 'submitIocRule') {
      const [found] = (await readIocRules(tx, tenantId, now)).filter((row) => row.execution_id === executionId)
      if (found !== undefined) await withdrawIocRule(tx, tenantId, found.id, executionId)
    }
    const audit = queued.map(({ id }) => ({
      action: 'cancelCommand',
      objectType: 'command',
      objectId: id,
      decision: 'allowed' as const,
    }))
    await recordChange(tx, { at: now, actor: queueActor(tenantId), audit })
  })
}

/**
 * Gives a host what it has missed: rules in force it never got or got too late to begin, and withdrawals of rules it still has.
 * Asked with every heartbeat, so a host that enrols, or comes back, is up to date with the first of them.
 */
export async function catchUp(deps: CommandDeps, device: Device): Promise<void> {
  const now = deps.clock.now()
  const rules = await readIocRules(deps.store.read, device.tenantId, now)
  if (rules.length === 0) return
  const queued = await deps.store.transaction(async (tx) => {
    const commands = await readRuleCommands(tx, device.tenantId, { agentId: device.id })
    const known = summarise(commands, ({ ruleId }) => ruleId)
    const missed = rules.filter((rule) => isMissed(rule, known.get(rule.id)))
    for (const rule of missed) {
      const withdraw = rule.withdrawn === 1
      const id = nameCommandId([rule.id, device.id, deps.ids.guid()])
      await insertFor(deps, tx, { order: readOrder(rule, now), agentIds: [device.id], withdraw, now, idOf: () => id })
    }
    if (missed.length > 0) {
      const details = {
        agentId: device.id,
        rules: missed.map(({ id, withdrawn }) => ({ id, withdrawn: withdrawn === 1 })),
      }
      await recordChange(tx, {
        at: now,
        actor: queueActor(device.tenantId),
        audit: { action: 'queueMissedRules', objectType: 'agent', objectId: device.id, decision: 'allowed', details },
      })
    }
    return missed.length
  })
  if (queued > 0) deps.polls.wake(device.id)
}

async function queueForHosts(
  deps: CommandDeps,
  order: RuleOrder,
  choose: (tx: Tx, now: string) => Promise<readonly string[]>,
  withdraw: boolean = false,
): Promise<number> {
  const agentIds = await deps.store.transaction(async (tx) => {
    const known = await readCommandsOfExecution(tx, order.tenantId, order.executionId)
    if (known.length > 0) return known.map(({ agentId }) => agentId)
    const now = deps.clock.now()
    const chosen = await choose(tx, now)
    const idOf = (agentId: string): string => nameCommandId([order.executionId, agentId])
    await insertFor(deps, tx, { order, agentIds: chosen, withdraw, now, idOf })
    await recordChange(tx, {
      at: now,
      actor: queueActor(order.tenantId),
      audit: {
        action: 'queueCommands',
        objectType: 'execution',
        objectId: order.executionId,
        decision: 'allowed',
        details: {
          hosts: chosen.length,
          indicator: order.indicator.value,
          mode: order.mode,
          withdraw,
          until: order.until,
        },
      },
    })
    return chosen
  })
  for (const agentId of agentIds) deps.polls.wake(agentId)
  return agentIds.length
}

interface Insertion {
  readonly order: RuleOrder
  readonly agentIds: readonly string[]
  readonly withdraw: boolean
  readonly now: string
  readonly idOf: (agentId: string) => string
}

async function insertFor(
  deps: CommandDeps,
  tx: Tx,
  { order, agentIds, withdraw, now, idOf }: Insertion,
): Promise<void> {
  const seqs = await takeCommandSeqs(tx, order.tenantId, agentIds)
  const { indicator, mode, until, allowInfrastructure, ...rest } = order
  const rule = { ruleId: order.taskId, indicator, withdraw, mode, untilMs: msOf(until), allowInfrastructure }
  const commands = agentIds.flatMap((agentId) => {
    const seq = seqs.get(agentId)
    if (seq === undefined) return []
    const action = { actionType: 'submitIocRule' as const, rule }
    return [
      signOrder(deps, { ...rest, agentId, action, dryRun: false, leaseSeconds: null }, { id: idOf(agentId), seq, now }),
    ]
  })
  await insertCommands(tx, commands)
}

/** A host cannot tell a command of a fan-out from any other, so it gets an id of its own; the same parts make the same id. */
function nameCommandId(parts: readonly string[]): string {
  const digits = sha256Hex(parts.join(' '))
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20, 32),
  ].join('-')
}

function toRow(order: RuleOrder, now: string): IocRuleRow {
  return {
    tenant_id: order.tenantId,
    id: order.taskId,
    execution_id: order.executionId,
    rule: JSON.stringify(order),
    expires_at: order.until,
    withdrawn: 0,
    created_at: now,
  }
}

/** The order of a rule for a host that comes later. What lies in the column is what {@link toRow} wrote. */
function readOrder(row: IocRuleRow, now: string): RuleOrder {
  const order: RuleOrder = JSON.parse(row.rule)
  const latest = instantOf(msOf(now) + patienceMs)
  return { ...order, executionId: row.execution_id, notAfter: latest < row.expires_at ? latest : row.expires_at }
}

/** What the commands about one rule on one host come to. */
interface Standing {
  readonly newest: RuleCommand
  /** The rule may be in force on the host. */
  readonly has: boolean
}

function isMissed(rule: IocRuleRow, standing: Standing | undefined): boolean {
  if (standing === undefined) return rule.withdrawn === 0
  const { newest, has } = standing
  const over = newest.state === 'expired' || newest.state === 'cancelled'
  if (rule.withdrawn === 0) return newest.actionType === 'withdrawIocRule' || (over && !has)
  return has && (newest.actionType === 'submitIocRule' || over)
}

async function takeBackQueued(tx: Tx, command: RuleCommand, now: string): Promise<void> {
  if (command.state === 'queued') await updateCommand(tx, command.id, { state: 'cancelled', finished_at: now })
}

/** @param commands in the order they were written */
function summarise(
  commands: readonly RuleCommand[],
  keyOf: (command: RuleCommand) => string,
): ReadonlyMap<string, Standing> {
  const standings = new Map<string, Standing>()
  for (const command of commands) {
    const had = standings.get(keyOf(command))?.has ?? false
    // What a host refused or never got is not in force there.
    const began = command.state === 'acked' || command.state === 'succeeded' || command.state === 'unverified'
    const has = command.actionType === 'submitIocRule' ? had || began : had && command.state !== 'succeeded'
    standings.set(keyOf(command), { newest: command, has })
  }
  return standings
}
