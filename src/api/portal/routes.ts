import { open, type Route } from '../route.ts'
import { listPortalFiles, servePortalFile } from './files.ts'
import { completeLogin, type LoginDeps, showLogin } from './login.ts'
import { drawToken, endSession, readSessionState, type SessionDeps } from './session.ts'

const shell = 'index.html'

/**
 * The portal: its files, which are public and hold no data, and its sign-in. Everything it shows it reads through the Graph routes.
 */
export function portalRoutes(deps: LoginDeps & SessionDeps): Route[] {
  const page = servePortalFile(shell)
  const assets = listPortalFiles().filter((name) => name !== shell)
  return [
    open('GET', '/', 'public', 'none', page),
    open('GET', '/t/:tenant/incidents/:id', 'public', 'none', page),
    ...assets.map((name) => open('GET', `/assets/${name}`, 'public', 'none', servePortalFile(name))),
    open('GET', '/login', 'self', 'none', showLogin(deps)),
    open('POST', '/login', 'self', 'form', completeLogin(deps), 4 * 1024),
    open('GET', '/auth/session', 'self', 'none', readSessionState(deps)),
    open('POST', '/auth/token', 'self', 'none', drawToken(deps)),
    open('POST', '/auth/sign-out', 'self', 'none', endSession(deps)),
  ]
}
