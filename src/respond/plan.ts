import type { JobHandler } from '../jobs/worker.ts'
import { type ActionType, actionKinds, isActionType } from '../model/actions.ts'
import { CordonError, isRefusal } from '../model/errors.ts'
import type { IncidentTask } from '../model/generated.ts'
import { laterThan } from '../model/instant.ts'
import { judgeConsent } from '../model/safety/consent.ts'
import type { Tx } from '../store/db.ts'
import { noticeJob } from '../store/deliveries.ts'
import { readIncident, readIncidentForUpdate, type StoredIncident, updateIncident } from '../store/incidents.ts'
import type { NewJob } from '../store/jobs.ts'
import { type Actor, type OutgoingEvent, recordChange } from '../store/record.ts'
import { readStoredPolicy } from '../store/safety/policies.ts'
import { insertTask, readTask, readTaskForUpdate, type StoredTask, writeTask } from '../store/tasks.ts'
import { type ExecuteDeps, requestExecution } from './execute.ts'
import { handToCustomer } from './hand-over.ts'
import { routeAction } from './route.ts'

/** A task as an expert proposes it. */
export interface NewTask {
  readonly incidentId: string
  readonly displayName: string
  readonly description: string
  readonly actionType: ActionType
  readonly source: 'defenderExpertsGuidedResponse' | 'defenderExpertsManagedResponse'
  readonly responseAction: IncidentTask['responseAction']
}

/**
 * Attaches a task to an incident. A guided one gives its incident to the customer in the same transaction: it awaits action, and is
 * assigned to them. A managed one starts at once, by a job written with it.
 * @throws CordonError BadRequest when responseAction does not fit the actionType; NotFound for an unknown incident
 * @source design contract 10, T6
 */
export async function createTask(deps: ExecuteDeps, actor: Actor, input: NewTask): Promise<StoredTask> {
  checkResponseAction(input)
  const taskId = deps.ids.guid()
  const jobId = deps.ids.guid()
  return deps.store.transaction(async (tx) => {
    const now = deps.clock.now()
    const incident = await readSurvivor(tx, actor.tenantId, input.incidentId)
    const guided = input.source === 'defenderExpertsGuidedResponse'
    const task = await insertTask(tx, newTask(actor, input, incident.doc.id, taskId, now))
    const handedOver = guided ? await awaitCustomer(tx, actor, incident, now) : null
    await recordChange(tx, {
      at: now,
      actor,
      audit: {
        action: 'createIncidentTask',
        objectType: 'incidentTask',
        objectId: taskId,
        decision: 'allowed',
        after: task.doc,
        details: { incidentId: incident.doc.id, actionType: input.actionType, source: input.source, handedOver },
      },
      events: [
        { change: 'created', resource: 'incidentTask', objectId: taskId },
        ...(handedOver === null ? [] : [incidentUpdated(incident)]),
      ],
      jobs: [
        guided
          ? reviewNotice(jobId, incident, taskId, now)
          : { id: jobId, kind: 'start-managed', payload: { taskId, actor: plainActor(actor) } },
      ],
    })
    return task
  })
}

/**
 * The task as {@link createTask} would make it, and nothing of it stored.
 * @throws CordonError as {@link createTask}
 */
export async function draftTask(deps: ExecuteDeps, actor: Actor, input: NewTask): Promise<StoredTask> {
  checkResponseAction(input)
  const incident = await readIncident(deps.store.read, actor.tenantId, input.incidentId)
  if (!incident) throw noSuchIncident(input.incidentId)
  const incidentId = incident.doc.redirectIncidentId ?? incident.doc.id
  return newTask(actor, input, incidentId, deps.ids.guid(), deps.clock.now())
}

/**
 * Handler of `start-managed`: starts a managed task as the expert who made it, where the customer has consented; one that cannot start
 * becomes guided, with the reason.
 */
export function createStartManaged(deps: ExecuteDeps): JobHandler {
  return async (job) => {
    const { taskId, actor } = readStartManaged(job.payload)
    const withheld = await findWithheldConsent(deps, actor, taskId)
    if (withheld !== null) {
      await deps.store.transaction((tx) => makeGuided(deps, tx, actor, taskId, withheld))
      return undefined
    }
    try {
      await requestExecution(deps, actor, taskId, job.id)
    } catch (cause) {
      if (!(cause instanceof CordonError) || cause.status >= 500) throw cause
      await deps.store.transaction((tx) => makeGuided(deps, tx, actor, taskId, cause.message))
    }
    return undefined
  }
}

/** Why the customer has to be asked first; null when the policy lets this expert go ahead, or the task names nothing to act on. */
async function findWithheldConsent(deps: ExecuteDeps, actor: Actor, taskId: string): Promise<string | null> {
  const task = await readTask(deps.store.read, actor.tenantId, taskId)
  if (!task || !isActionType(task.doc.actionType)) return null
  const routed = await routeAction(deps, actor.tenantId, task.doc)
  // Requested all the same, so that the refusal is the one everybody gets.
  if (isRefusal(routed)) return null
  const { policy } = await readStoredPolicy(deps.store.read, actor.tenantId)
  const consent = judgeConsent(policy, {
    actionType: task.doc.actionType,
    target: routed.target,
    expertId: actor.id,
    atMs: deps.clock.nowMs(),
  })
  return consent.given ? null : consent.reason
}

