import { type Refusal, refuse } from './errors.ts'
import { type ExecutionState, isLive } from './execution-state.ts'
import type { IncidentTaskStatus } from './generated.ts'

/** What the rules look at in a task. */
export interface TaskFacts {
  readonly status: IncidentTaskStatus
  /** A person set it back to open since its last execution. */
  readonly reopened: boolean
}

/** What the rules look at in a task's executions. */
export interface ExecutionFacts {
  readonly state: ExecutionState
}

/**
 * Whether a person may set a task to `wanted`.
 * @param live the task's execution that has no outcome yet, if there is one
 * @returns `unchanged` when it is so already, `changed`, or the refusal
 * @source design contract 7.1: any member from any state, but not while an execution is live
 */
export function changeStatus(
  task: TaskFacts,
  wanted: IncidentTaskStatus,
  live: ExecutionFacts | null,
): 'unchanged' | 'changed' | Refusal {
  if (wanted === task.status) return 'unchanged'
  if (live) {
    return refuse('Conflict', `The task's response action is ${live.state}; cancel it before setting the status.`)
  }
  return 'changed'
}

/**
 * Whether the task's response action may start now.
 * @param newest the newest execution that is no undo
 * @param live any execution, undo or not, that has no outcome yet
 * @source design contract 9, reliability 2.2
 */
export function startAction(
  task: TaskFacts,
  newest: ExecutionFacts | null,
  live: ExecutionFacts | null,
): 'start' | Refusal {
  if (live && isLive(live.state)) {
    return refuse('ActionAlreadyInProgress', 'Response action is already in progress.')
  }
  if (newest?.state === 'succeeded' && !task.reopened) {
    return refuse(
      'ActionAlreadyInProgress',
      'Response action was already executed. Set the task back to open to run it again.',
    )
  }
  if (task.status === 'completed' || task.status === 'notRelevant') {
    return refuse('InvalidTaskState', `The task is ${task.status}. Set it back to open first.`)
  }
  return 'start'
}
