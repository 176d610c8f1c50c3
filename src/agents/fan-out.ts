import { sha256Hex } from '../protocol/canonical.ts'
import { insertCommands, takeCommandSeqs, updateCommand } from '../store/agents.ts'
import { isDuplicateKey, type Tx } from '../store/db.ts'
import { type HostCommand, readCommandsOfExecution, readCommandsOfTask } from '../store/ioc-rules.ts'
import { recordChange } from '../store/record.ts'
import { type AgentAction, type CommandDeps, type CommandOrder, queueActor, signOrder } from './commands.ts'

/** What one of several hosts is told. */
export interface HostOrder {
  readonly agentId: string
  readonly action: AgentAction
  /** Tells two commands of one execution to one host apart. */
  readonly label: string
}

/** What the commands of a fan-out have in common. */
export type SharedOrder = Omit<CommandOrder, 'agentId' | 'action' | 'dryRun' | 'leaseSeconds'>

/**
 * Queues a signed command for each of several hosts, all in one transaction, and wakes their polls. A second call for the same execution
 * changes nothing. Hosts that are no longer in force are left out. For few hosts; rules, which go to all, are spread in parts.
 */
export async function queueForHosts(deps: CommandDeps, order: SharedOrder, hosts: readonly HostOrder[]): Promise<void> {
  try {
    const woken = await deps.store.transaction((tx) => queueOnce(deps, tx, order, hosts))
    for (const agentId of woken) deps.polls.wake(agentId)
  } catch (cause) {
    // Another server was handed the same execution, and was first.
    if (!isDuplicateKey(cause)) throw cause
  }
}

async function queueOnce(
  deps: CommandDeps,
  tx: Tx,
  order: SharedOrder,
  hosts: readonly HostOrder[],
): Promise<readonly string[]> {
  const { tenantId, executionId } = order
  if ((await readCommandsOfExecution(tx, tenantId, executionId)).length > 0) return []
  const now = deps.clock.now()
  const woken: string[] = []
  for (const { agentId, action, label } of hosts.toSorted((a, b) => (a.agentId < b.agentId ? -1 : 1))) {
    const seq = (await takeCommandSeqs(tx, tenantId, [agentId])).get(agentId)
    if (seq === undefined) continue
    const whole = { ...order, agentId, action, dryRun: false, leaseSeconds: null }
    await insertCommands(tx, [signOrder(deps, whole, { id: nameCommandId([executionId, agentId, label]), seq, now })])
    woken.push(agentId)
  }
  await recordChange(tx, {
    at: now,
    actor: queueActor(tenantId),
    audit: {
      action: 'queueCommands',
      objectType: 'execution',
      objectId: executionId,
      decision: 'allowed',
      details: { hosts: woken.length, agents: woken },
    },
  })
  return woken
}

/** The commands of an execution, each with its host. */
export function readFanOut(
  deps: Pick<CommandDeps, 'store'>,
  tenantId: string,
  executionId: string,
): Promise<HostCommand[]> {
  return readCommandsOfExecution(deps.store.read, tenantId, executionId)
}

/** What a task has told some hosts, in all of its executions. */
export function readToldByTask(
  deps: Pick<CommandDeps, 'store'>,
  tenantId: string,
  taskId: string,
  agentIds: readonly string[],
): Promise<HostCommand[]> {
  return readCommandsOfTask(deps.store.read, tenantId, taskId, agentIds)
}

/** Takes back what an execution queued and no host has recorded. */
export async function cancelQueued(
  deps: Pick<CommandDeps, 'store' | 'clock'>,
  tenantId: string,
  executionId: string,
): Promise<void> {
  await deps.store.transaction(async (tx) => {
    const commands = await readCommandsOfExecution(tx, tenantId, executionId)
    await cancelAll(tx, tenantId, commands, deps.clock.now())
  })
}

/** Takes those of some commands back that no host has recorded. @returns how many */
export async function cancelAll(
  tx: Tx,
  tenantId: string,
  commands: readonly HostCommand[],
  now: string,
): Promise<number> {
  const queued = commands.filter(({ state }) => state === 'queued')
  for (const { id } of queued) await updateCommand(tx, id, { state: 'cancelled', finished_at: now })
  const audit = queued.map(({ id }) => ({
    action: 'cancelCommand',
    objectType: 'command',
    objectId: id,
    decision: 'allowed' as const,
  }))
  await recordChange(tx, { at: now, actor: queueActor(tenantId), audit })
  return queued.length
}

/** A host cannot tell a command of a fan-out from any other, so it gets an id of its own; the same parts make the same id. */
export function nameCommandId(parts: readonly string[]): string {
  const digits = sha256Hex(parts.join(' '))
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20, 32),
  ].join('-')
}
