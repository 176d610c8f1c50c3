import type { Clock, Ids } from '../io/clock.ts'
import { instantOf, msOf } from '../io/clock.ts'
import { actionKinds } from '../model/actions.ts'
import { CordonError, type ErrorName, errorKinds, isRefusal, type Refusal, refuse } from '../model/errors.ts'
import { isLive, reduceToTask } from '../model/execution-state.ts'
import { laterThan } from '../model/instant.ts'
import type { Confirmation } from '../model/safety/policy.ts'
import { startAction } from '../model/task-state.ts'
import { isDuplicateKey, type Tx } from '../store/db.ts'
import { type Execution, insertAnswer, readAnswer, readExecutionsOfTask } from '../store/executions.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { holdName } from '../store/safety/locks.ts'
import { holdPolicy } from '../store/safety/policies.ts'
import { readTask, readTaskForUpdate, type StoredTask, writeTask } from '../store/tasks.ts'
import { type RouteDeps, type Routed, routeAction } from './route.ts'
import { admitExecution, type Draft } from './safety/admit.ts'

/** What requesting an execution needs. */
export interface ExecuteDeps extends RouteDeps {
  readonly clock: Clock
  readonly ids: Ids
}

/** How long the first answer to a client-request-id is replayed. */
const answerHours = 24

/** 204, or the refusal. */
type Outcome = { readonly accepted: true; readonly executionId: string | null } | Refusal

/**
 * Accepts executeResponseAction for a task: records the execution, moves the task and leaves the job that carries it on, in one
 * transaction. Never waits for the target. Where the policy asks for further people, the execution waits for them.
 * @param requestKey the caller's client-request-id when it is a GUID of its own: the same one within 24 h gets the first answer again
 * @param confirmation how the person confirmed it, for the audit; null where nobody said
 * @throws CordonError BadRequest (malformed id), NotFound, and the refusals of contract 9
 */
export async function requestExecution(
  deps: ExecuteDeps,
  actor: Actor,
  taskId: string,
  requestKey: string | null,
  confirmation: Confirmation | null = null,
): Promise<void> {
  if (!isTaskId(taskId)) throw new CordonError('BadRequest', `Invalid incidentTask id ${taskId}`)
  const task = await readTask(deps.store.read, actor.tenantId, taskId)
  if (!task) throw new CordonError('NotFound', `taskId ${taskId} not found`)
  // Routing may ask outside systems, so it happens before the transaction; the target of a task never changes.
  const routed = await routeAction(deps, actor.tenantId, task.doc)
  const outcome = await decideOnce(deps, { actor, taskId, requestKey, routed, confirmation })
  if ('refused' in outcome) throw new CordonError(outcome.refused, outcome.reason)
}

