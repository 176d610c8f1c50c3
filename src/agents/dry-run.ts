import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandResult } from '../protocol/result.ts'
import { type CommandDeps, type CommandOrder, cancelCommand, findCommand, queueCommand } from './commands.ts'

/** A host that waits for commands answers within milliseconds; one that does not is not waited for much longer. */
const patienceMs = 2_000
const pauseMs = 30

/**
 * Asks a host what a command would do there, without effect. The question is a command like any other: signed, in order, in the audit.
 * @returns what the host says; null when it did not answer in time, or there is no such host
 */
export async function askDryRun(
  deps: CommandDeps,
  order: Omit<CommandOrder, 'dryRun' | 'executionId'>,
): Promise<CommandResult | null> {
  const executionId = deps.ids.guid()
  const queued = await queueCommand(deps, { ...order, executionId, dryRun: true })
  if (queued === null) return null
  const deadline = performance.now() + patienceMs
  while (performance.now() < deadline) {
    await sleep(pauseMs)
    const command = await findCommand(deps, order.tenantId, executionId)
    if (command?.result) return command.result
  }
  await cancelCommand(deps, order.tenantId, executionId)
  return null
}