function checkResponseAction(input: NewTask): void {
  const { responseActionType } = actionKinds[input.actionType]
  const action = input.responseAction
  if (responseActionType === null) {
    if (action !== null) {
      throw new CordonError('BadRequest', `A task of type ${input.actionType} takes no responseAction.`, {
        target: 'responseAction',
      })
    }
    return
  }
  if (action?.['@odata.type'] !== `#microsoft.graph.security.${responseActionType}`) {
    throw new CordonError(
      'BadRequest',
      `A task of type ${input.actionType} needs a responseAction of type microsoft.graph.security.${responseActionType}.`,
      { target: 'responseAction' },
    )
  }
  if (action.identifierValue.trim() === '') {
    throw new CordonError('BadRequest', 'responseAction.identifierValue must name the target.', {
      target: 'responseAction/identifierValue',
    })
  }
}

function newTask(actor: Actor, input: NewTask, incidentId: string, id: string, now: string): StoredTask {
  return {
    tenantId: actor.tenantId,
    incidentId,
    proposedBy: actor.id,
    reopened: false,
    version: 0,
    doc: {
      id,
      displayName: input.displayName,
      description: input.description,
      status: 'open',
      source: input.source,
      actionType: input.actionType,
      actionStatus: 'notStarted',
      responseAction: input.responseAction,
      createdByDisplayName: actor.name,
      createdDateTime: now,
      lastModifiedByDisplayName: actor.name,
      lastModifiedDateTime: now,
    },
  }
}

/** The incident itself, or the one it was merged into. */
async function readSurvivor(tx: Tx, tenantId: string, incidentId: string): Promise<StoredIncident> {
  const incident = await readIncidentForUpdate(tx, tenantId, incidentId)
  const target = incident?.doc.redirectIncidentId ?? null
  const survivor = target === null ? incident : await readIncidentForUpdate(tx, tenantId, target)
  if (!survivor) throw noSuchIncident(incidentId)
  return survivor
}

function noSuchIncident(id: string): CordonError {
  return new CordonError('NotFound', `Incident ${id} not found.`, { target: 'incident/id' })
}

/** What a hand-over changed in an incident, for the audit. */
interface HandedOver {
  readonly status: string
  readonly assignedTo: { readonly from: string | null; readonly to: string | null }
}

/** Gives the incident to the customer; null when it was there already. */
async function awaitCustomer(tx: Tx, actor: Actor, incident: StoredIncident, now: string): Promise<HandedOver | null> {
  const handed = handToCustomer(incident)
  if (handed === null) return null
  await updateIncident(tx, {
    ...incident,
    handedOverFrom: handed.handedOverFrom,
    doc: {
      ...incident.doc,
      ...handed.doc,
      lastModifiedBy: actor.name,
      lastUpdateDateTime: laterThan(incident.doc.lastUpdateDateTime, now),
    },
  })
  const { status, assignedTo } = handed.doc
  return { status, assignedTo: { from: incident.doc.assignedTo, to: assignedTo } }
}

async function makeGuided(deps: ExecuteDeps, tx: Tx, actor: Actor, taskId: string, reason: string): Promise<void> {
  const now = deps.clock.now()
  const task = await readTaskForUpdate(tx, actor.tenantId, taskId)
  if (task?.doc.source !== 'defenderExpertsManagedResponse') return
  const incident = await readSurvivor(tx, actor.tenantId, task.incidentId)
  const guided = await writeTask(tx, {
    ...task,
    doc: {
      ...task.doc,
      source: 'defenderExpertsGuidedResponse',
      description: `${task.doc.description}\n\nNot run as managed response: ${reason}`.trim(),
      lastModifiedDateTime: laterThan(task.doc.lastModifiedDateTime, now),
    },
  })
  const handedOver = await awaitCustomer(tx, actor, incident, now)
  await recordChange(tx, {
    at: now,
    actor,
    audit: {
      action: 'makeTaskGuided',
      objectType: 'incidentTask',
      objectId: taskId,
      decision: 'allowed',
      reason,
      before: task.doc,
      after: guided.doc,
      details: { handedOver },
    },
    events: [
      { change: 'updated', resource: 'incidentTask', objectId: taskId },
      ...(handedOver === null ? [] : [incidentUpdated(incident)]),
    ],
    jobs: [reviewNotice(deps.ids.guid(), incident, taskId, now)],
  })
}

/** Tells people that a task waits for them: the incident came to awaitingAction with it, or waits for one more. */
function reviewNotice(id: string, incident: StoredIncident, taskId: string, at: string): NewJob {
  return noticeJob(id, { event: 'awaitingAction', incidentId: incident.doc.id, taskId, executionId: null, at })
}

function incidentUpdated(incident: StoredIncident): OutgoingEvent {
  return { change: 'updated', resource: 'incident', objectId: incident.doc.id }
}

/** The actor without what a caller carries beside it: job payloads are JSON. */
function plainActor({ tenantId, id, kind, name }: Actor): Actor {
  return { tenantId, id, kind, name }
}

function readStartManaged(payload: unknown): { taskId: string; actor: Actor } {
  if (typeof payload === 'object' && payload !== null && 'taskId' in payload && 'actor' in payload) {
    const { taskId, actor } = payload
    if (typeof taskId === 'string' && isActor(actor)) return { taskId, actor }
  }
  throw new TypeError('the job names no task and actor')
}

function isActor(value: unknown): value is Actor {
  return typeof value === 'object' && value !== null && 'tenantId' in value && 'id' in value && 'name' in value
}
