import type { Clock } from '../../io/clock.ts'
import { type ApprovalFacts, findVoteBar, type Vote } from '../../model/safety/approval.ts'
import type { Store } from '../../store/db.ts'
import type { Actor } from '../../store/record.ts'
import type { Approval } from '../../store/safety/approvals.ts'
import type { Principal } from '../../store/safety/principals.ts'
import { readTask } from '../../store/tasks.ts'
import { listEntitledToApprove, readCountingVotes } from './entitlement.ts'

/** Whose approval would be counted now, by the very rule that counts it. */
export interface Approvers {
  readonly incidentId: string
  /** By name; without whoever requested or proposed it, and without those who have approved it already. */
  readonly who: readonly Principal[]
  /** Whether the caller is one of them, and why not. */
  readonly you: { readonly may: boolean; readonly reason: string | null }
}

/** What finding approvers needs. */
export interface ApproversDeps {
  readonly store: Pick<Store, 'read'>
  readonly clock: Clock
}

const needsRole = 'Approving takes the role approver; an admin gives it.'

/**
 * Finds who may approve what a task would ask for, before anybody has requested it.
 * @param asked the incident, who would request it, who proposed it, how many must agree
 */
export async function findApproversOf(
  deps: ApproversDeps,
  caller: Pick<Actor, 'tenantId' | 'id' | 'name'>,
  asked: Pick<ApprovalFacts, 'required' | 'requestedBy' | 'proposedBy'> & { readonly incidentId: string },
): Promise<Approvers> {
  const { incidentId, ...facts } = asked
  const approval = { ...facts, state: 'pending', digest: '', expiresAt: deps.clock.now() } as const
  const entitled = await listEntitledToApprove(deps.store.read, caller.tenantId)
  return judge(caller, { entitled, approval, votes: [], incidentId }, approval.expiresAt)
}

/** Who may still approve these approvals; null for one that is decided. */
export async function readApprovers(
  deps: ApproversDeps,
  caller: Pick<Actor, 'tenantId' | 'id' | 'name'>,
  approvals: readonly Approval[],
): Promise<ReadonlyMap<string, Approvers>> {
  const db = deps.store.read
  const pending = approvals.filter(({ state }) => state === 'pending')
  const found = new Map<string, Approvers>()
  if (pending.length === 0) return found
  const entitled = await listEntitledToApprove(db, caller.tenantId)
  const now = deps.clock.now()
  for (const approval of pending) {
    const votes = await readCountingVotes(db, approval)
    const incidentId = (await readTask(db, caller.tenantId, approval.taskId))?.incidentId ?? ''
    found.set(approval.id, judge(caller, { entitled, approval, votes, incidentId }, now))
  }
  return found
}

function judge(
  caller: Pick<Actor, 'id' | 'name'>,
  asked: {
    readonly entitled: readonly Principal[]
    readonly approval: ApprovalFacts
    readonly votes: readonly Vote[]
    readonly incidentId: string
  },
  now: string,
): Approvers {
  const { entitled, approval, votes, incidentId } = asked
  const barOf = (person: Pick<Principal, 'id' | 'name'>): string | null => findVoteBar(approval, votes, person, now)
  const isEntitled = entitled.some(({ id }) => id === caller.id)
  const reason = barOf(caller) ?? (isEntitled ? null : needsRole)
  return {
    incidentId,
    who: entitled.filter((person) => barOf(person) === null),
    you: { may: reason === null, reason },
  }
}
