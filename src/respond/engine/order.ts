import type { Order } from '../../connectors/connector.ts'
import { isRelease } from '../../model/actions.ts'
import { isTargetDone } from '../../model/execution.ts'
import type { Execution } from '../../store/executions.ts'
import type { Approval } from '../../store/safety/approvals.ts'

/** What an execution's order is made of beside itself. */
export interface OrderFacts {
  /** The approval it had to have; null where nobody had to agree. */
  readonly approval: Approval | null
  /** How many agreed and still may. */
  readonly agreed: number
  /** The run it tries again. */
  readonly superseded: Execution | null
}

/** What a connector is asked to do for an execution. */
export function writeOrder(execution: Execution, { approval, agreed, superseded }: OrderFacts): Order {
  return {
    tenantId: execution.tenantId,
    executionId: execution.id,
    taskId: execution.taskId,
    actionType: execution.actionType,
    target: execution.target,
    parameters: execution.parameters,
    notAfter: execution.notAfter,
    epoch: execution.epoch,
    actor: execution.requestedBy,
    approvals: approval === null ? null : { required: approval.required, count: agreed, digest: approval.digest },
    onlyTargets: superseded === null ? null : listUndone(superseded),
    reason: `incidentTask ${execution.taskId}`,
  }
}

/** The targets an earlier run left undone; null when it had none of its own, or did nothing. */
function listUndone({ actionType, result }: Execution): readonly string[] | null {
  if (result?.targets === undefined) return null
  return result.targets.filter((target) => !isTargetDone(target, isRelease(actionType))).map(({ ref }) => ref)
}
