import type { KeyObject } from 'node:crypto'
import { canonicalJson } from './canonical.ts'
import { DecodeError, decode, id, integer, list, object, oneOf, optional, parseJson, text } from './decode.ts'
import { instant } from './instants.ts'
import { signJws, verifyJws } from './jws.ts'
import { messageLimits } from './version.ts'

/** How long a signed policy counts; a host asks for a fresh one when half of it is over. */
export const POLICY_DAYS = 30

/** What a tenant lets be done to its hosts; signed by the server, cached by the host. @source design actions.md 9.7 */
export interface AgentPolicy {
  /** Rises with every change; a host never goes back. */
  readonly v: number
  readonly tenantId: string
  /** After this instant the policy allows releases only. */
  readonly notAfter: string
  /** Action types that are allowed, e.g. `isolateDevice`. */
  readonly allowActions: readonly string[]
  /** Distinct approvers besides requester and proposer, by confirmation tier; tier 1 never needs one. */
  readonly approvals: { readonly tier2: number; readonly tier3: number }
  readonly protected: {
    readonly devices: readonly string[]
    readonly cidrs: readonly string[]
    readonly paths: readonly string[]
    readonly hashes: readonly string[]
    readonly users: readonly string[]
  }
  readonly lease: { readonly seconds: number; readonly onEnd: 'open' | 'stay' }
  readonly caps: { readonly packageBytes: number }
  /** The host makes a new key when its own is this old; servers of before do not say. */
  readonly keyDays?: number
  /** Programs that start under a restriction, in the form of `agent.conf`'s `execute`; absent when the tenant names none. */
  readonly programs?: readonly string[]
}

const decodePolicy = object<AgentPolicy>({
  v: integer(0, Number.MAX_SAFE_INTEGER),
  tenantId: id,
  notAfter: instant,
  allowActions: list(text(64), 64),
  approvals: object<AgentPolicy['approvals']>({ tier2: integer(0, 10), tier3: integer(0, 10) }),
  protected: object<AgentPolicy['protected']>({
    devices: list(text(64), 5000),
    cidrs: list(text(43), 5000),
    paths: list(text(4096), 5000),
    hashes: list(text(64), 5000),
    users: list(text(256), 5000),
  }),
  lease: object<AgentPolicy['lease']>({ seconds: integer(1, 366 * 86_400), onEnd: oneOf(['open', 'stay']) }),
  caps: object<AgentPolicy['caps']>({ packageBytes: integer(0, Number.MAX_SAFE_INTEGER) }),
  keyDays: optional(integer(1, 3_660)),
  programs: optional(list(text(512, /^(\/|sha256:)/), 200)),
})

/** Signs a policy. */
export function signPolicy(key: KeyObject, kid: string, policy: AgentPolicy): string {
  return signJws(key, kid, 'cordon-policy+jwt', canonicalJson(policy))
}

/**
 * Checks a policy's signature, then its form.
 * @returns undefined when one of them is wrong: the policy in force stays
 */
export function openPolicy(jws: string, findKey: (kid: string) => KeyObject | undefined): AgentPolicy | undefined {
  const checked = verifyJws(jws, 'cordon-policy+jwt', findKey, messageLimits.policyBytes)
  if (!checked.ok) return undefined
  try {
    return decode(decodePolicy, parseJson(checked.payload, messageLimits.policyBytes))
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
