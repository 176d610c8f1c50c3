import { instantOf } from '../../../io/clock.ts'
import { insertChallenge, takeChallenge } from '../../../store/passkeys.ts'
import { hashSecret, makeSecret } from '../../secret-text.ts'
import type { AccessDeps } from '../../tenants.ts'

/** What an answer is for. One that was asked for something else is worth nothing. */
export interface Question {
  readonly tenantId: string
  readonly purpose: 'signIn' | 'add' | 'addByLink'
  /** Stored hash of the session or link it belongs to; null for a sign-in, where nobody knows yet who comes. */
  readonly boundTo: string | null
  readonly origin: string
}

const challengeLifeMs = 5 * 60_000

/** Asks a question that is good for one answer within five minutes. @returns the challenge, base64url */
export async function makeChallenge(deps: AccessDeps, question: Question): Promise<string> {
  const challenge = makeSecret()
  const row = {
    tenant_id: question.tenantId,
    challenge_hash: hashSecret(challenge),
    purpose: question.purpose,
    bound_to: question.boundTo,
    origin: question.origin,
    expires_at: instantOf(deps.clock.nowMs() + challengeLifeMs),
  }
  await deps.store.transaction((tx) => insertChallenge(tx, row, deps.clock.now()))
  return challenge
}

/**
 * Uses up the question that an answer names.
 * @returns false when it was never asked, not for this, is over, or was answered before, rightly or not
 */
export async function useChallenge(deps: AccessDeps, challenge: string, question: Question): Promise<boolean> {
  const asked = await deps.store.transaction((tx) => takeChallenge(tx, hashSecret(challenge), deps.clock.now()))
  return (
    asked !== undefined &&
    asked.purpose === question.purpose &&
    asked.bound_to === question.boundTo &&
    asked.origin === question.origin
  )
}
