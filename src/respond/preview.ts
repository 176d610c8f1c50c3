import type { Connections, Inspection } from '../connectors/connector.ts'
import { type ActionType, actionKinds, isActionType } from '../model/actions.ts'
import { CordonError, type ErrorName, isRefusal, type Refusal } from '../model/errors.ts'
import type { Target } from '../model/execution.ts'
import { isLive } from '../model/execution-state.ts'
import { judgeConsent, type withheldBy } from '../model/safety/consent.ts'
import type { Expectation } from '../model/safety/durations.ts'
import type { Verdict } from '../model/safety/verdict.ts'
import { startAction } from '../model/task-state.ts'
import { readExecutionsOfTask, readHolders } from '../store/executions.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { readStoredPolicy } from '../store/safety/policies.ts'
import { readTask, type StoredTask } from '../store/tasks.ts'
import { type ExecuteDeps, isTaskId } from './execute.ts'
import { readExpectation } from './expectation.ts'
import { draftTask, type NewTask } from './plan.ts'
import { type Routed, routeAction } from './route.ts'
import { describeExpiry } from './safety/admit.ts'
import { type Approvers, findApproversOf } from './safety/approvers.ts'
import { refuseProtected } from './safety/clearance.ts'
import { readPackageConsent } from './safety/package-files.ts'
import { weighAction } from './safety/weigh.ts'

/** What would happen if a task's action were requested now. Everything in it was read, nothing was done. */
export interface Preview {
  readonly taskId: string
  readonly actionType: string
  readonly readAt: string
  /** What a request would be answered with: accepted, or the refusal. */
  readonly answer:
    | { readonly accepted: true; readonly state: 'queued' | 'awaitingApproval' }
    | { readonly accepted: false; readonly code: ErrorName; readonly message: string }
  readonly connector: {
    readonly name: string | null
    readonly why: string
    readonly considered: readonly {
      readonly name: string
      readonly supported: boolean
      readonly reason: string | null
    }[]
  } | null
  readonly target: PreviewedTarget | null
  readonly connections: Connections
  readonly policy: (Verdict & PolicyFacts) | null
  /** Whose approval would be counted; null where none is asked for. */
  readonly mayApprove: Approvers | null
  readonly reversible: { readonly possible: boolean; readonly how: string }
  /** From own history; null when there is none. */
  readonly expectedDuration: Expectation | null
  /** What would be asked of the target, its lease among it. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** Not begun within this time, it never runs. */
  readonly deadlineSeconds: number
}

/** What would become of a task if it were sent now, by the same way as {@link Preview}. */
export interface ProposalPreview extends Omit<Preview, 'taskId'> {
  readonly incidentId: string
  /** Whether whoever asks may have it run without asking the customer; if not, such a task becomes guided for that reason. */
  readonly managed:
    | { readonly allowed: true; readonly reason: string }
    | {
        readonly allowed: false
        readonly by: (typeof withheldBy)[number] | 'cannotRun'
        readonly reason: string
        readonly since: string | null
      }
}

interface PolicyFacts {
  readonly version: number
  readonly dispatchPaused: boolean
  /** On a phone the button may be held instead of the name being typed. */
  readonly holdOnPhones: boolean
}

interface PreviewedTarget extends Target {
  /** Whether something controls it; what only alerts have named cannot be acted on. */
  readonly controlled: boolean
  readonly online: boolean | null
  readonly lastSeenAt: string | null
  readonly already: boolean | null
  readonly state: Readonly<Record<string, unknown>> | null
  /** Tasks that want the target to stay as it is. */
  readonly heldBy: readonly { readonly taskId: string; readonly incidentId: string }[]
}

const nobodyAsks = 'Nothing controls the target, so nobody can ask it.'

/**
 * Says what would happen if a task's action were requested now, by the same way the request takes, up to the first effect. That somebody
 * looked stands in the audit.
 * @throws CordonError BadRequest (malformed id), NotFound
 * @source design actions 10.5
 */
export async function previewAction(deps: ExecuteDeps, actor: Actor, taskId: string): Promise<Preview> {
  if (!isTaskId(taskId)) throw new CordonError('BadRequest', `Invalid incidentTask id ${taskId}`)
  const task = await readTask(deps.store.read, actor.tenantId, taskId)
  if (!task) throw new CordonError('NotFound', `taskId ${taskId} not found`)
  const routed = await routeAction(deps, actor.tenantId, task.doc)
  const preview = await describe(deps, actor, task, routed, true)
  await deps.store.transaction((tx) =>
    recordChange(tx, {
      at: deps.clock.now(),
      actor,
      audit: {
        action: 'previewResponseAction',
        objectType: 'incidentTask',
        objectId: taskId,
        decision: 'allowed',
        details: { answer: preview.answer, target: preview.target?.key ?? null },
      },
    }),
  )
  return preview
}

