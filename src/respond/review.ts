import type { Clock, Ids } from '../io/clock.ts'
import type { JobHandler } from '../jobs/worker.ts'
import { CordonError, isRefusal } from '../model/errors.ts'
import { isLive } from '../model/execution-state.ts'
import type { IncidentTaskStatus } from '../model/generated.ts'
import { laterThan } from '../model/instant.ts'
import { changeStatus } from '../model/task-state.ts'
import type { Store, Tx } from '../store/db.ts'
import { noticeJob } from '../store/deliveries.ts'
import { readExecutionsOfTask } from '../store/executions.ts'
import { readIncidentForUpdate, updateIncident } from '../store/incidents.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { countOpenGuidedTasks, readTask, readTaskForUpdate, type StoredTask, writeTask } from '../store/tasks.ts'
import { handToCustomer, takeFromCustomer } from './hand-over.ts'
import { type AcceptedVersions, requireVersion } from './precondition.ts'

/** What reviewing needs. */
export interface ReviewDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
}

/**
 * Sets a task's status on a person's behalf; never its actionStatus.
 * @returns the task as stored afterwards; unchanged, with the same lastModifiedDateTime, when it had that status already
 * @throws CordonError NotFound; PreconditionFailed for another version; Conflict while an execution is live
 * @source design contract 7.1
 */
export async function changeTaskStatus(
  deps: ReviewDeps,
  actor: Actor,
  taskId: string,
  status: IncidentTaskStatus,
  accepted: AcceptedVersions = null,
): Promise<StoredTask> {
  const jobId = deps.ids.guid()
  return deps.store.transaction(async (tx) => {
    const task = await readTaskForUpdate(tx, actor.tenantId, taskId)
    if (!task) throw new CordonError('NotFound', `taskId ${taskId} not found`)
    requireVersion(task.version, accepted)
    const executions = await readExecutionsOfTask(tx, actor.tenantId, taskId)
    const live = executions.find((execution) => isLive(execution.state)) ?? null
    const decision = changeStatus({ status: task.doc.status, reopened: task.reopened }, status, live)
    if (isRefusal(decision)) throw new CordonError(decision.refused, decision.reason)
    return decision === 'unchanged' ? task : writeStatus(deps, tx, actor, task, status, jobId)
  })
}

async function writeStatus(
  deps: ReviewDeps,
  tx: Tx,
  actor: Actor,
  task: StoredTask,
  status: IncidentTaskStatus,
  jobId: string,
): Promise<StoredTask> {
  const now = deps.clock.now()
  const next = await writeTask(tx, {
    ...task,
    reopened: status === 'open' ? true : task.reopened,
    doc: {
      ...task.doc,
      status,
      lastModifiedByDisplayName: actor.name,
      lastModifiedDateTime: laterThan(task.doc.lastModifiedDateTime, now),
    },
  })
  await recordChange(tx, {
    at: now,
    actor,
    audit: {
      action: 'updateIncidentTask',
      objectType: 'incidentTask',
      objectId: task.doc.id,
      decision: 'allowed',
      before: task.doc,
      after: next.doc,
      details: { status: { from: task.doc.status, to: status } },
    },
    events: [{ change: 'updated', resource: 'incidentTask', objectId: task.doc.id }],
    jobs: [{ id: jobId, kind: 'settle-task', payload: { taskId: task.doc.id }, key: `settle:${task.doc.id}` }],
  })
  return next
}

/**
 * Handler of `settle-task`: when no guided task of the incident waits any more, the incident leaves awaitingAction and goes back to whoever
 * had it before the customer; when one was reopened it waits for the customer again.
 * @source design contract 10, T6
 */
export function createSettleTask(deps: ReviewDeps): JobHandler {
  return async (job) => {
    const task = await readTask(deps.store.read, job.tenantId, readTaskId(job.payload))
    if (!task) return undefined
    await deps.store.transaction(async (tx) => {
      const incident = await readIncidentForUpdate(tx, job.tenantId, task.incidentId)
      if (!incident) return
      const waiting = await countOpenGuidedTasks(tx, job.tenantId, task.incidentId)
      const from = incident.doc.status
      // One that is resolved, or that nobody has looked at yet, is nobody's turn.
      if (from !== 'awaitingAction' && from !== 'inProgress') return
      const handed = waiting === 0 ? takeFromCustomer(incident) : handToCustomer(incident)
      if (handed === null) return
      const { status, assignedTo } = handed.doc
      const now = deps.clock.now()
      const actor: Actor = { tenantId: job.tenantId, id: 'respond', kind: 'system', name: 'Cordon response engine' }
      const next = await updateIncident(tx, {
        ...incident,
        handedOverFrom: handed.handedOverFrom,
        doc: {
          ...incident.doc,
          ...handed.doc,
          lastModifiedBy: actor.name,
          lastUpdateDateTime: laterThan(incident.doc.lastUpdateDateTime, now),
        },
      })
      await recordChange(tx, {
        at: now,
        actor,
        audit: {
          action: 'settleIncident',
          objectType: 'incident',
          objectId: incident.doc.id,
          decision: 'allowed',
          before: incident.doc,
          after: next.doc,
          details: {
            waitingTasks: waiting,
            status: { from, to: status },
            assignedTo: { from: incident.doc.assignedTo, to: assignedTo },
          },
        },
        events: [{ change: 'updated', resource: 'incident', objectId: incident.doc.id }],
        jobs:
          status === 'awaitingAction'
            ? [
                noticeJob(deps.ids.guid(), {
                  event: status,
                  incidentId: incident.doc.id,
                  taskId: task.doc.id,
                  executionId: null,
                  at: now,
                }),
              ]
            : [],
      })
    })
    return undefined
  }
}

function readTaskId(payload: unknown): string {
  if (typeof payload === 'object' && payload !== null && 'taskId' in payload && typeof payload.taskId === 'string') {
    return payload.taskId
  }
  throw new TypeError('the job names no task')
}
