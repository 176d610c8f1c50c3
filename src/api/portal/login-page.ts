import { minPasswordLength } from '../../access/credentials/passwords.ts'
import type { OutsideIssuer } from '../../access/outside/issuers.ts'
import type { Answer } from '../route.ts'
import { answerPage, escapeHtml } from './html.ts'

/** A page that goes on by itself, when it is told where to. */
export function answerGoingOn(status: number, title: string, main: string, goOnTo: string | null): Answer {
  const page = answerPage(status, title, main)
  return goOnTo === null ? page : { ...page, headers: { ...page.headers, Refresh: `0;url=${goOnTo}` } }
}

/** Whether browsers have passkeys at the address the page was opened by; if not, an address of the server where they do, or null. */
export type PasskeyPlace = { readonly isHere: true } | { readonly isHere: false; readonly elsewhere: string | null }

/** What stands on the sign-in page. */
export interface LoginForm {
  /** As it was given: domain or id; empty for the first tenant. */
  readonly tenantKey: string
  readonly issuers: readonly OutsideIssuer[]
  readonly next: string | null
  readonly problem: string | null
  readonly passkeys: PasskeyPlace
}

/** The sign-in page. It says of a name neither that it exists nor that it does not. */
export function showLoginForm({ tenantKey, issuers, next, problem, passkeys }: LoginForm): Answer {
  const query = next === null ? '' : `?next=${encodeURIComponent(next)}`
  const links = issuers.map(
    ({ tenantId, id, name }) =>
      `<p><a class="button" href="/auth/issuers/${tenantId}/${id}/start${escapeHtml(query)}">Sign in with ${escapeHtml(name)}</a></p>`,
  )
  const offer = offerPasskey(next, {}, '<p><button type="button">Sign in with a passkey</button></p>')
  const main = `${showProblem(problem)}${passkeys.isHere ? offer : explainPlace(passkeys.elsewhere)}
${links.join('\n')}
<form method="post" action="/login">
${hidden('next', next)}
<p><label>Name<br><input name="name" autocomplete="${passkeys.isHere ? 'username webauthn' : 'username'}" maxlength="120" required></label></p>
<p><label>Password<br><input name="password" type="password" autocomplete="current-password" maxlength="256" required></label></p>
<p><label>Tenant, where it is not the first<br><input name="tenant" maxlength="253" value="${escapeHtml(tenantKey)}"></label></p>
<p><button type="submit">Sign in</button></p>
</form>
<p>Without a password, open the sign-in link that <code>cordon serve</code> printed, or have a new one made on the server:</p>
<pre>cordon user link --name admin --data DIR</pre>`
  return answerPage(problem === null ? 200 : 403, 'Sign in', main)
}

/** The page behind a link. */
export function showLinkForm(form: {
  readonly name: string
  readonly token: string
  readonly next: string | null
  /** Whether a passkey can be made here, for this person. */
  readonly takesPasskey: boolean
  readonly problem?: string
}): Answer {
  const { name, token, next, takesPasskey, problem = null } = form
  const main = `${showProblem(problem)}<p>This link signs you in as <strong>${escapeHtml(name)}</strong>. It works once.</p>
<form method="post" action="/login">
${hidden('token', token)}
${hidden('next', next)}
<p><label>New password, if you want one for next time<br><input name="password" type="password" autocomplete="new-password" maxlength="256" aria-describedby="rule"></label></p>
<p id="rule">At least ${minPasswordLength} characters; several words make a good one.</p>
<p><button type="submit">Sign in</button></p>
</form>
${takesPasskey ? offerPasskey(next, { token }, newPasskey) : ''}`
  return answerPage(problem === null ? 200 : 400, 'Sign in', main)
}

const newPasskey = `<h2>Or with a passkey</h2>
<p>Nothing to remember: next time this device, or one that shares its passkeys, asks for your finger, face or PIN.</p>
<p><label>What to call it<br><input maxlength="120" value="Passkey" autocomplete="off"></label></p>
<p><button type="button">Make a passkey and go on</button></p>`

/** Hidden until the script that comes with it has found that the browser can do it (src/portal/app/frame/sign-in/page.ts). */
function offerPasskey(next: string | null, data: { readonly token?: string }, content: string): string {
  const facts = Object.entries({ ...data, next: next ?? '' }).map(
    ([name, value]) => `data-${name}="${escapeHtml(value)}"`,
  )
  return `<div id="passkey" ${facts.join(' ')} hidden>
${content}
<p role="alert" class="error"></p>
</div>
<script type="module" src="/assets/sign-in.js"></script>`
}

function explainPlace(elsewhere: string | null): string {
  const where =
    elsewhere === null
      ? 'open Cordon by its host name'
      : `<a href="${escapeHtml(elsewhere)}/login">open ${escapeHtml(elsewhere)}</a>`
  return `<p>Browsers have no passkeys at a bare IP address: to use one, ${where}.</p>`
}

function showProblem(problem: string | null): string {
  return problem === null ? '' : `<p role="alert">${escapeHtml(problem)}</p>\n`
}

function hidden(name: string, value: string | null): string {
  return value === null ? '' : `<input type="hidden" name="${name}" value="${escapeHtml(value)}">`
}
