import { type Refusal, refuse } from '../errors.ts'
import type { SafetyPolicy } from './policy.ts'

/**
 * Says whether somebody must sign in again before a strong action: one of tier 3, an approval, a change of the policy.
 * @param signedInAtMs when the person proved who they are, milliseconds since 1970; undefined for programs and for people whom an outside
 * issuer's token names, who are never asked
 * @returns null when they need not
 */
export function judgeSignIn(
  policy: Pick<SafetyPolicy, 'signIn'>,
  signedInAtMs: number | undefined,
  nowMs: number,
): Refusal | null {
  const { freshMinutes } = policy.signIn
  if (freshMinutes === null || signedInAtMs === undefined) return null
  if (nowMs - signedInAtMs <= freshMinutes * 60_000) return null
  return refuse(
    'StaleSignIn',
    `This needs a sign-in of the last ${freshMinutes} min, by the policy of the tenant. Sign in again, then repeat it.`,
  )
}
