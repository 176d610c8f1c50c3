import { instantOf, msOf } from '../io/clock.ts'
import { failpoint } from '../io/failpoint.ts'
import type { Indicator } from '../protocol/indicator.ts'
import { insertCommands, takeCommandSeqs } from '../store/agents.ts'
import type { Db, Tx } from '../store/db.ts'
import {
  cancelQueuedOfRule,
  endSpread,
  noteSpread,
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
import type { AgentRow } from '../store/schema.ts'
import type { IocRuleRow } from '../store/schema-respond.ts'
import { type CommandDeps, type CommandOrder, queueActor, signOrder } from './commands.ts'
import { findObstacle } from './devices.ts'
import { cancelAll, nameCommandId } from './fan-out.ts'
import { waitForCalm } from './group-commit.ts'
import type { Device } from './identity/authenticate.ts'

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

/** Hosts whose commands are written in one transaction; others get their turn in between. */
const hostsPerCommit = 250

/**
 * Writes a rule, and a signed command for every host that can enforce it. A second call for the same execution goes on where the first was
 * cut off.
 * @param only refs of the hosts to go to, as `device:<id>`; null for all
 */
export async function submitRule(deps: CommandDeps, order: RuleOrder, only: readonly string[] | null): Promise<void> {
  await deps.store.transaction(async (tx) => {
    const known = await readIocRuleForUpdate(tx, order.tenantId, order.taskId)
    if (known?.execution_id !== order.executionId) await writeIocRule(tx, toRow(order, deps.clock.now()))
  })
  await spreadRule(deps, order, only)
}

/**
 * Takes a rule back: hosts that have not recorded it never will, and the others get a command each. A second call goes on where the first
 * was cut off.
 */
export async function withdrawRule(deps: CommandDeps, order: RuleOrder, only: readonly string[] | null): Promise<void> {
  await deps.store.transaction(async (tx) => {
    const known = await readIocRuleForUpdate(tx, order.tenantId, order.taskId)
    if (known === null || known.execution_id === order.executionId) return
    await withdrawIocRule(tx, order.tenantId, order.taskId, order.executionId)
    await cancelQueuedOfRule(tx, order.tenantId, order.taskId, deps.clock.now())
  })
  await spreadRule(deps, order, only)
}

/** Writes the commands of a fan-out that was begun to the hosts it has not reached; does nothing when there are none. */
export async function spreadRule(deps: CommandDeps, order: RuleOrder, only: readonly string[] | null): Promise<void> {
  for (;;) {
    const { agentIds, isLast } = await deps.store.transaction((tx) => spreadOnce(deps, tx, order, only))
    failpoint('after-spread-before-wake')
    for (const agentId of agentIds) deps.polls.wake(agentId)
    if (isLast) return
    // Those who were woken fetch and answer meanwhile.
    await waitForCalm()
  }
}

async function spreadOnce(
  deps: CommandDeps,
  tx: Tx,
  order: RuleOrder,
  only: readonly string[] | null,
): Promise<{ readonly agentIds: readonly string[]; readonly isLast: boolean }> {
  const { tenantId, taskId, executionId } = order
  const row = await readIocRuleForUpdate(tx, tenantId, taskId)
  if (row?.execution_id !== executionId || row.spread_after === null) return { agentIds: [], isLast: true }
  const part = await readAgentsInForce(tx, tenantId, { after: row.spread_after, limit: hostsPerCommit })
  const wanted = part.filter(({ id }) => only === null || only.includes(`device:${id}`))
  const withdraw = row.withdrawn === 1
  const agentIds = withdraw ? await findBearers(tx, order, wanted) : listEnforcers(wanted)
  const now = deps.clock.now()
  const idOf = (agentId: string): string => nameCommandId([executionId, agentId])
  // Every host ends the rule at the same time, also those that a second attempt reaches.
  const same = { ...order, until: row.expires_at }
  await insertFor(deps, tx, { order: same, agentIds, withdraw, now, idOf })
  const last = part.length < hostsPerCommit ? undefined : part.at(-1)
  await noteSpread(tx, tenantId, taskId, last?.id ?? null)
  const { indicator, mode } = order
  await recordChange(tx, {
    at: now,
    actor: queueActor(tenantId),
    audit: {
      action: 'queueCommands',
      objectType: 'execution',
      objectId: executionId,
      decision: 'allowed',
      details: { hosts: agentIds.length, indicator: indicator.value, mode, withdraw, until: row.expires_at },
    },
  })
  return { agentIds, isLast: last === undefined }
}

async function findBearers(tx: Tx, order: RuleOrder, agents: readonly { readonly id: string }[]): Promise<string[]> {
  const ids = agents.map(({ id }) => id)
  const commands = await readRuleCommands(tx, order.tenantId, ids, order.taskId)
  const standings = summarise(commands, ({ agentId }) => agentId)
  return ids.filter((id) => standings.get(id)?.has === true)
}

function listEnforcers(agents: readonly Pick<AgentRow, 'id' | 'capabilities'>[]): string[] {
  const obstacleOf = rememberObstacles()
  return agents.filter(({ capabilities }) => obstacleOf(capabilities) === null).map(({ id }) => id)
}

/** Most hosts of a tenant can do the same, and say so in the same words: read once for all of them. */
function rememberObstacles(): (capabilities: string) => string | null {
  const known = new Map<string, string | null>()
  return (capabilities) => {
    const found = known.get(capabilities)
    if (found !== undefined) return found
    const obstacle = findObstacle(capabilities, 'submitIocRule')
    known.set(capabilities, obstacle)
    return obstacle
  }
}

/** How many hosts of a tenant can enforce rules, and how many there are. */
export async function countEnforcers(
  deps: Pick<CommandDeps, 'store'>,
  tenantId: string,
): Promise<{ readonly able: number; readonly all: number; readonly obstacle: string | null }> {
  const agents = await readAgentsInForce(deps.store.read, tenantId)
  const obstacleOf = rememberObstacles()
  const obstacles = agents.map(({ capabilities }) => obstacleOf(capabilities))
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
    const ruleId = await endSpread(tx, tenantId, executionId)
    const commands = await readCommandsOfExecution(tx, tenantId, executionId)
    const cancelled = await cancelAll(tx, tenantId, commands, now)
    // A rule that was never taken up by anybody must not reach those who come later.
    const isSubmission = commands.every(({ actionType }) => actionType === 'submitIocRule')
    if (ruleId !== null && isSubmission && cancelled === commands.length) {
      await withdrawIocRule(tx, tenantId, ruleId, executionId)
      await noteSpread(tx, tenantId, ruleId, null)
    }
  })
}

