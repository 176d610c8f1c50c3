import type { Db } from '../../../store/db.ts'
import type { Execution } from '../../../store/executions.ts'
import { readApprovalOf } from '../../../store/safety/approvals.ts'

/** An execution without what is only ours (tenant, handle, claim number, policy version), and where its approval stands. */
export async function showExecution(db: Db, execution: Execution): Promise<object> {
  const { tenantId, handle: _handle, epoch: _epoch, policyVersion: _version, ...shown } = execution
  const approval = await readApprovalOf(db, tenantId, execution.id)
  if (approval === null) return { ...shown, approval: null }
  const { id, state, required, expiresAt } = approval
  return { ...shown, approval: { id, state, required, expiresAt } }
}
