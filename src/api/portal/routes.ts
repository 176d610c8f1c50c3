import { open, type Route } from '../route.ts'
import { readBundle, serveBundleFile, serveShell } from './bundle.ts'
import { drawIncident } from './first-paint/incident.ts'
import { readIncidentFacts } from './first-paint/read.ts'
import { completeLogin, type LoginDeps, showLogin } from './login.ts'
import { finishOutsideLogin, startOutside } from './outside.ts'
import { beginPasskeyByLink, completePasskeyByLink } from './passkeys/link.ts'
import { addOwnPasskey, beginOwnPasskey, deleteOwnPasskey, listOwnPasskeys, renameOwnPasskey } from './passkeys/own.ts'
import { maxPasskeyBytes } from './passkeys/party.ts'
import { beginPasskeySignIn, completePasskeySignIn } from './passkeys/sign-in.ts'
import { changePassword } from './password.ts'
import { drawToken, endSession, readSessionState, type SessionDeps } from './session.ts'

/** Every address of the portal has one of these forms; which screen it names, the page decides. */
const pages = [
  '/',
  '/t/:tenant/:screen',
  '/t/:tenant/:screen/:id',
  '/t/:tenant/:screen/:id/:tab',
  '/t/:tenant/:screen/:id/:tab/:item',
]

/**
 * The portal: its files, which are public and hold no data, and its sign-in. Everything it shows it reads through the public API; only what the
 * address of an incident leads to stands in the document already, for the person whom the session names, so that reading need not wait for
 * scripts.
 */
export function portalRoutes(deps: LoginDeps & SessionDeps): Route[] {
  const { files, shell: page } = readBundle()
  const shell = serveShell(page, async (call) => {
    const facts = await readIncidentFacts(deps, call)
    return facts && drawIncident(facts, deps.clock.nowMs())
  })
  return [
    ...pages.map((path) => open('GET', path, 'public', 'none', shell)),
    ...[...files].map(([name, plain]) =>
      open('GET', `/assets/${name}`, 'public', 'none', serveBundleFile(name, plain)),
    ),
    open('GET', '/login', 'self', 'none', showLogin(deps)),
    open('POST', '/login', 'self', 'form', completeLogin(deps), 4 * 1024),
    open('GET', '/auth/issuers/:tenant/:issuer/start', 'self', 'none', startOutside(deps)),
    open('GET', '/auth/issuers/:tenant/:issuer/callback', 'self', 'none', finishOutsideLogin(deps)),
    open('GET', '/auth/session', 'self', 'none', readSessionState(deps)),
    open('POST', '/auth/token', 'self', 'none', drawToken(deps)),
    open('POST', '/auth/password', 'self', 'json', changePassword(deps), 4 * 1024),
    ...passkeyRoutes(deps),
    open('POST', '/auth/sign-out', 'self', 'none', endSession(deps)),
  ]
}

function passkeyRoutes(deps: LoginDeps): Route[] {
  return [
    open('GET', '/auth/passkeys', 'self', 'none', listOwnPasskeys(deps)),
    open('POST', '/auth/passkeys/options', 'self', 'none', beginOwnPasskey(deps)),
    open('POST', '/auth/passkeys', 'self', 'json', addOwnPasskey(deps), maxPasskeyBytes),
    open('PATCH', '/auth/passkeys/:id', 'self', 'json', renameOwnPasskey(deps), 4 * 1024),
    open('DELETE', '/auth/passkeys/:id', 'self', 'none', deleteOwnPasskey(deps)),
    open('POST', '/auth/passkeys/sign-in/options', 'self', 'none', beginPasskeySignIn(deps)),
    open('POST', '/auth/passkeys/sign-in', 'self', 'json', completePasskeySignIn(deps), maxPasskeyBytes),
    open('POST', '/auth/passkeys/link/options', 'self', 'json', beginPasskeyByLink(deps), 4 * 1024),
    open('POST', '/auth/passkeys/link', 'self', 'json', completePasskeyByLink(deps), maxPasskeyBytes),
  ]
}
