import { findOwnIssuer } from '../../access/credentials/passkeys/own.ts'
import { findRelyingParty, type PartyDeps } from '../../access/credentials/passkeys/relying-party.ts'
import {
  checkPassword,
  foldName,
  type GuessLimit,
  type PasswordDeps,
  provePassword,
  setPassword,
} from '../../access/credentials/passwords.ts'
import type { FailureGuard } from '../../access/limits/failures.ts'
import type { OutsideIssuers } from '../../access/outside/issuers.ts'
import { isFromOwnPage, openSession, readLinkOwner, type SignedIn, signIn } from '../../access/sessions.ts'
import { lookUpTenant, type Tenant } from '../../access/tenants.ts'
import { CordonError } from '../../model/errors.ts'
import type { UserRow } from '../../store/schema.ts'
import type { Answer, Call, OpenHandler } from '../route.ts'
import { answerPage, escapeHtml } from './html.ts'
import { answerGoingOn, type PasskeyPlace, showLinkForm, showLoginForm } from './login-page.ts'
import { readNext } from './next.ts'

/** What signing in needs of the rest. */
export interface LoginDeps extends PasswordDeps, PartyDeps {
  readonly failures: FailureGuard
  readonly guesses: GuessLimit
  /** Counts by network address how often somebody who has not signed in asks for something that is stored. */
  readonly asks: GuessLimit
  readonly outside: OutsideIssuers
  /** Where somebody signs in who names no tenant. */
  readonly firstTenantId: string
}

/**
 * The sign-in page: by name and password, by an issuer of the tenant, or by a link. A link only shows a button: chat programs and mail
 * filters that fetch links for a preview would otherwise use it up.
 */
export function showLogin(deps: LoginDeps): OpenHandler {
  return async (call) => {
    const query = new URLSearchParams(call.rawQuery)
    const token = query.get('token') ?? ''
    const next = readNext(query.get('next'))
    if (token !== '') {
      const owner = await readLinkOwner(deps, token)
      return owner === undefined ? refuseLink(deps, call) : showLink(deps, call, owner, { token, next })
    }
    const key = query.get('tenant') ?? /^\/([^/]+)/.exec(next ?? '')?.[1] ?? ''
    const tenant = await chooseTenant(deps, key)
    const issuers = tenant === undefined ? [] : await deps.outside.list(tenant.id)
    return showLoginForm({ tenantKey: key, issuers, next, problem: null, passkeys: findPlace(deps, call) })
  }
}

/** The page behind a link. A passkey is offered where one can be made, to who signs in here and not elsewhere. */
async function showLink(
  deps: LoginDeps,
  call: Call,
  owner: UserRow,
  form: { readonly token: string; readonly next: string | null; readonly problem?: string },
): Promise<Answer> {
  const isOwn = (await findOwnIssuer(deps, owner.tenant_id, owner.id)) === null
  return showLinkForm({ ...form, name: owner.name, takesPasskey: isOwn && findPlace(deps, call).isHere })
}

function findPlace(deps: LoginDeps, call: Call): PasskeyPlace {
  if (findRelyingParty(deps, call) !== null) return { isHere: true }
  const elsewhere = deps.publicOrigins.find((origin) => findRelyingParty(deps, { origin }) !== null)
  return { isHere: false, elsewhere: elsewhere ?? null }
}

/** Uses a link up or checks a password, sets the session's cookie and goes to the portal, or on to where the sign-in began. */
export function completeLogin(deps: LoginDeps): OpenHandler {
  return async (call) => {
    // Another site must not be able to sign a person in as somebody else.
    if (!isFromOwnPage(call)) return answerPage(403, 'Not signed in', '<p>The request came from another site.</p>')
    const form = call.body instanceof URLSearchParams ? call.body : new URLSearchParams()
    return form.has('token') ? useLink(deps, call, form) : usePassword(deps, call, form)
  }
}

/** Counts a failed sign-in. @returns whole seconds to wait, or null */
export function noteFailure(
  deps: Pick<LoginDeps, 'failures'>,
  call: Call,
  failure: { readonly code: string; readonly reason: string; readonly tenantId?: string; readonly claimedId?: string },
): Promise<number | null> {
  const { requestId, clientRequestId, remoteAddress: address } = call
  return deps.failures.note({ address, action: 'signIn', requestId, clientRequestId, ...failure })
}

