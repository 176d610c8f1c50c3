import type { Candidate, Registry } from '../connectors/registry.ts'
import { type ActionType, actionKinds } from '../model/actions.ts'
import { isRefusal, type Refusal, refuse } from '../model/errors.ts'
import type { Target } from '../model/execution.ts'
import type { Store } from '../store/db.ts'
import { isKnownEntity } from '../store/evidence.ts'
import type { TaskDoc } from '../store/tasks.ts'

/** Where an action goes: the thing it acts on and the connector that controls it; no connector when only evidence knows the thing. */
export interface Routed {
  readonly target: Target
  readonly connector: string | null
  readonly parameters: Readonly<Record<string, unknown>>
  /** Everything that fits the identifier, over all connectors. */
  readonly candidates: readonly Candidate[]
}

/** What routing needs. */
export interface RouteDeps {
  readonly store: Store
  readonly registry: Registry
}

/**
 * Finds out where a task's response action goes, without effect.
 * @returns the route, or the refusal in the order of the contract: unsupported type, unfit response action, unknown or ambiguous target,
 * no executor
 * @source design contract 9
 */
export async function routeAction(deps: RouteDeps, tenantId: string, task: TaskDoc): Promise<Routed | Refusal> {
  const { actionType } = task
  if (actionType === 'unknownFutureValue' || !(await deps.registry.isSupported(tenantId, actionType))) {
    return refuse('UnsupportedActionType', `Currently ${actionType} is not supported`)
  }
  const parameters = readParameters(task, actionType)
  if (isRefusal(parameters)) return parameters
  const identifier = task.responseAction?.identifierValue ?? ''
  const candidates = await deps.registry.resolve(tenantId, actionType, identifier, parameters)
  const chosen = chooseCandidate(candidates, identifier)
  if (isRefusal(chosen)) {
    if (chosen.refused !== 'TargetNotFound') return chosen
    const { targetKind } = actionKinds[actionType]
    if (!(await isKnownEntity(deps.store.read, tenantId, targetKind, identifier))) return chosen
    const key = `${targetKind}:${identifier.toLowerCase()}`
    const target: Target = { kind: targetKind, key, displayName: identifier, identifier }
    return { target, connector: null, parameters, candidates }
  }
  return { target: chosen.target, connector: chosen.connector, parameters, candidates }
}

/**
 * The one candidate an action goes to: the only supported thing that fits, whoever offers it first.
 * @param candidates everything that fits the identifier, in the order connectors are configured
 */
export function chooseCandidate(candidates: readonly Candidate[], identifier: string): Candidate | Refusal {
  const keys = new Set(candidates.map((candidate) => candidate.target.key))
  if (keys.size === 0) {
    return refuse('TargetNotFound', `No target '${identifier}' is known to your tenant or to any connector.`)
  }
  if (keys.size > 1) {
    return refuse('AmbiguousTarget', `'${identifier}' fits ${keys.size} targets; name one by its id.`)
  }
  const able = candidates.find((candidate) => candidate.supported)
  if (able) return able
  const reasons = candidates.map((candidate) => candidate.reason ?? 'no reason given').join('; ')
  return refuse('NoExecutor', `Nothing can do this on '${identifier}': ${reasons}`)
}

/** The action's details out of its typed response action; refused where the two do not fit. */
function readParameters(task: TaskDoc, actionType: ActionType): Readonly<Record<string, unknown>> | Refusal {
  const action = task.responseAction
  const expected = `#microsoft.graph.security.${actionKinds[actionType].responseActionType}`
  if (!action || action['@odata.type'] !== expected) {
    return refuse('InvalidResponseAction', `The responseAction of ${actionType} must be of type ${expected.slice(1)}.`)
  }
  if (action.identifierValue === '') {
    return refuse('InvalidResponseAction', `The responseAction of ${actionType} names no target in identifierValue.`)
  }
  if (action['@odata.type'] === '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction') {
    if (action.isolationType !== 'full' && action.isolationType !== 'selective') {
      return refuse('InvalidResponseAction', 'isolateDevice needs isolationType full or selective.')
    }
    return { isolationType: action.isolationType }
  }
  if (action['@odata.type'] === '#microsoft.graph.security.stopAndQuarantineFileIncidentTaskResponseAction') {
    return action.deviceId === null ? {} : { deviceId: action.deviceId }
  }
  return {}
}
