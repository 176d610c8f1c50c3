import { type ActionType, actionKinds, isDestructive, isRelease } from '../actions.ts'
import type { Target } from '../execution.ts'
import { type Asset, describeAsset, findMatch, isInGroup, listGroups } from './assets.ts'
import type { Budget, SafetyPolicy } from './policy.ts'

/** An action somebody wants to have an effect. */
export interface Proposed {
  readonly actionType: ActionType
  readonly target: Target
  /** Further tasks, of other incidents, that want the target to stay as it is. */
  readonly heldByOtherIncidents: number
  /** It takes back what an action of the same type did, e.g. withdraws a rule. */
  readonly takesBack?: boolean
  /** Its host has said that an installed package owns the file, and the policy lets such a file go. */
  readonly packageFiles?: boolean
}

/** What was done before, as one budget counts it, without the proposed action. */
export interface Usage {
  readonly budget: string
  /** Actions in the window. */
  readonly actions: number
  /** Things affected now, the proposed one not counted twice. */
  readonly affected: number
  /** Things of that kind that are known. */
  readonly known: number
}

/** One rule that has something to say about an action. */
export interface PolicyReason {
  /** Kind and name of the rule: `protectedAssets: domain controllers`. */
  readonly policy: string
  readonly reason: string
  /** What whoever is stopped by it can do. */
  readonly fix: string
}

/** Whether an action may have an effect. */
export interface Verdict {
  readonly decision: 'allowed' | 'needsApproval' | 'refused'
  /** Confirmation tier in this place: that of the action, or 3. */
  readonly tier: 1 | 2 | 3
  /** People besides requester and proposer who must agree; 0 unless the decision is `needsApproval`. */
  readonly approvals: number
  readonly reasons: readonly PolicyReason[]
}

const editPolicy = 'An admin can change the policy: GET and PUT /api/v1/policies.'

/** Accounts without which nobody can repair anything; no policy takes them off the list. @source design actions 10.1 */
const alwaysProtectedUsers = ['root', 'krbtgt', 'administrator']

/** Tag that a connector gives to the account it works with: without that nothing could be taken back. */
export const ownAccountTag = 'cordon:own-account'

/** Tag that a connector gives to the host this server runs on: cut off, nobody could let it go again. */
export const serverHostTag = 'cordon:server-host'

/** Tag that a connector gives to a target that stands for more things than one person should act on at once. */
export const manyTargetsTag = 'cordon:many-targets'

/**
 * Weighs an action against a tenant's policy. Releases are never refused: what protects an asset must not keep it contained.
 * @param usage one for each of the budgets {@link listBudgets} names; a missing one counts as nothing done
 */
export function judgeAction(policy: SafetyPolicy, proposed: Proposed, usage: readonly Usage[]): Verdict {
  const asset = describeAsset(policy, proposed.target)
  const tier = chooseTier(policy, proposed, asset)
  const protections = listProtections(policy, proposed, asset)
  if (protections.length > 0) return { decision: 'refused', tier, approvals: 0, reasons: protections }
  const demands = [
    ...listDemands(policy, proposed, asset, tier),
    ...listPackageDemands(proposed),
    ...listOverdrafts(policy, proposed, usage),
  ]
  const approvals = Math.max(0, ...demands.map((demand) => demand.approvals))
  const reasons = demands.filter((demand) => demand.approvals > 0).map((demand) => demand.reason)
  return { decision: approvals > 0 ? 'needsApproval' : 'allowed', tier, approvals, reasons }
}

/** The budgets that count an action. */
export function listBudgets(policy: SafetyPolicy, actionType: ActionType): readonly Budget[] {
  return policy.budgets.filter(({ actionTypes }) =>
    actionTypes === null ? isDestructive(actionType) : actionTypes.includes(actionType),
  )
}

function chooseTier(policy: SafetyPolicy, proposed: Proposed, asset: Asset): 1 | 2 | 3 {
  if (isDestructive(proposed.actionType) && listGroups(policy, asset).some((group) => group.critical)) return 3
  if (isRelease(proposed.actionType) && proposed.heldByOtherIncidents > 0) return 3
  if (proposed.takesBack !== true && proposed.target.tags?.includes(manyTargetsTag)) return 3
  if (proposed.takesBack !== true && proposed.packageFiles === true) return 3
  return actionKinds[proposed.actionType].tier
}

