import { isLive } from '../../../model/execution-state.ts'
import { readExpectation } from '../../../respond/expectation.ts'
import { countAgreed } from '../../../respond/safety/clearance.ts'
import type { Db } from '../../../store/db.ts'
import type { Execution } from '../../../store/executions.ts'
import { readApprovalOf } from '../../../store/safety/approvals.ts'

/**
 * An execution without what is only ours (tenant, handle, claim number, policy version), with where its approval stands and, while its outcome
 * is open, how long such ones took.
 */
export async function showExecution(db: Db, execution: Execution): Promise<object> {
  const { tenantId, handle: _handle, epoch: _epoch, policyVersion: _version, ...shown } = execution
  const { actionType, connector } = execution
  const approval = await readApprovalOf(db, tenantId, execution.id)
  return {
    ...shown,
    approval:
      approval === null
        ? null
        : {
            id: approval.id,
            state: approval.state,
            required: approval.required,
            agreed: await countAgreed(db, approval),
            expiresAt: approval.expiresAt,
          },
    expectedDuration: isLive(execution.state) ? await readExpectation(db, tenantId, actionType, connector) : null,
  }
}
