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

/** What leads on by what is found out; a state without an entry is an end. The order is that of the walk. */
const legal: Readonly<Record<ExecutionState, readonly ExecutionState[]>> = {
  awaitingApproval: ['queued', 'cancelled', 'expired'],
  queued: ['dispatching', 'cancelled', 'expired'],
  dispatching: ['delivered', 'queued', 'failed', 'refused', 'cancelled', 'expired'],
  delivered: ['running', 'refused', 'expired', 'cancelled', 'unknown'],
  running: ['verifying', 'unknown'],
  verifying: ['succeeded', 'partial', 'failed', 'unknown'],
  unknown: ['verifying'],
  succeeded: [],
  partial: [],
  failed: [],
  refused: [],
  expired: [],
  cancelled: [],
}

/** What a person may decide about an execution whose outcome cannot be found out. */
export const humanOutcomes = ['succeeded', 'partial', 'failed'] as const

/** One of {@link humanOutcomes}. */
export type HumanOutcome = (typeof humanOutcomes)[number]

/**
 * Says whether an execution may go from one state to the other in one step.
 * @param by `person`: somebody decides an outcome that cannot be found out
 * @source design reliability 2.3; a transition that is not listed there must be impossible
 */
export function mayMove(from: ExecutionState, to: ExecutionState, by: 'engine' | 'person' = 'engine'): boolean {
  if (by === 'person') return from === 'unknown' && humanOutcomes.some((outcome) => outcome === to)
  return legal[from].includes(to)
}

/**
 * The states an execution passes through on its way to `to`: what is learnt at once may lie several steps ahead.
 * @returns the steps after `from`, `to` the last of them; null when no way leads there
 */
export function walkTo(from: ExecutionState, to: ExecutionState): readonly ExecutionState[] | null {
  const ways: (readonly ExecutionState[])[] = [[from]]
  const seen = new Set([from])
  for (let way = ways.shift(); way; way = ways.shift()) {
    for (const next of legal[way.at(-1) ?? from]) {
      if (next === to) return [...way.slice(1), next]
      if (seen.has(next)) continue
      seen.add(next)
      ways.push([...way, next])
    }
  }
  return null
}

/** True from the moment the order is being handed over until its outcome is found: one execution per target and family at a time. */
export function holdsTurn(state: ExecutionState): boolean {
  return state === 'dispatching' || state === 'delivered' || state === 'running' || state === 'verifying'
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