function listProtections(policy: SafetyPolicy, proposed: Proposed, asset: Asset): PolicyReason[] {
  const { actionType, target } = proposed
  if (isRelease(actionType) || proposed.takesBack === true) return []
  const found = policy.protectedAssets.flatMap((rule): PolicyReason[] => {
    const applies = rule.actionTypes === null ? isDestructive(actionType) : rule.actionTypes.includes(actionType)
    const match = applies ? findMatch(rule, asset) : null
    if (match === null) return []
    const text = `'${target.displayName}' is protected against ${actionType} (${match}): ${rule.reason}`
    return [{ policy: `protectedAssets: ${rule.name}`, reason: text, fix: editPolicy }]
  })
  if (target.kind === 'device' && isDestructive(actionType) && target.tags?.includes(serverHostTag)) {
    const reason = `'${target.displayName}' is the host this Cordon server runs on; cut off, nobody could let it go again.`
    return [...found, { policy: 'protectedAssets: always', reason, fix: 'Carry it out by hand, if it must be.' }]
  }
  if (target.kind !== 'user' || !isDestructive(actionType)) return found
  if (target.tags?.includes(ownAccountTag)) {
    const reason = `'${target.displayName}' is the account Cordon itself works with; without it nothing could be taken back.`
    return [...found, { policy: 'protectedAssets: always', reason, fix: 'Give the connector another account first.' }]
  }
  const account = asset.names.map((name) => nameAccount(name)).find((name) => alwaysProtectedUsers.includes(name))
  if (account === undefined) return found
  const reason = `'${account}' is an account without which nobody can repair anything.`
  return [...found, { policy: 'protectedAssets: always', reason, fix: 'Carry it out by hand, if it must be.' }]
}

/** `CORP\Administrator` and `administrator@corp.example` both name `administrator`. */
function nameAccount(name: string): string {
  return (name.split('\\').at(-1) ?? '').split('@')[0]?.toLowerCase() ?? ''
}

interface Demand {
  readonly approvals: number
  readonly reason: PolicyReason
}

function listDemands(policy: SafetyPolicy, proposed: Proposed, asset: Asset, tier: 1 | 2 | 3): Demand[] {
  const { actionType, target } = proposed
  return policy.fourEyes.rules
    .filter(
      (rule) =>
        (rule.actionTypes === null || rule.actionTypes.includes(actionType)) &&
        (rule.minTier === null || tier >= rule.minTier) &&
        isInGroup(policy, asset, rule.assetGroup),
    )
    .map((rule) => ({
      approvals: rule.approvals,
      reason: {
        policy: `fourEyes: ${rule.name}`,
        reason: `${actionType} on '${target.displayName}' is of tier ${tier} and needs ${people(rule.approvals)}.`,
        fix: 'Somebody with Cordon.Approve, who neither proposed nor requested it, approves it under /api/v1/approvals.',
      },
    }))
}

/** A package's file never goes by the word of one person, whatever the rules say. */
function listPackageDemands({ target, takesBack, packageFiles }: Proposed): Demand[] {
  if (takesBack === true || packageFiles !== true) return []
  const reason = `An installed package owns '${target.displayName}'; its quarantine needs a second person.`
  const fix =
    'Somebody with Cordon.Approve, who neither proposed nor requested it, approves it under /api/v1/approvals.'
  return [{ approvals: 1, reason: { policy: 'quarantine: packageFiles', reason, fix } }]
}

function listOverdrafts(policy: SafetyPolicy, { actionType }: Proposed, usage: readonly Usage[]): Demand[] {
  return listBudgets(policy, actionType).flatMap((budget): Demand[] => {
    const used = usage.find((candidate) => candidate.budget === budget.name)
    const text = used === undefined ? null : describeOverdraft(budget, used)
    if (text === null) return []
    const fix =
      'A second person approves it under /api/v1/approvals, or an admin raises the budget: PUT /api/v1/policies.'
    return [{ approvals: 1, reason: { policy: `budgets: ${budget.name}`, reason: text, fix } }]
  })
}

function describeOverdraft(budget: Budget, used: Usage): string | null {
  const { maxActions, maxShare, minAssets, windowMinutes } = budget
  if (maxActions !== null && used.actions >= maxActions) {
    return `${used.actions} such actions in the last ${windowMinutes} min, and ${maxActions} go without a second person.`
  }
  if (maxShare === null) return null
  const most = Math.max(minAssets, Math.floor(maxShare * used.known))
  if (used.affected + 1 <= most) return null
  const share = `${Math.round(maxShare * 1000) / 10} %`
  return `${used.affected} of ${used.known} known are affected now; beyond ${most} (${share}) a second person is asked.`
}

function people(count: number): string {
  return count === 1 ? 'a second person' : `${count} further people`
}
