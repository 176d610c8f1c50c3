import type { JobHandler } from '../../jobs/worker.ts'
import { createStartManaged } from '../plan.ts'
import { createSettleTask } from '../review.ts'
import { createCheckAction, createRunAction, type RunDeps } from '../run.ts'
import { createExpireApproval } from '../safety/approvals.ts'
import { createReleaseHold } from '../undo.ts'

/** What the response engine does by jobs, by kind of job. */
export function responseHandlers(deps: RunDeps): Readonly<Record<string, JobHandler>> {
  return {
    'run-action': createRunAction(deps),
    'check-action': createCheckAction(deps),
    'settle-task': createSettleTask(deps),
    'start-managed': createStartManaged(deps),
    'expire-approval': createExpireApproval(deps),
    'release-hold': createReleaseHold(deps),
  }
}
