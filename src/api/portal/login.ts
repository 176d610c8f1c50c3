import type { FailureGuard } from '../../access/failures.ts'
import { isFromOwnPage, isLinkToken, readLinkOwner, signIn } from '../../access/sessions.ts'
import type { AccessDeps } from '../../access/tenants.ts'
import type { Answer, Call, OpenHandler } from '../route.ts'
import { answerPage, escapeHtml } from './html.ts'

/** What signing in needs of the rest. */
export interface LoginDeps extends AccessDeps {
  readonly failures: FailureGuard
}

/**
 * The page behind a sign-in link. It only shows a button: chat programs and mail filters that fetch links for a preview would otherwise
 * use the link up.
 */
export function showLogin(deps: LoginDeps): OpenHandler {
  return async (call) => {
    const token = new URLSearchParams(call.rawQuery).get('token') ?? ''
    if (token === '') return answerPage(200, 'Sign in', howToSignIn)
    const name = await readLinkOwner(deps, token)
    if (name === undefined || !isLinkToken(token)) return refuseLink(deps, call)
    const form = `<p>This link signs you in as <strong>${escapeHtml(name)}</strong>. It works once.</p>
<form method="post" action="/login">
<input type="hidden" name="token" value="${escapeHtml(token)}">
<button type="submit">Sign in</button>
</form>`
    return answerPage(200, 'Sign in', form)
  }
}

/** Uses the link up, sets the session's cookie and goes to the portal. */
export function completeLogin(deps: LoginDeps): OpenHandler {
  return async (call) => {
    // Another site must not be able to sign a person in as somebody else.
    if (!isFromOwnPage(call)) return answerPage(403, 'Not signed in', '<p>The request came from another site.</p>')
    const token = call.body instanceof URLSearchParams ? (call.body.get('token') ?? '') : ''
    const cookie = await signIn(deps, call, token)
    if (cookie === undefined) return refuseLink(deps, call)
    return { status: 303, headers: { Location: '/', 'Set-Cookie': cookie, 'Cache-Control': 'no-store' } }
  }
}

const howToSignIn = `<p>Cordon has no passwords. Open the sign-in link that <code>cordon serve</code> printed, or make a new one on the server:</p>
<pre>cordon user link --name admin --data DIR</pre>`

async function refuseLink(deps: LoginDeps, call: Call): Promise<Answer> {
  const waitSeconds = await deps.failures.note({
    address: call.remoteAddress,
    action: 'signIn',
    code: 'InvalidSignInLink',
    reason: 'sign-in link unknown, used or ended',
    requestId: call.requestId,
    clientRequestId: call.clientRequestId,
  })
  if (waitSeconds === null) {
    return answerPage(410, 'This link has ended', `<p>It was used before, or is older than an hour.</p>${howToSignIn}`)
  }
  const page = answerPage(429, 'Too many attempts', `<p>Try again in ${waitSeconds} seconds.</p>`)
  return { ...page, headers: { ...page.headers, 'Retry-After': String(waitSeconds) } }
}