/**
 * Gives a host what it has missed: rules in force it never got or got too late to begin, and withdrawals of rules it still has.
 * Asked with every heartbeat, so a host that enrols, or comes back, is up to date with the first of them.
 */
export async function catchUp(deps: CommandDeps, device: Device): Promise<void> {
  const now = deps.clock.now()
  const rules = await readIocRules(deps.store.read, device.tenantId, now)
  if (rules.length === 0 || (await findMissed(deps.store.read, device, rules)).length === 0) return
  const queued = await deps.store.transaction(async (tx) => {
    const missed = await findMissed(tx, device, rules)
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

async function findMissed(db: Db, device: Device, rules: readonly IocRuleRow[]): Promise<IocRuleRow[]> {
  const known = summarise(await readRuleCommands(db, device.tenantId, [device.id]), ({ ruleId }) => ruleId)
  return rules.filter((rule) => {
    // A fan-out that is under way comes by here as well.
    const isComing = rule.spread_after !== null && device.id > rule.spread_after
    return !isComing && isMissed(rule, known.get(rule.id))
  })
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

function toRow(order: RuleOrder, now: string): IocRuleRow {
  return {
    tenant_id: order.tenantId,
    id: order.taskId,
    execution_id: order.executionId,
    rule: JSON.stringify(order),
    expires_at: order.until,
    withdrawn: 0,
    spread_after: '',
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

/** @param commands in the order they were written */
function summarise(
  commands: readonly RuleCommand[],
  keyOf: (command: RuleCommand) => string,
): ReadonlyMap<string, Standing> {
  const standings = new Map<string, Standing>()
  for (const command of commands) {
    const had = standings.get(keyOf(command))?.has ?? false
    // What a host refused or never got is not in force there.
    const { state } = command
    const began = state === 'given' || state === 'acked' || state === 'succeeded' || state === 'unverified'
    const has = command.actionType === 'submitIocRule' ? had || began : had && state !== 'succeeded'
    standings.set(keyOf(command), { newest: command, has })
  }
  return standings
}
