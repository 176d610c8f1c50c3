import type { Clock } from '../../io/clock.ts'
import { CordonError } from '../../model/errors.ts'
import type { Store } from '../../store/db.ts'
import { readExecutionsOfTask } from '../../store/executions.ts'
import { type Actor, recordChange } from '../../store/record.ts'
import { readTask } from '../../store/tasks.ts'

/** A collected package, ready to be handed out. */
export interface CollectedPackage {
  readonly executionId: string
  /** File with the archive. */
  readonly path: string
  readonly size: number
  /** `sha256:` and 64 hexadecimal digits. */
  readonly sha256: string
}

/** What handing a package out needs. */
export interface FetchPackageDeps {
  readonly store: Store
  readonly clock: Clock
  readonly packages: {
    readonly locate: (sha256: string) => Promise<{ readonly path: string; readonly size: number } | null>
  }
}

/**
 * Finds the package that a task's newest successful collection brought. That somebody took it stands in the audit log before the first
 * byte leaves.
 * @throws CordonError NotFound for an unknown task, one without a package, and one whose package is older than it is kept
 */
export async function fetchPackage(deps: FetchPackageDeps, actor: Actor, taskId: string): Promise<CollectedPackage> {
  const task = await readTask(deps.store.read, actor.tenantId, taskId)
  if (!task) throw new CordonError('NotFound', `taskId ${taskId.slice(0, 100)} not found`)
  const executions = await readExecutionsOfTask(deps.store.read, actor.tenantId, taskId)
  const run = executions.find(
    ({ actionType, state }) => actionType === 'collectInvestigationPackage' && state === 'succeeded',
  )
  const sha256 = readSha256(run?.result?.after)
  if (!run || sha256 === null) throw new CordonError('NotFound', 'This task has collected no package.')
  const found = await deps.packages.locate(sha256)
  if (found === null) throw new CordonError('NotFound', 'The package of this task is no longer kept.')
  await deps.store.transaction((tx) =>
    recordChange(tx, {
      at: deps.clock.now(),
      actor,
      audit: {
        action: 'downloadPackage',
        objectType: 'incidentTask',
        objectId: taskId,
        decision: 'allowed',
        details: { executionId: run.id, sha256, size: found.size },
      },
    }),
  )
  return { executionId: run.id, ...found, sha256 }
}

function readSha256(after: unknown): string | null {
  if (typeof after !== 'object' || after === null || !('sha256' in after)) return null
  return typeof after.sha256 === 'string' ? after.sha256 : null
}
