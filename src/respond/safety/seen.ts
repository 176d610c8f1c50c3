import { createHash } from 'node:crypto'
import { type Seen, writeSeen } from '../../model/safety/approval.ts'
import type { Verdict } from '../../model/safety/verdict.ts'
import type { Execution } from '../../store/executions.ts'
import type { StoredTask } from '../../store/tasks.ts'

/** What people are asked to agree to. */
export function describeSeen(
  task: StoredTask,
  execution: Execution,
  { approvals, reasons }: Pick<Verdict, 'approvals' | 'reasons'>,
): Seen {
  const { kind, key, displayName, identifier } = execution.target
  return {
    taskId: task.doc.id,
    displayName: task.doc.displayName,
    kind: execution.kind,
    actionType: execution.actionType,
    target: { kind, key, displayName, identifier },
    connector: execution.connector,
    parameters: execution.parameters,
    required: approvals,
    reasons,
  }
}

/** What an approval is bound to: `sha256:` and 64 lower-case hexadecimal digits. */
export function digestSeen(seen: Seen): string {
  return `sha256:${createHash('sha256').update(writeSeen(seen)).digest('hex')}`
}