/**
 * Says what would become of a task that nobody has sent yet.
 * @param asksTarget false: the target is not asked what it would do, so the answer waits for nobody; then nothing is recorded either
 * @throws CordonError BadRequest when responseAction does not fit the actionType; NotFound for an unknown incident
 * @source design portal J2, J3
 */
export async function previewProposal(
  deps: ExecuteDeps,
  actor: Actor,
  input: NewTask,
  asksTarget: boolean,
): Promise<ProposalPreview> {
  const task = await draftTask(deps, actor, input)
  const routed = await routeAction(deps, actor.tenantId, task.doc)
  const { taskId, ...preview } = await describe(deps, actor, task, routed, asksTarget)
  const managed = await judgeManaged(deps, actor, preview, routed)
  const { incidentId } = task
  if (asksTarget) {
    const details = { answer: preview.answer, target: preview.target?.key ?? null, actionType: preview.actionType }
    const audit = {
      action: 'previewProposal',
      objectType: 'incident',
      objectId: incidentId,
      decision: 'allowed',
    } as const
    const at = deps.clock.now()
    await deps.store.transaction((tx) => recordChange(tx, { at, actor, audit: { ...audit, details } }))
  }
  return { incidentId, ...preview, managed }
}

async function judgeManaged(
  deps: ExecuteDeps,
  actor: Actor,
  { answer, actionType }: Omit<Preview, 'taskId'>,
  routed: Routed | Refusal,
): Promise<ProposalPreview['managed']> {
  if (!isRefusal(routed) && isActionType(actionType)) {
    const { policy } = await readStoredPolicy(deps.store.read, actor.tenantId)
    const ask = { actionType, target: routed.target, expertId: actor.id, atMs: deps.clock.nowMs() }
    const consent = judgeConsent(policy, ask)
    if (!consent.given) return { allowed: false, by: consent.by, reason: consent.reason, since: consent.since }
    if (answer.accepted) return { allowed: true, reason: consent.reason }
  }
  return { allowed: false, by: 'cannotRun', reason: answer.accepted ? '' : answer.message, since: null }
}

async function describe(
  deps: ExecuteDeps,
  actor: Actor,
  task: StoredTask,
  routed: Routed | Refusal,
  asksTarget: boolean,
): Promise<Preview> {
  const { actionType } = task.doc
  const stopped = await findObstacle(deps, task, routed)
  const known = !isRefusal(routed) && isActionType(actionType) ? { routed, actionType } : null
  const weighed = known ? await weigh(deps, actor, task, known.routed, known.actionType) : null
  const seen = known && asksTarget ? await inspect(deps, task, known.routed, known.actionType) : null
  const refusal = stopped ?? (weighed?.decision === 'refused' ? refuseProtected(weighed.reasons) : null)
  const parameters = known ? await readParameters(deps, task, known.routed, known.actionType) : {}
  return {
    taskId: task.doc.id,
    actionType,
    readAt: deps.clock.now(),
    answer: refusal
      ? { accepted: false, code: refusal.refused, message: refusal.reason }
      : { accepted: true, state: weighed?.decision === 'needsApproval' ? 'awaitingApproval' : 'queued' },
    connector: known ? describeConnector(known.routed) : null,
    target: known ? await describeTarget(deps, task, known.routed, known.actionType, seen) : null,
    connections: seen?.connections ?? { known: false, reason: asksTarget ? nobodyAsks : 'Nobody asked the target.' },
    policy: weighed,
    mayApprove: await findWhoApproves(deps, actor, task, weighed),
    reversible: known
      ? describeUndo(deps, known.routed, known.actionType)
      : { possible: false, how: 'Nothing would run.' },
    expectedDuration: known
      ? await readExpectation(deps.store.read, actor.tenantId, known.actionType, known.routed.connector)
      : null,
    parameters,
    deadlineSeconds: isActionType(actionType) ? actionKinds[actionType].deadlineSeconds : 0,
  }
}

