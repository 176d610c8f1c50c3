import { type Permission, rolePermissions } from '../../model/permissions.ts'
import type { Db } from '../../store/db.ts'
import type { Execution, Requester } from '../../store/executions.ts'
import { type Approval, readVotes, type StoredVote } from '../../store/safety/approvals.ts'
import { readPresentRole } from '../../store/safety/principals.ts'

/** Permissions of which one lets somebody have a response action carried out. @source design contract 3.1 */
const mayExecute: readonly Permission[] = [
  'SecurityIncident.ReadWrite.All',
  'SecurityIncidentTask.TakeAction.ReadWrite.All',
]

/**
 * Whether whoever requested an execution may still have it carried out: not revoked, not disabled, and of a role that may.
 * @source design reliability I14: rights are asked for again when the order is handed over
 */
export async function mayStillExecute(db: Db, execution: Execution): Promise<boolean> {
  if (execution.requestedBy.kind === 'system') return true
  return holdsOneOf(db, execution.tenantId, execution.requestedBy, mayExecute)
}

/** The votes of an approval whose people may still approve. */
export async function readCountingVotes(db: Db, approval: Approval): Promise<readonly StoredVote[]> {
  const votes = (await readVotes(db, approval.tenantId, [approval.id])).get(approval.id) ?? []
  const counting: StoredVote[] = []
  for (const vote of votes) {
    const person = { id: vote.personId, kind: vote.personKind }
    if (await holdsOneOf(db, approval.tenantId, person, ['Cordon.Approve'])) counting.push(vote)
  }
  return counting
}

async function holdsOneOf(
  db: Db,
  tenantId: string,
  who: Pick<Requester, 'id' | 'kind'>,
  anyOf: readonly Permission[],
): Promise<boolean> {
  const role = await readPresentRole(db, tenantId, who)
  return role !== null && anyOf.some((permission) => rolePermissions[role].includes(permission))
}
