import { instantOf, msOf } from '../../../io/clock.ts'
import { namesOfTarget } from '../../../model/execution.ts'
import { nameOf } from '../../../model/graph-values.ts'
import type { IncidentLine, RunOfIncident } from '../../../store/assets.ts'
import type { Execution } from '../../../store/executions.ts'
import type { StoredTask } from '../../../store/tasks.ts'
import type { AssetKind } from './names.ts'

/** Something that is cut off: what, since when, by whom, by which run of which task. */
export interface Containment {
  readonly kind: string
  /** What the page of the asset is found by. */
  readonly id: string
  readonly name: string
  readonly actionType: string
  readonly since: string
  /** When it ends by itself; null when somebody has to end it. */
  readonly until: string | null
  readonly by: string
  readonly executionId: string
  readonly taskId: string
  readonly incidentId: string
}

/** What a run whose effect lasts holds. */
export function showContainment({ execution, incidentId }: RunOfIncident): Containment {
  const { id, taskId, actionType, target, requestedBy, parameters, finishedAt, updatedAt } = execution
  const since = finishedAt ?? updatedAt
  const hours = parameters.releaseAfterHours
  return {
    kind: target.kind,
    // A host is found by its id; what is known by names alone by the one that the task has for it.
    id: target.kind === 'device' && !target.key.includes(':') ? target.key : target.identifier.toLowerCase(),
    name: target.displayName,
    actionType,
    since,
    until: typeof hours === 'number' ? instantOf(msOf(since) + hours * 3_600_000) : null,
    by: requestedBy.name,
    executionId: id,
    taskId,
    incidentId,
  }
}

/** The kind of target by which something is done to an asset: a mailbox is cut off with the account it belongs to. */
export function targetKindOf(kind: AssetKind): 'device' | 'user' {
  return kind === 'device' ? 'device' : 'user'
}

/** What holds one of these assets, of everything that holds. */
export function findHolding(
  holds: readonly RunOfIncident[],
  kind: AssetKind,
  names: readonly string[],
  deviceId: string | null,
): Containment[] {
  return holds
    .filter(({ execution: { target } }) => {
      if (target.kind !== targetKindOf(kind)) return false
      // Of two hosts of one name only that one is held whose run it is.
      if (kind === 'device' && deviceId !== null) return target.key === deviceId
      return namesOfTarget(target).some(({ value }) => names.includes(value))
    })
    .map(showContainment)
}

/** A task as far as a list shows it. */
export function showTask({ doc, incidentId }: StoredTask): object {
  const { id, displayName, actionType, status, actionStatus, createdDateTime } = doc
  return { id, incidentId, displayName, actionType, status, actionStatus, createdDateTime }
}

/** A run as far as a list shows it. */
export function showRun(run: Execution): object {
  const { id, taskId, kind, actionType, state, reason, requestedBy, target, requestedAt, finishedAt, holds } = run
  const by = requestedBy.name
  return { id, taskId, kind, actionType, state, reason, by, target: target.displayName, requestedAt, finishedAt, holds }
}

/** An incident as far as a list shows it. */
export function showIncident({ id, status, severity, display_name, created_at }: IncidentLine): object {
  return {
    id: String(id),
    displayName: display_name,
    status: nameOf('incidentStatus', status),
    severity: nameOf('alertSeverity', severity),
    createdDateTime: created_at,
  }
}
