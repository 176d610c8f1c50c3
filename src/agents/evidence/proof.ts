import type { CommandBody } from '../../protocol/body.ts'
import { digestJson } from '../../protocol/canonical.ts'
import type { CommandResult } from '../../protocol/result.ts'
import { findFileGap } from './file-proof.ts'
import type { StoredPackage } from './package-folder.ts'
import { findPackageGap } from './packages.ts'

/**
 * Says what is missing for a claimed success to count, by the rules of its action. A host that only claims leaves its task open.
 * @param expectedMode mode an isolation was ordered in; null for other actions
 * @param ordered what was ordered, and what of it the server itself has, where the proof has to fit them
 * @returns null when the proof holds
 * @source design actions.md 5.3, 7.1, 7.2
 */
export function findProofGap(
  actionType: string,
  expectedMode: 'full' | 'selective' | null,
  result: CommandResult,
  ordered?: { readonly body: CommandBody; readonly stored: StoredPackage | null },
): string | null {
  const { proof, after } = result
  if (proof === null || after === null) return 'no proof'
  if (proof.level !== 'observed') return `proof is only ${proof.level}`
  if (proof.digest !== digestJson(after)) return 'the digest does not fit the state'
  const body = ordered?.body
  if (body?.actionType === 'stopAndQuarantineFile') return findFileGap(body, result)
  if (result.targets.some(({ state }) => state !== 'succeeded' && state !== 'already')) return 'a target is not done'
  switch (actionType) {
    case 'isolateDevice':
      return findIsolationGap(expectedMode, result, proof.checks)
    case 'collectInvestigationPackage':
      return findPackageGap(result, ordered?.stored ?? null)
    case 'unIsolateDevice':
      return after.isolated === false ? null : 'the host is still isolated'
    case 'restrictAppExecution':
      return findRestrictionGap(result)
    case 'unRestrictAppExecution':
      return after.restricted === false ? findMissed(proof.checks) : 'programs are still restricted'
    case 'runAntiVirusScan':
      return findScanGap(result)
    case 'disableUser':
      if (after.disabled === true || isUnwanted(body, after)) return findMissed(proof.checks)
      return 'the account is not disabled'
    case 'enableUser':
      if (after.disabled !== true || after.asBefore === true || after.heldByTasks !== undefined)
        return findMissed(proof.checks)
      return 'the account is still disabled'
    case 'forceUserPasswordReset':
      return findMissed(proof.checks)
    case 'requireSignIn':
      return after.processes === 0 ? findMissed(proof.checks) : 'processes of the account go on'
    case 'submitIocRule':
      return findRuleGap(true, result)
    case 'withdrawIocRule':
      return findRuleGap(false, result)
    default:
      return `no rule proves ${actionType}`
  }
}

/** An enableUser was taken back after everybody for whom the account would be disabled again. */
function isUnwanted(body: CommandBody | undefined, { wantedByTasks }: NonNullable<CommandResult['after']>): boolean {
  const isUndo = body?.actionType === 'disableUser' && body.undo
  return isUndo && Array.isArray(wantedByTasks) && wantedByTasks.length === 0
}

function findIsolationGap(
  expectedMode: 'full' | 'selective' | null,
  { after }: CommandResult,
  checks: NonNullable<CommandResult['proof']>['checks'],
): string | null {
  if (after?.isolated !== true) return 'the host is not isolated'
  if (after.mode !== expectedMode) return 'isolated in another mode'
  if (!checks.some(({ name, got }) => name.startsWith('control') && got === 'pass')) return 'no control check passed'
  if (checks.some(({ want, got }) => want === 'fail' && (got === 'reached' || got === 'sent'))) {
    return 'a forbidden address was reached'
  }
  const listed = checks.some(({ name, got }) => name === 'ruleset' && got.split('+').includes('inet'))
  return listed ? null : 'the ruleset was not listed'
}

/** A restriction is proved by its pair of programs and by the guard that decided about both. */
function findRestrictionGap({ after, proof }: CommandResult): string | null {
  if (after?.restricted !== true) return 'programs are not restricted'
  const checks = proof?.checks ?? []
  const wanted = { canaryDenied: 'EPERM', canaryAllowed: 'ran', guard: 'alive', decidedByGuard: 'both' }
  const missing = Object.entries(wanted).find(([name, want]) =>
    checks.every((one) => one.name !== name || one.got !== want),
  )
  return missing === undefined ? findMissed(checks) : `${missing[0]} is not ${missing[1]}`
}

/** Every check has to have seen what it wanted, and there must be one. */
function findMissed(checks: NonNullable<CommandResult['proof']>['checks']): string | null {
  const missed = checks.find(({ want, got }) => want !== 'any' && want !== got)
  if (missed !== undefined) return `${missed.name} is ${missed.got} instead of ${missed.want}`
  return checks.length === 0 ? 'nothing was read back' : null
}

/** A rule is proved by what enforces it as read back, and in block mode by a probe or a sweep that found nothing left. */
function findRuleGap(inForce: boolean, { after, proof }: CommandResult): string | null {
  if (after?.inForce !== inForce) return inForce ? 'the rule is not in force' : 'the rule is still in force'
  const checks = proof?.checks ?? []
  const missed = findMissed(checks)
  if (missed !== null) return missed
  const readBack = checks.some(({ name }) => ['element', 'hostsFile', 'watch', 'rule'].includes(name))
  return readBack ? null : 'nothing that enforces the rule was read back'
}

/** A scan is proved by what it says of itself: engine, age of its signatures, and how many files it opened with how many of them. */
function findScanGap({ after }: CommandResult): string | null {
  const counted = ['databaseAgeDays', 'files', 'findings'].every((name) => typeof after?.[name] === 'number')
  if (!counted || typeof after?.engine !== 'string') return 'the scan does not say what it did'
  // A daemon does not say how many it has, and does not start without any.
  return after.by === 'clamd' || Number(after.signatures) > 0 ? null : 'the scan had no signatures'
}
