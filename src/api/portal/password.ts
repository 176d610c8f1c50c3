import { requireFreshSession } from '../../access/credentials/passkeys/own.ts'
import { checkOwnPassword, setPassword } from '../../access/credentials/passwords.ts'
import { authenticateSession, requireSession } from '../../access/sessions.ts'
import { CordonError } from '../../model/errors.ts'
import { nullable, object, text } from '../../model/safety/fields.ts'
import { listPasskeys } from '../../store/passkeys.ts'
import type { OpenHandler } from '../route.ts'
import { readFields } from '../v1/read-fields.ts'
import { type LoginDeps, noteFailure } from './login.ts'

const body = object<{ readonly current: string | null; readonly password: string }>({
  current: { read: nullable(text(256)), absent: null },
  password: text(256),
})

/**
 * Sets the password of the person who is signed in, and ends their other sessions. Who has one shows it first, or their passkey: a browser
 * left open for a minute is not worth an account.
 */
export function changePassword(deps: LoginDeps): OpenHandler {
  return async (call) => {
    const session = await requireSession(deps, call)
    const { tenantId, user, hash } = session
    const actor = await authenticateSession(deps, call)
    const { current, password } = readFields(body, call.body)
    const key = `${tenantId} ${user.id}`
    const waitSeconds = deps.failures.waitSeconds(call.remoteAddress) ?? deps.guesses.waitSeconds(key)
    if (waitSeconds !== null) {
      throw new CordonError('TooManyRequests', 'Too many wrong passwords.', { retryAfterSeconds: waitSeconds })
    }
    const known = await checkOwnPassword(deps, tenantId, user.id, current ?? '')
    // Who signs in with a passkey shows that one first.
    const hasPasskey = known === 'none' && (await listPasskeys(deps.store.read, tenantId, user.id)).length > 0
    if (hasPasskey) requireFreshSession(deps, session)
    if (known === 'wrong') {
      deps.guesses.note(key)
      const failure = { code: 'InvalidPassword', reason: 'the current password is wrong' }
      await noteFailure(deps, call, { ...failure, tenantId, claimedId: user.id })
      throw new CordonError('Forbidden', 'The current password is wrong.', { target: 'current' })
    }
    await setPassword(deps, actor, { userId: user.id, password, keptSession: hash })
    return { status: 204, headers: { 'Cache-Control': 'no-store' } }
  }
}