async function useLink(deps: LoginDeps, call: Call, form: URLSearchParams): Promise<Answer> {
  const token = form.get('token') ?? ''
  const password = form.get('password') ?? ''
  const next = readNext(form.get('next'))
  const owner = await readLinkOwner(deps, token)
  if (owner === undefined) return refuseLink(deps, call)
  if (password !== '') {
    // Before the link is used up: a password the rules forbid costs nothing.
    const problem = findProblem(password, owner.name)
    if (problem !== null) return showLink(deps, call, owner, { token, next, problem })
  }
  const signedIn = await signIn(deps, call, token)
  if (signedIn === undefined) return refuseLink(deps, call)
  if (password === '') return letIn(signedIn, next)
  const conflict = await trySetPassword(deps, call, signedIn, password)
  if (conflict === null) return letIn(signedIn, next)
  const page = answerPage(200, 'Signed in', `<p role="alert">${escapeHtml(conflict)}</p><p><a href="/">Go on</a></p>`)
  return { ...page, headers: { ...page.headers, 'Set-Cookie': signedIn.cookie } }
}

/** @returns what stood against it; the person is signed in all the same */
async function trySetPassword(
  deps: LoginDeps,
  { requestId, clientRequestId }: Call,
  { user, sessionHash }: SignedIn,
  password: string,
): Promise<string | null> {
  const who = { tenantId: user.tenant_id, id: user.id, kind: 'user', name: user.name } as const
  try {
    const input = { userId: user.id, password, keptSession: sessionHash }
    await setPassword(deps, { ...who, requestId, clientRequestId }, input)
    return null
  } catch (cause) {
    if (cause instanceof CordonError && cause.kind === 'Conflict') return cause.message
    throw cause
  }
}

async function usePassword(deps: LoginDeps, call: Call, form: URLSearchParams): Promise<Answer> {
  const { name = '', password = '', tenant: key = '' } = Object.fromEntries(form)
  const next = readNext(form.get('next'))
  const tenant = await chooseTenant(deps, key)
  const guessed = `${tenant?.id ?? ''} ${foldName(name)}`
  const waitSeconds = deps.failures.waitSeconds(call.remoteAddress) ?? deps.guesses.waitSeconds(guessed)
  if (waitSeconds !== null) return tooMany(waitSeconds)
  const person = await provePassword(deps, tenant?.id ?? '', name, password)
  const signedIn =
    person === undefined ? undefined : await openSession(deps, call, { by: 'password' }, async () => person)
  if (signedIn !== undefined) {
    deps.guesses.clear(guessed)
    return letIn(signedIn, next)
  }
  deps.guesses.note(guessed)
  const where = tenant === undefined ? {} : { tenantId: tenant.id }
  const wait = await noteFailure(deps, call, { code: 'InvalidPassword', reason: 'name or password is wrong', ...where })
  if (wait !== null) return tooMany(wait)
  const issuers = tenant === undefined ? [] : await deps.outside.list(tenant.id)
  return showLoginForm({
    tenantKey: key,
    issuers,
    next,
    problem: 'Name or password is wrong.',
    passkeys: findPlace(deps, call),
  })
}

function letIn({ cookie }: SignedIn, next: string | null): Answer {
  if (next === null) {
    return { status: 303, headers: { Location: '/', 'Set-Cookie': cookie, 'Cache-Control': 'no-store' } }
  }
  // A redirect would belong to the form, and the page's policy lets forms lead to this server only.
  const page = answerGoingOn(200, 'Signed in', `<p><a href="${escapeHtml(next)}">Go on</a></p>`, next)
  return { ...page, headers: { ...page.headers, 'Set-Cookie': cookie } }
}

async function chooseTenant(deps: LoginDeps, key: string): Promise<Tenant | undefined> {
  const tenant = await lookUpTenant(deps.store.read, key === '' ? deps.firstTenantId : key)
  return typeof tenant === 'string' ? undefined : tenant
}

function findProblem(password: string, name: string): string | null {
  try {
    checkPassword(password, name)
    return null
  } catch (cause) {
    if (cause instanceof CordonError) return cause.message
    throw cause
  }
}

function tooMany(waitSeconds: number): Answer {
  const page = answerPage(429, 'Too many attempts', `<p>Try again in ${waitSeconds} seconds.</p>`)
  return { ...page, headers: { ...page.headers, 'Retry-After': String(waitSeconds) } }
}

async function refuseLink(deps: LoginDeps, call: Call): Promise<Answer> {
  const reason = 'sign-in link unknown, used or ended'
  const waitSeconds = await noteFailure(deps, call, { code: 'InvalidSignInLink', reason })
  if (waitSeconds !== null) return tooMany(waitSeconds)
  const main = `<p>It was used before, or is older than an hour. A new one is made on the server:</p>
<pre>cordon user link --name admin --data DIR</pre>
<p><a href="/login">Sign in</a></p>`
  return answerPage(410, 'This link has ended', main)
}
