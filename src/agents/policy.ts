import type { Clock } from '../io/clock.ts'
import { instantOf } from '../io/clock.ts'
import { actionKinds, isDestructive, isRelease } from '../model/actions.ts'
import type { SafetyPolicy } from '../model/safety/policy.ts'
import { judgeAction } from '../model/safety/verdict.ts'
import { actionTraits, type CommandAction, commandActions } from '../protocol/body.ts'
import { type AgentPolicy, POLICY_DAYS } from '../protocol/policy.ts'
import type { Store } from '../store/db.ts'
import { readPolicyVersion, readStoredPolicy } from '../store/safety/policies.ts'
import type { CommandSigner } from './sign.ts'

/** What signing policies needs. */
export interface AgentPolicyDeps {
  readonly store: Store
  readonly clock: Clock
  readonly signer: CommandSigner
}

/** The host a policy is for, by every name the tenant's rules may use. */
export interface PolicySubject {
  readonly tenantId: string
  readonly id: string
  readonly hostname: string
  readonly fqdn: string | null
}

const packageBytes = 512 * 1024 * 1024

/**
 * The signed policy of a host.
 * @throws CordonError ServiceUnavailable when the tenant's policy cannot be understood
 */
export async function signPolicyFor(deps: AgentPolicyDeps, subject: PolicySubject): Promise<string> {
  const { policy, version } = await readStoredPolicy(deps.store.read, subject.tenantId)
  return deps.signer.signPolicy(narrowPolicy(policy, version, subject, deps.clock.nowMs()))
}

/**
 * The signed policy of a host that has another one.
 * @param held version the host has; null when it does not say, 0 to get the present one in any case
 * @returns null when the host is up to date
 */
export async function signNewerPolicy(
  deps: AgentPolicyDeps,
  subject: PolicySubject,
  held: number | null,
): Promise<string | null> {
  if (held === null) return null
  // A host never goes back to an older one, so a server restored from a backup has nothing for it.
  if (held > 0 && held >= (await readPolicyVersion(deps.store.read, subject.tenantId))) return null
  return signPolicyFor(deps, subject)
}

/**
 * What a tenant's safety policy means on one host, so that the host refuses by itself what the server should never have sent. Every
 * action is judged as if nothing had been done before; what the host asks for is never more than what the server asks for.
 * @source design actions.md 9.7, 10.1
 */
export function narrowPolicy(
  policy: SafetyPolicy,
  version: number,
  subject: PolicySubject,
  nowMs: number,
): AgentPolicy {
  const { id, hostname, fqdn } = subject
  const aliases = fqdn === null ? [] : [fqdn]
  const target = { kind: 'device' as const, key: id, displayName: hostname, identifier: hostname, aliases }
  const offered = commandActions.filter(
    (actionType) => policy.localAccounts.enabled || actionTraits[actionType].family !== 'account',
  )
  const judged = offered.map((actionType) => ({
    actionType,
    verdict: judgeAction(policy, { actionType, target, heldByOtherIncidents: 0 }, []),
  }))
  const allowed = judged.filter(({ verdict }) => verdict.decision !== 'refused')
  const onDevice = ({ actionType }: { readonly actionType: CommandAction }): boolean =>
    isDestructive(actionType) && actionKinds[actionType].targetKind === 'device'
  const isProtected = !allowed.some(onDevice)
  const needed = (tier: 2 | 3): number => {
    const asked = allowed.filter(({ actionType }) => actionTraits[actionType].tier === tier && !isRelease(actionType))
    return asked.length === 0 ? 0 : Math.min(...asked.map(({ verdict }) => verdict.approvals))
  }
  return {
    v: version,
    tenantId: subject.tenantId,
    notAfter: instantOf(nowMs + POLICY_DAYS * 86_400_000),
    // A protected device is named as such, which says more than an action that is missing.
    allowActions: isProtected ? offered : allowed.map(({ actionType }) => actionType),
    approvals: { tier2: needed(2), tier3: needed(3) },
    protected: { devices: isProtected ? [id] : [], cidrs: [], paths: [], hashes: [], users: [] },
    lease: { seconds: policy.expiry.isolation.leaseSeconds, onEnd: 'open' },
    caps: { packageBytes },
    keyDays: policy.agentKeys.rotateAfterDays,
    ...(policy.programs.allowed.length === 0 ? {} : { programs: policy.programs.allowed }),
  }
}
