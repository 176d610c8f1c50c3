import { findSignInApplication, proveApplication } from '../../access/applications.ts'
import { redeemCode } from '../../access/codes.ts'
import { issueIdToken, issueToken } from '../../access/issue.ts'
import type { Tenant } from '../../access/tenants.ts'
import type { Answer, Call } from '../route.ts'
import { answerToken, type SignInError, signInErrors } from './answers.ts'
import type { SignInDeps } from './token.ts'
import type { TokenRequest } from './token-request.ts'

/** What is missing of a request that changes a code; undefined when nothing is. */
export function checkCodeFields(asked: TokenRequest): SignInError | undefined {
  if (asked.clientId === undefined) return signInErrors.missingField('client_id')
  if (asked.code === undefined) return signInErrors.missingField('code')
  if (asked.redirectUri === undefined) return signInErrors.missingField('redirect_uri')
  return asked.codeVerifier === undefined ? signInErrors.missingField('code_verifier') : undefined
}

/**
 * Changes a code for an access token that acts for the person who signed in, with no more than the application's own role grants, and for an
 * ID token where `openid` was asked for. There are no refresh tokens: the person's session brings the next code without a question.
 */
export async function changeCode(
  deps: SignInDeps,
  call: Call,
  asked: TokenRequest,
  tenant: Tenant,
): Promise<Answer | SignInError> {
  const { clientId = '', clientSecret, code = '', redirectUri = '', codeVerifier: verifier = '' } = asked
  const application = await findSignInApplication(deps.store.read, tenant.id, clientId)
  if (application === undefined) return signInErrors.unknownApplication(clientId.slice(0, 40), tenant.id)
  if (!application.isPublic) {
    if (clientSecret === undefined) return signInErrors.missingField('client_secret')
    const proved = await proveApplication(deps.store.read, tenant.id, clientId, clientSecret)
    if (typeof proved === 'string') return signInErrors.wrongSecret(application.id)
  }
  const grant = await redeemCode(deps, application, { code, redirectUri, verifier })
  if (grant === undefined) return signInErrors.invalidCode()
  const { subject, scope, nonce, signedInAtSeconds } = grant
  const issued = await issueToken(deps, call.origin, subject)
  const isOpenId = scope.split(' ').includes('openid')
  const person = { ...subject, signedInAtSeconds }
  return answerToken({
    token_type: 'Bearer',
    scope,
    expires_in: issued.expiresInSeconds,
    ext_expires_in: issued.expiresInSeconds,
    access_token: issued.token,
    ...(isOpenId ? { id_token: await issueIdToken(deps, call.origin, application.id, person, nonce) } : {}),
  })
}
