import { instantOf, msOf } from '../../io/clock.ts'
import { actionKinds, actionTypes, isDestructive, isRelease } from '../../model/actions.ts'
import type { Budget, SafetyPolicy } from '../../model/safety/policy.ts'
import { judgeAction, listBudgets, type Usage, type Verdict } from '../../model/safety/verdict.ts'
import type { Db } from '../../store/db.ts'
import { type Execution, readHolders } from '../../store/executions.ts'
import { countActions, countAffected, countKnown } from '../../store/safety/history.ts'

/** An action that is weighed, before it has an execution or again when it has. */
export interface Candidate
  extends Pick<
    Execution,
    'tenantId' | 'id' | 'kind' | 'actionType' | 'target' | 'family' | 'requestedBy' | 'parameters'
  > {
  readonly incidentId: string
  /** The instant of its request: what came later is not counted against it. */
  readonly requestedAt: string
}

/** Weighs an action against a policy and what was done before it. */
export async function weighAction(db: Db, policy: SafetyPolicy, candidate: Candidate): Promise<Verdict> {
  const { actionType, target } = candidate
  const usage: Usage[] = []
  for (const budget of listBudgets(policy, actionType)) usage.push(await readUsage(db, budget, candidate))
  const heldByOtherIncidents = await countOtherIncidents(db, candidate)
  const takesBack = candidate.kind === 'undo' && actionKinds[actionType].inverse === null
  const packageFiles = candidate.parameters.packageFiles === true
  return judgeAction(policy, { actionType, target, heldByOtherIncidents, takesBack, packageFiles }, usage)
}

/** An undo ends its own hold only, so nobody else's stand against it. */
async function countOtherIncidents(db: Db, candidate: Candidate): Promise<number> {
  const { tenantId, target, family, actionType, kind, incidentId } = candidate
  if (!isRelease(actionType) || kind === 'undo') return 0
  const holders = await readHolders(db, tenantId, target.key, family)
  return holders.filter((holder) => holder.incidentId !== incidentId).length
}

async function readUsage(db: Db, budget: Budget, candidate: Candidate): Promise<Usage> {
  const { tenantId, requestedAt } = candidate
  const counted = budget.actionTypes ?? actionTypes.filter(isDestructive)
  const since = instantOf(msOf(requestedAt) - budget.windowMinutes * 60_000)
  const actions =
    budget.maxActions === null
      ? 0
      : await countActions(db, tenantId, {
          actionTypes: counted,
          requestedBy: budget.per === 'caller' ? candidate.requestedBy.id : null,
          since,
          until: requestedAt,
          except: candidate.id,
        })
  if (budget.maxShare === null) return { budget: budget.name, actions, affected: 0, known: 0 }
  const affected = await countAffected(db, tenantId, counted, candidate.target.key)
  const known = await countKnown(db, tenantId, actionKinds[candidate.actionType].targetKind)
  return { budget: budget.name, actions, affected, known }
}
