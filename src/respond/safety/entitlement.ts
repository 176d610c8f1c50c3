import { type Permission, type RoleName, roleNames, rolePermissions } from '../../model/permissions.ts'
import type { Db } from '../../store/db.ts'
import type { Execution, Requester } from '../../store/executions.ts'
import { type Approval, readVotes, type StoredVote } from '../../store/safety/approvals.ts'
import { listPrincipalsOfRoles, type Principal, readPresentRole } from '../../store/safety/principals.ts'

/** Permissions of which one lets somebody have a response action carried out. @source design contract 3.1 */
const mayExecute: readonly Permission[] = [
  'SecurityIncident.ReadWrite.All',
  'SecurityIncidentTask.TakeAction.ReadWrite.All',
]

/** Permissions of which one lets somebody approve what another person requested. */
const mayApprove: readonly Permission[] = ['Cordon.Approve']

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
    if (await holdsOneOf(db, approval.tenantId, person, mayApprove)) counting.push(vote)
  }
  return counting
}

/** Who may approve at all in a tenant; whether in this or that case is for the rule of votes to say. */
export async function listEntitledToApprove(db: Db, tenantId: string): Promise<readonly Principal[]> {
  const roles = roleNames.filter((role) => holdsAny(role, mayApprove))
  return listPrincipalsOfRoles(db, tenantId, roles)
}

function holdsAny(role: RoleName, anyOf: readonly Permission[]): boolean {
  return anyOf.some((permission) => rolePermissions[role].includes(permission))
}

async function holdsOneOf(
  db: Db,
  tenantId: string,
  who: Pick<Requester, 'id' | 'kind'>,
  anyOf: readonly Permission[],
): Promise<boolean> {
  const role = await readPresentRole(db, tenantId, who)
  return role !== null && holdsAny(role, anyOf)
}
