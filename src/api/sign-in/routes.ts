import { open, type Route } from '../route.ts'
import { authorize } from './authorize.ts'
import { explainSignInError, readOpenidConfiguration, readSigningKeys, refuseDeviceFlow } from './documents.ts'
import { issueClientToken, type SignInDeps } from './token.ts'

/** The sign-in endpoints of unchanged Graph clients. @source design contract 2.1 */
export function signInRoutes(deps: SignInDeps): Route[] {
  const notOffered = refuseDeviceFlow(deps)
  const maxFormBytes = 64 * 1024
  return [
    open('POST', '/:tenant/oauth2/v2.0/token', 'self', 'form', issueClientToken(deps, 'v2'), maxFormBytes),
    open('POST', '/:tenant/oauth2/token', 'self', 'form', issueClientToken(deps, 'v1'), maxFormBytes),
    open('GET', '/:tenant/v2.0/.well-known/openid-configuration', 'public', 'none', readOpenidConfiguration(deps)),
    open('GET', '/:tenant/discovery/v2.0/keys', 'public', 'none', readSigningKeys(deps)),
    open('GET', '/:tenant/oauth2/v2.0/authorize', 'self', 'none', authorize(deps)),
    open('POST', '/:tenant/oauth2/v2.0/devicecode', 'public', 'form', notOffered, maxFormBytes),
    open('GET', '/error', 'public', 'none', explainSignInError()),
  ]
}
