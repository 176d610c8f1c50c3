import { isRefusal, type Refusal, refuse } from '../errors.ts'
import type { Target } from '../execution.ts'
import type { PolicyReason } from './verdict.ts'

/** Where an approval stands; every state but the first is an end. */
export const approvalStates = ['pending', 'approved', 'rejected', 'expired', 'cancelled', 'void'] as const

/** One of {@link approvalStates}. */
export type ApprovalState = (typeof approvalStates)[number]

/** What a person agrees to. Whoever approved something else has approved nothing, so its digest goes with every vote. */
export interface Seen {
  readonly taskId: string
  readonly displayName: string
  readonly kind: 'run' | 'undo'
  readonly actionType: string
  readonly target: Pick<Target, 'kind' | 'key' | 'displayName' | 'identifier'>
  readonly connector: string | null
  readonly parameters: Readonly<Record<string, unknown>>
  readonly required: number
  readonly reasons: readonly PolicyReason[]
}

/** What the rules look at in an approval. */
export interface ApprovalFacts {
  readonly state: ApprovalState
  readonly required: number
  readonly digest: string
  readonly expiresAt: string
  readonly requestedBy: string
  readonly proposedBy: string | null
}

/** One person's decision. */
export interface Vote {
  readonly personId: string
  readonly personName: string
  readonly decision: 'approve' | 'reject'
}

/** What a vote does. */
export type VoteEffect =
  /** Counted; further people are needed. */
  | 'counted'
  /** This person said so before. */
  | 'repeated'
  /** The last one needed. */
  | 'approved'
  | 'rejected'

/**
 * Decides what one person's vote does.
 * @param votes those already cast whose people may still approve
 * @param digest what the person says they have seen; null when they did not say
 * @source design reliability 2.3, 2.6; actions 10.2
 */
export function judgeVote(
  approval: ApprovalFacts,
  votes: readonly Vote[],
  vote: Vote,
  digest: string | null,
  now: string,
): VoteEffect | Refusal {
  const mine = votes.find((earlier) => earlier.personId === vote.personId)
  if (approval.state !== 'pending') return refuse('Conflict', describeEnd(approval.state, votes))
  if (now > approval.expiresAt)
    return refuse('Conflict', 'The approval has expired; the action must be requested anew.')
  const barred = findBar(approval, vote)
  if (barred !== null) return refuse('Forbidden', barred)
  if (digest === null) {
    return refuse(
      'BadRequest',
      'Send {"digest": "sha256:..."} of the approval you have read; it binds you to what you saw.',
    )
  }
  if (digest !== approval.digest) {
    return refuse('Conflict', 'What you have seen is not what would be done now. Read the approval again.')
  }
  if (vote.decision === 'reject') return 'rejected'
  if (mine?.decision === 'approve') return 'repeated'
  const agreed = votes.filter((earlier) => earlier.decision === 'approve').length + 1
  return agreed >= approval.required ? 'approved' : 'counted'
}

/** Why an approval by that person would not be counted now, as {@link judgeVote} decides it; null when it would be. */
export function findVoteBar(
  approval: ApprovalFacts,
  votes: readonly Vote[],
  person: { readonly id: string; readonly name: string },
  now: string,
): string | null {
  const vote = { personId: person.id, personName: person.name, decision: 'approve' } as const
  const effect = judgeVote(approval, votes, vote, approval.digest, now)
  if (isRefusal(effect)) return effect.reason
  return effect === 'repeated' ? `${person.name} has approved it already.` : null
}

/** Why somebody's word does not count here; null when it does. */
function findBar(approval: ApprovalFacts, vote: Vote): string | null {
  // Taking one's own request back is no approval.
  if (vote.decision === 'reject') return null
  if (vote.personId === approval.requestedBy) return 'Whoever requested an action does not approve it.'
  if (vote.personId === approval.proposedBy) return 'Whoever proposed an action does not approve it.'
  return null
}

function describeEnd(state: ApprovalState, votes: readonly Vote[]): string {
  const names = (decision: Vote['decision']): string =>
    votes
      .filter((vote) => vote.decision === decision)
      .map((vote) => vote.personName)
      .join(', ')
  switch (state) {
    case 'approved':
      return `It was approved already, by ${names('approve')}.`
    case 'rejected':
      return `It was rejected already, by ${names('reject')}.`
    case 'expired':
      return 'The approval has expired; the action must be requested anew.'
    default:
      return `The approval is ${state}; nothing waits for it any more.`
  }
}

/**
 * The text an approval's digest is over: one spelling for equal content, whatever the order of the properties.
 * @throws TypeError for what JSON does not have
 */
export function writeSeen(seen: Seen): string {
  return spell(seen)
}

function spell(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => spell(item)).join(',')}]`
  if (typeof value !== 'object' || value === null) {
    const text: string | undefined = JSON.stringify(value)
    if (text === undefined) throw new TypeError('this is nothing JSON has')
    return text
  }
  const members = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
  return `{${members.map(([key, item]) => `${JSON.stringify(key)}:${spell(item)}`).join(',')}}`
}
