import { isGuid } from '../../access/names.ts'
import type { OutsideIssuer, OutsideProblem } from '../../access/outside/issuers.ts'
import { beginOutside, finishOutside, forgetAttempt, type OutsideDeps } from '../../access/outside/sign-in.ts'
import type { Answer, Call, OpenHandler } from '../route.ts'
import { answerPage, escapeHtml } from './html.ts'
import { type LoginDeps, noteFailure } from './login.ts'
import { readNext } from './next.ts'

/** Sends the browser to the issuer. A link, not a form: the page's policy lets forms go to this server only. */
export function startOutside(deps: LoginDeps & OutsideDeps): OpenHandler {
  return async (call) => {
    const issuer = await findIssuer(deps, call)
    if (issuer === undefined) return absent()
    const next = readNext(new URLSearchParams(call.rawQuery).get('next'))
    const departure = await beginOutside(deps, call, issuer, next ?? '')
    if ('problem' in departure) return refuse(deps, call, issuer, departure)
    const headers = { Location: departure.location, 'Set-Cookie': departure.cookie, 'Cache-Control': 'no-store' }
    return { status: 303, headers: { ...headers, 'Referrer-Policy': 'no-referrer' } }
  }
}

/** Where the issuer sends the browser back to. */
export function finishOutsideLogin(deps: LoginDeps & OutsideDeps): OpenHandler {
  return async (call) => {
    const issuer = await findIssuer(deps, call)
    if (issuer === undefined) return absent()
    const waitSeconds = deps.failures.waitSeconds(call.remoteAddress)
    if (waitSeconds !== null) return tooMany(waitSeconds)
    const arrival = await finishOutside(deps, call, issuer, call.rawQuery)
    if ('problem' in arrival) return refuse(deps, call, issuer, arrival)
    // The attempt's cookie ends by itself and is good for no second answer: the issuer takes its code once.
    const headers = { Location: readNext(arrival.next) ?? '/', 'Set-Cookie': arrival.cookie }
    return { status: 303, headers: { ...headers, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' } }
  }
}

async function findIssuer(deps: OutsideDeps, call: Call): Promise<OutsideIssuer | undefined> {
  const { tenant = '', issuer = '' } = call.params
  if (!isGuid(tenant) || !isGuid(issuer)) return undefined
  return (await deps.outside.list(tenant.toLowerCase())).find(({ id }) => id === issuer.toLowerCase())
}

function absent(): Answer {
  return answerPage(404, 'Not signed in', '<p>There is no such way to sign in. <a href="/login">Sign in</a></p>')
}

function tooMany(waitSeconds: number): Answer {
  const page = answerPage(429, 'Too many attempts', `<p>Try again in ${waitSeconds} seconds.</p>`)
  return { ...page, headers: { ...page.headers, 'Retry-After': String(waitSeconds) } }
}

async function refuse(
  deps: LoginDeps,
  call: Call,
  issuer: OutsideIssuer,
  { problem, detail }: OutsideProblem,
): Promise<Answer> {
  const reason = `${issuer.name}: ${detail}`
  const waitSeconds = await noteFailure(deps, call, { code: problem, reason, tenantId: issuer.tenantId })
  if (waitSeconds !== null) return tooMany(waitSeconds)
  const main = `<p>${escapeHtml(detail)} <code>${escapeHtml(problem)}</code></p><p><a href="/login">Sign in</a></p>`
  const page = answerPage(403, 'Not signed in', main)
  return { ...page, headers: { ...page.headers, 'Set-Cookie': forgetAttempt(call) } }
}
