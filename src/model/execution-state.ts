/** Every state of an execution, as the audit and the portal show it. */
export const executionStates = [
  'awaitingApproval',
  'queued',
  'dispatching',
  'delivered',
  'running',
  'verifying',
  'unknown',
  'succeeded',
  'partial',
  'failed',
  'refused',
  'expired',
  'cancelled',
] as const

/** One state of an execution. */
export type ExecutionState = (typeof executionStates)[number]

/** Why an execution expired; the two ends differ in what they do to the task. */
export type ExpiryReason = 'commandDeadline' | 'approvalTimeout'

const legal: Readonly<Record<ExecutionState, readonly ExecutionState[]>> = {
  awaitingApproval: ['queued', 'cancelled', 'expired'],
  queued: ['dispatching', 'cancelled', 'expired', 'failed'],
  dispatching: ['queued', 'delivered', 'running', 'verifying', 'failed', 'refused', 'cancelled', 'expired', 'unknown'],
  delivered: ['running', 'verifying', 'refused', 'failed', 'expired', 'cancelled', 'unknown'],
  running: ['verifying', 'unknown'],
  verifying: ['succeeded', 'partial', 'failed', 'unknown'],
  unknown: ['verifying', 'succeeded', 'partial', 'failed'],
  succeeded: [],
  partial: [],
  failed: [],
  refused: [],
  expired: [],
  cancelled: [],
}

/**
 * Says whether an execution may go from one state to the other.
 * @source design reliability 2.3; a transition that is not listed there must be impossible
 */
export function mayMove(from: ExecutionState, to: ExecutionState): boolean {
  return legal[from].includes(to)
}

/** True while the outcome is open: a task has at most one such execution. */
export function isLive(state: ExecutionState): boolean {
  return legal[state].length > 0
}

/** What a person sees of an execution on its task. */
export interface TaskReduction {
  readonly actionStatus: 'notStarted' | 'inProgress' | 'partiallyCompleted' | 'completed' | 'failed'
  readonly status: 'open' | 'inProgress' | 'completed' | 'failed'
}

/**
 * Maps an execution's state to the two visible fields of its task.
 * @param reason why an `expired` execution ended; a command past its deadline fails the task, a missed approval reopens it
 * @source design reliability 2.1; incidentTask resource: a failed action sets the task's status to failed
 */
export function reduceToTask(state: ExecutionState, reason: ExpiryReason = 'commandDeadline'): TaskReduction {
  switch (state) {
    case 'awaitingApproval':
      return { actionStatus: 'notStarted', status: 'inProgress' }
    case 'queued':
    case 'dispatching':
    case 'delivered':
    case 'running':
    case 'verifying':
    case 'unknown':
      return { actionStatus: 'inProgress', status: 'inProgress' }
    case 'succeeded':
      return { actionStatus: 'completed', status: 'completed' }
    case 'partial':
      return { actionStatus: 'partiallyCompleted', status: 'inProgress' }
    case 'failed':
    case 'refused':
      return { actionStatus: 'failed', status: 'failed' }
    case 'expired':
      return reason === 'approvalTimeout'
        ? { actionStatus: 'notStarted', status: 'open' }
        : { actionStatus: 'failed', status: 'failed' }
    case 'cancelled':
      return { actionStatus: 'notStarted', status: 'open' }
  }
}
