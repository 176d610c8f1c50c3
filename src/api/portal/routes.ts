import { open, type Route } from '../route.ts'
import { listBundleFiles, serveBundleFile, serveShell } from './bundle.ts'
import { completeLogin, type LoginDeps, showLogin } from './login.ts'
import { finishOutsideLogin, startOutside } from './outside.ts'
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
 * The portal: its files, which are public and hold no data, and its sign-in. Everything it shows it reads through the public API.
 */
export function portalRoutes(deps: LoginDeps & SessionDeps): Route[] {
  const shell = serveShell()
  return [
    ...pages.map((path) => open('GET', path, 'public', 'none', shell)),
    ...listBundleFiles().map((name) => open('GET', `/assets/${name}`, 'public', 'none', serveBundleFile(name))),
    open('GET', '/login', 'self', 'none', showLogin(deps)),
    open('POST', '/login', 'self', 'form', completeLogin(deps), 4 * 1024),
    open('GET', '/auth/issuers/:tenant/:issuer/start', 'self', 'none', startOutside(deps)),
    open('GET', '/auth/issuers/:tenant/:issuer/callback', 'self', 'none', finishOutsideLogin(deps)),
    open('GET', '/auth/session', 'self', 'none', readSessionState(deps)),
    open('POST', '/auth/token', 'self', 'none', drawToken(deps)),
    open('POST', '/auth/password', 'self', 'json', changePassword(deps), 4 * 1024),
    open('POST', '/auth/sign-out', 'self', 'none', endSession(deps)),
  ]
}