async function findWhoApproves(
  deps: ExecuteDeps,
  actor: Actor,
  { incidentId, proposedBy }: StoredTask,
  verdict: Preview['policy'],
): Promise<Approvers | null> {
  if (verdict === null || verdict.approvals === 0) return null
  const asked = { incidentId, required: verdict.approvals, requestedBy: actor.id, proposedBy }
  return findApproversOf(deps, actor, asked)
}

/** What stands in the way before the policy is asked; in the order in which a request is refused. */
async function findObstacle(deps: ExecuteDeps, task: StoredTask, routed: Routed | Refusal): Promise<Refusal | null> {
  if (isRefusal(routed) && routed.refused === 'UnsupportedActionType') return routed
  const executions = await readExecutionsOfTask(deps.store.read, task.tenantId, task.doc.id)
  const decision = startAction(
    { status: task.doc.status, reopened: task.reopened },
    executions.find((execution) => execution.kind === 'run') ?? null,
    executions.find((execution) => isLive(execution.state)) ?? null,
  )
  if (decision !== 'start') return decision
  return isRefusal(routed) ? routed : null
}

async function weigh(
  deps: ExecuteDeps,
  actor: Actor,
  task: StoredTask,
  routed: Routed,
  actionType: ActionType,
): Promise<NonNullable<Preview['policy']>> {
  const { policy, version } = await readStoredPolicy(deps.store.read, actor.tenantId)
  const verdict = await weighAction(deps.store.read, policy, {
    tenantId: actor.tenantId,
    id: '',
    kind: 'run',
    actionType,
    target: routed.target,
    family: actionKinds[actionType].family,
    requestedBy: { id: actor.id, name: actor.name, kind: actor.kind },
    parameters: await readParameters(deps, task, routed, actionType),
    incidentId: task.incidentId,
    requestedAt: deps.clock.now(),
  })
  const { holdOnPhones } = policy.confirmation
  return { ...verdict, version, dispatchPaused: policy.dispatch.paused, holdOnPhones }
}

async function inspect(
  deps: ExecuteDeps,
  task: StoredTask,
  routed: Routed,
  actionType: ActionType,
): Promise<Inspection | null> {
  const connector = routed.connector === null ? undefined : deps.registry.get(routed.connector)
  if (!connector) return null
  const { target, parameters } = routed
  return connector.inspect({ tenantId: task.tenantId, taskId: task.doc.id, actionType, target, parameters })
}

function describeConnector({ candidates, connector }: Routed): NonNullable<Preview['connector']> {
  const considered = candidates.map(({ connector: name, supported, reason }) => ({ name, supported, reason }))
  if (connector === null)
    return { name: null, why: 'Alerts have named the target, and no connector knows it.', considered }
  const why =
    considered.length === 1
      ? 'It is the only one that knows the target.'
      : 'It is the first in the order of configuration that can do this on the target.'
  return { name: connector, why, considered }
}

async function describeTarget(
  deps: ExecuteDeps,
  task: StoredTask,
  { target, connector }: Routed,
  actionType: ActionType,
  seen: Inspection | null,
): Promise<PreviewedTarget> {
  const { family } = actionKinds[actionType]
  const holders = await readHolders(deps.store.read, task.tenantId, target.key, family)
  return {
    ...target,
    controlled: connector !== null,
    online: seen?.online ?? null,
    lastSeenAt: seen?.lastSeenAt ?? null,
    already: seen?.already ?? null,
    state: seen?.refusal ? { ...seen.state, wouldRefuse: seen.refusal } : (seen?.state ?? null),
    heldBy: holders.map(({ taskId, incidentId }) => ({ taskId, incidentId })),
  }
}

function describeUndo(deps: ExecuteDeps, routed: Routed, actionType: ActionType): Preview['reversible'] {
  const connector = routed.connector === null ? undefined : deps.registry.get(routed.connector)
  if (!connector) return { possible: false, how: 'No connector would carry it out.' }
  const { target, parameters } = routed
  const plan = connector.planUndo({ actionType, target, parameters, result: null })
  return plan.possible ? { possible: true, how: plan.actionType } : { possible: false, how: plan.reason }
}

async function readParameters(
  deps: ExecuteDeps,
  { tenantId, doc }: StoredTask,
  routed: Routed,
  actionType: ActionType,
): Promise<Readonly<Record<string, unknown>>> {
  const { policy } = await readStoredPolicy(deps.store.read, tenantId)
  const wanted = { tenantId, taskId: doc.id, kind: 'run' as const, actionType }
  const consent = await readPackageConsent(deps.store.read, policy, wanted)
  return { ...routed.parameters, ...describeExpiry(policy, actionType), ...consent }
}