/** True for a GUID or a decimal number: the two forms of a task id. */
export function isTaskId(text: string): boolean {
  return /^([0-9]{1,20}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i.test(text)
}

/** Two requests of one task may race to the store; the loser's insert is refused there and it decides again, now seeing the winner. */
async function decideOnce(deps: ExecuteDeps, request: Omit<Request, 'executionId'>): Promise<Outcome> {
  const executionId = deps.ids.guid()
  const decide = (): Promise<Outcome> =>
    deps.store.transaction((tx) => decideInTransaction(deps, tx, { ...request, executionId }))
  try {
    return await decide()
  } catch (cause) {
    if (isDuplicateKey(cause)) return decide()
    throw cause
  }
}

interface Request {
  readonly actor: Actor
  readonly taskId: string
  readonly requestKey: string | null
  readonly routed: Routed | Refusal
  readonly confirmation: Confirmation | null
  readonly executionId: string
}

async function decideInTransaction(deps: ExecuteDeps, tx: Tx, request: Request): Promise<Outcome> {
  const { actor, taskId, requestKey } = request
  // Two requests with one key for two tasks must see each other's answer.
  if (requestKey !== null) await holdName(tx, `answer:${actor.tenantId}:${actor.id}:${requestKey}`, 'alone')
  const now = deps.clock.now()
  const task = await readTaskForUpdate(tx, actor.tenantId, taskId)
  if (!task) throw new CordonError('NotFound', `taskId ${taskId} not found`)
  if (requestKey !== null) {
    const first = await readAnswer(tx, actor.tenantId, actor.id, requestKey, now)
    if (first && first.task_id !== taskId) {
      throw new CordonError('ClientRequestIdReused', 'This client-request-id was already used for another task.')
    }
    if (first) return first.status === 204 ? { accepted: true, executionId: null } : readRefusal(first.body)
  }
  const outcome = await accept(deps, tx, request, task, now)
  if (requestKey !== null) await keepAnswer(tx, request, requestKey, outcome, now)
  return outcome
}

/** Keeps what is answered again: the acceptance, and refusals by the state of the task. One by right or policy is decided anew. */
async function keepAnswer(
  tx: Tx,
  { actor, taskId }: Request,
  requestKey: string,
  outcome: Outcome,
  now: string,
): Promise<void> {
  const refused = 'refused' in outcome ? outcome : null
  const status = refused ? errorKinds[refused.refused].status : 204
  if (status !== 204 && status !== 400) return
  await insertAnswer(tx, {
    tenant_id: actor.tenantId,
    caller: actor.id,
    client_request_id: requestKey,
    task_id: taskId,
    status,
    body: refused ? JSON.stringify(refused) : null,
    created_at: now,
    expires_at: instantOf(msOf(now) + answerHours * 3_600_000),
  })
}

async function accept(deps: ExecuteDeps, tx: Tx, request: Request, task: StoredTask, now: string): Promise<Outcome> {
  const { actor, routed } = request
  if ('refused' in routed && routed.refused === 'UnsupportedActionType') return routed
  const executions = await readExecutionsOfTask(tx, actor.tenantId, task.doc.id)
  const newest = executions.find((execution) => execution.kind === 'run') ?? null
  // Later than every one before it, so that the newest is told even when the clock stands still or goes back.
  const requestedAt = executions[0] ? laterThan(executions[0].requestedAt, now) : now
  const decision = startAction(
    { status: task.doc.status, reopened: task.reopened },
    newest,
    executions.find((execution) => isLive(execution.state)) ?? null,
  )
  if (decision !== 'start') return decision
  if ('refused' in routed) return routed
  if (request.confirmation === 'held' && !(await holdPolicy(tx, actor.tenantId)).policy.confirmation.holdOnPhones) {
    return refuse('Forbidden', 'The policy has the exact name typed; holding the button is not enough (confirmation).')
  }
  const draft = draftRun(request, routed, task, newest, requestedAt)
  const admitted = await admitExecution(deps, tx, actor, draft, task)
  if (isRefusal(admitted)) return admitted
  const { execution, jobs } = admitted
  const moved = await writeTask(tx, {
    ...task,
    reopened: false,
    doc: {
      ...task.doc,
      ...reduceToTask(execution.state),
      lastModifiedByDisplayName: actor.name,
      lastModifiedDateTime: laterThan(task.doc.lastModifiedDateTime, now),
    },
  })
  const { actionType, target, state } = execution
  await recordChange(tx, {
    at: now,
    actor,
    audit: {
      action: 'executeResponseAction',
      objectType: 'incidentTask',
      objectId: task.doc.id,
      decision: 'allowed',
      before: task.doc,
      after: moved.doc,
      details: { executionId: execution.id, actionType, target, state, confirmation: request.confirmation },
    },
    events: [
      { change: 'updated', resource: 'incidentTask', objectId: task.doc.id },
      { change: 'created', resource: 'execution', objectId: execution.id },
    ],
    jobs,
  })
  return { accepted: true, executionId: execution.id }
}

function draftRun(
  request: Request,
  routed: Routed,
  task: StoredTask,
  newest: Execution | null,
  requestedAt: string,
): Draft {
  const { actor } = request
  const actionType = task.doc.actionType
  if (actionType === 'unknownFutureValue') throw new TypeError('the sentinel is never executed')
  const kind = actionKinds[actionType]
  return {
    tenantId: actor.tenantId,
    id: request.executionId,
    taskId: task.doc.id,
    kind: 'run',
    undoes: null,
    // A run after a success is wanted anew; after anything else it tries again what is left.
    supersedes: newest === null || newest.state === 'succeeded' ? null : newest.id,
    actionType,
    reasonCode: null,
    reason: null,
    requestedBy: { id: actor.id, name: actor.name, kind: actor.kind },
    clientRequestId: request.requestKey,
    connector: routed.connector,
    target: routed.target,
    family: kind.family,
    parameters: routed.parameters,
    handle: null,
    result: null,
    epoch: 0,
    holds: false,
    requestedAt,
    notAfter: instantOf(msOf(requestedAt) + kind.deadlineSeconds * 1000),
    startedAt: null,
    finishedAt: null,
    updatedAt: requestedAt,
  }
}

function readRefusal(body: string | null): Refusal {
  const stored: { refused: ErrorName; reason: string } = JSON.parse(body ?? '{"refused":"BadRequest","reason":""}')
  return stored
}
