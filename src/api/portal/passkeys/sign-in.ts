import { askWhoComes, type PasskeyProblem, signInByPasskey } from '../../../access/credentials/passkeys/sign-in.ts'
import { networkOf } from '../../../access/limits/failures.ts'
import type { SignedIn } from '../../../access/sessions.ts'
import { CordonError } from '../../../model/errors.ts'
import { nullable, object, text } from '../../../model/safety/fields.ts'
import type { Answer, Call, OpenHandler } from '../../route.ts'
import { readFields } from '../../v1/read-fields.ts'
import { type LoginDeps, noteFailure } from '../login.ts'
import { readNext } from '../next.ts'
import { answerPrivate } from '../session.ts'
import { credential, requireOwnPage, requireParty } from './party.ts'

const fields = object<{
  readonly credential: unknown
  readonly next: string | null
  readonly userId: string | null
}>({
  credential,
  next: { read: nullable(text(4_000)), absent: null },
  userId: { read: nullable(text(36)), absent: null },
})

/** POST /auth/passkeys/sign-in/options: the question for whoever comes. It names nobody, so it is the same for everybody. */
export function beginPasskeySignIn(deps: LoginDeps): OpenHandler {
  return async (call) => {
    requireOwnPage(call)
    const party = requireParty(deps, call)
    requireSlowAsking(deps, call)
    return answerPrivate({ publicKey: await askWhoComes(deps, party) })
  }
}

/** POST /auth/passkeys/sign-in: lets whoever's passkey answered in. With `userId` nobody else will do. */
export function completePasskeySignIn(deps: LoginDeps): OpenHandler {
  return async (call) => {
    requireOwnPage(call)
    const party = requireParty(deps, call)
    const { credential, next, userId } = readFields(fields, call.body)
    refuseWhile(deps.failures.waitSeconds(call.remoteAddress))
    const signedIn = await signInByPasskey(deps, call, party, { credential, userId })
    if ('problem' in signedIn) return refuse(deps, call, signedIn)
    return letIn(signedIn, next)
  }
}

/** The session's cookie, and where to go. */
export function letIn({ cookie }: SignedIn, next: string | null): Answer {
  const answer = answerPrivate({ next: readNext(next) ?? '/' })
  return { ...answer, headers: { ...answer.headers, 'Set-Cookie': cookie } }
}

/** @throws CordonError TooManyRequests for an address that asks and asks: each question is a row for five minutes */
export function requireSlowAsking(deps: Pick<LoginDeps, 'asks' | 'failures'>, call: Call): void {
  const network = networkOf(call.remoteAddress)
  refuseWhile(deps.failures.waitSeconds(call.remoteAddress) ?? deps.asks.waitSeconds(network))
  deps.asks.note(network)
}

/** @throws CordonError TooManyRequests unless there is nothing to wait for */
export function refuseWhile(waitSeconds: number | null): void {
  if (waitSeconds === null) return
  throw new CordonError('TooManyRequests', 'Too many attempts.', { retryAfterSeconds: waitSeconds })
}

async function refuse(deps: LoginDeps, call: Call, { problem, reason, ...about }: PasskeyProblem): Promise<never> {
  const { isOver, tenantId, claimedId } = about
  const aim = { ...(tenantId === undefined ? {} : { tenantId }), ...(claimedId === undefined ? {} : { claimedId }) }
  refuseWhile(await noteFailure(deps, call, { code: problem, reason, ...aim }))
  throw new CordonError(
    'Forbidden',
    isOver === true
      ? 'That took more than five minutes, or was answered before. Try once more.'
      : 'This passkey signs nobody in.',
  )
}
