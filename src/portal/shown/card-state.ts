import { type ExecutionState, executionStates, isLive } from '../../model/execution-state.ts'

/** What the card looks at in a task. */
export interface CardTask {
  readonly status: string
  readonly actionStatus: string
  readonly actionType: string
  readonly lastModifiedByDisplayName: string
}

/** What the card looks at in the newest runs. */
export interface CardRun {
  readonly kind: string
  readonly state: string
  readonly reason: string | null
  /** How many people must agree, and how many did; null where nobody must. */
  readonly approval?: { readonly required: number; readonly agreed: number } | null
}

/** What a person can press on a card. */
export type CardAction = 'run' | 'byHand' | 'notRelevant' | 'reopen' | 'cancel' | 'undo' | 'decide' | 'approve'

/** What the button of each says. */
export const cardWords: Readonly<Record<CardAction, string>> = {
  run: 'Review and run',
  byHand: 'Done by hand',
  notRelevant: 'Not relevant',
  reopen: 'Reopen',
  cancel: 'Cancel',
  undo: 'Undo',
  decide: 'Decide by hand',
  approve: 'Review the approval',
}

/** What the card says, and what it offers: the first one stands out. */
export interface CardState {
  readonly says: string
  readonly offers: readonly CardAction[]
  /** True while the two states do not fit each other and nobody should infer one from the other. */
  readonly differs?: boolean
}

const taskStates = new Set(['open', 'inProgress', 'completed', 'failed', 'notRelevant'])
const actionStates = new Set(['notStarted', 'inProgress', 'partiallyCompleted', 'completed', 'failed'])

/**
 * What a task card says and offers. Status and actionStatus are read as they are: neither is ever inferred from the other.
 * @param runs newest first; null while they are not known yet
 * @param obstacle why the action cannot run here; null when it can, or nobody has asked yet
 * @source design portal 4
 */
export function describeCard(task: CardTask, runs: readonly CardRun[] | null, obstacle: string | null): CardState {
  if (!taskStates.has(task.status) || !actionStates.has(task.actionStatus)) {
    return { says: 'This page does not know one of the two states, so it offers nothing.', offers: [] }
  }
  const newest = runs?.[0]
  if (newest !== undefined && isLiveState(newest.state)) return describeLive(task, newest)
  switch (`${task.status}/${task.actionStatus}`) {
    case 'open/notStarted':
      return describeWaiting(task, obstacle)
    case 'inProgress/notStarted':
      return {
        says: `${task.lastModifiedByDisplayName} is working on this by hand.`,
        offers: ['byHand', ...runOffer(task, obstacle), 'notRelevant'],
      }
    case 'inProgress/inProgress':
      return { says: 'The action is running.', offers: ['cancel'] }
    case 'inProgress/partiallyCompleted':
      return { says: 'Done for some of the targets; the rest can be tried again.', offers: ['run', 'byHand', 'reopen'] }
    case 'completed/completed':
      return { says: 'Done, with proof.', offers: ['undo', 'reopen'] }
    case 'completed/notStarted':
      return {
        says: `Marked done by hand by ${task.lastModifiedByDisplayName}; Cordon ran nothing.`,
        offers: ['reopen'],
      }
    case 'open/completed':
    case 'open/failed':
      return {
        says: `Opened again by ${task.lastModifiedByDisplayName}; the last run ${task.actionStatus === 'failed' ? 'failed' : 'completed'}.`,
        offers: [...runOffer(task, obstacle), 'byHand', 'notRelevant'],
      }
    case 'failed/failed':
      return { says: newest?.reason ?? 'The action failed.', offers: [...runOffer(task, obstacle), 'byHand', 'reopen'] }
    default:
      break
  }
  if (task.status === 'notRelevant') {
    return { says: `Not relevant, says ${task.lastModifiedByDisplayName}.`, offers: ['reopen'] }
  }
  return {
    says: `The states differ: the task is ${task.status}, its action ${task.actionStatus}. Last changed by ${task.lastModifiedByDisplayName}.`,
    offers: ['reopen'],
    differs: true,
  }
}

function describeWaiting(task: CardTask, obstacle: string | null): CardState {
  if (task.actionType === 'text')
    return { says: 'Waiting for you: a task for people.', offers: ['byHand', 'notRelevant'] }
  if (obstacle !== null)
    return { says: `Cordon cannot run this here: ${obstacle} Do it by hand.`, offers: ['byHand', 'notRelevant'] }
  return { says: 'Waiting for you.', offers: ['run', 'byHand', 'notRelevant'] }
}

function runOffer(task: CardTask, obstacle: string | null): CardAction[] {
  return task.actionType === 'text' || obstacle !== null ? [] : ['run']
}

function describeApproval({ kind, approval = null }: CardRun): string {
  const what = kind === 'undo' ? 'The undo is waiting for approval' : 'Waiting for approval'
  return approval === null ? `${what}.` : `${what}: ${approval.agreed} of ${approval.required}.`
}

function describeLive(task: CardTask, run: CardRun): CardState {
  const what = run.kind === 'undo' ? 'The undo' : 'The action'
  switch (run.state) {
    case 'awaitingApproval':
      return { says: describeApproval(run), offers: ['approve', 'cancel'] }
    case 'unknown':
      return {
        says: 'Contact was lost after the hand-over. Cordon does not know whether it took effect, and asks the target again.',
        offers: ['decide'],
      }
    case 'queued':
      return { says: run.reason ?? `${what} waits for its turn or its target.`, offers: ['cancel'] }
    case 'dispatching':
      return { says: `${what} is being handed over; a host that is away gets it when it is back.`, offers: ['cancel'] }
    default:
      return {
        says: `${what} is running on the target (${task.actionStatus === 'inProgress' ? run.state : task.actionStatus}).`,
        offers: [],
      }
  }
}

/** True while the outcome of a run is open; a state nobody knows is none. */
export function isLiveState(state: string): boolean {
  const known: ExecutionState | undefined = executionStates.find((one) => one === state)
  return known !== undefined && isLive(known)
}

/**
 * Why the same control is off for this person, or null.
 * @param may what the person may do
 */
export function offBecause(
  action: CardAction,
  may: { readonly execute: boolean; readonly write: boolean; readonly expert: boolean; readonly approve: boolean },
): string | null {
  switch (action) {
    case 'run':
    case 'cancel':
    case 'undo':
      return may.execute ? null : 'Needs a responder, an expert or an admin; an admin grants it.'
    case 'byHand':
    case 'notRelevant':
    case 'reopen':
      return may.write ? null : 'Needs a responder, an expert or an admin; an admin grants it.'
    case 'decide':
      return may.expert ? null : 'Only an expert decides an outcome; an admin grants the role.'
    case 'approve':
      return may.approve ? null : 'Needs an approver; an admin grants the role.'
  }
}

/** Who acts on a task, by its source: a value that is neither is shown as it is. */
export function modeOf(source: string): string {
  return source.includes('Managed') ? 'Managed' : source.includes('Guided') ? 'Guided' : source
}
