import { issuerOf, tokenAlgorithm } from '../../access/issue.ts'
import type { OpenHandler } from '../route.ts'
import { answerDocument, answerSignInError, signInErrors } from './answers.ts'
import { findTenant, type SignInDeps } from './token.ts'
import { readCorrelationId } from './token-request.ts'

/**
 * The OpenID configuration of a tenant. Its URLs stand on the origin the client used, port included: MSAL posts to exactly the
 * `token_endpoint` it reads here.
 */
export function readOpenidConfiguration(deps: SignInDeps): OpenHandler {
  return async (call) => {
    const tenant = await findTenant(deps, call)
    if ('error' in tenant) return answerSignInError(call, deps.clock.now(), readCorrelationId(call), tenant)
    const base = `${call.origin}/${tenant.id}`
    return answerDocument({
      token_endpoint: `${base}/oauth2/v2.0/token`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic', 'none'],
      jwks_uri: `${base}/discovery/v2.0/keys`,
      response_modes_supported: ['query'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [tokenAlgorithm],
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'client_credentials'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
      claims_parameter_supported: false,
      prompt_values_supported: ['none', 'login'],
      scopes_supported: ['openid', 'profile'],
      issuer: issuerOf(call.origin, tenant.id),
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      device_authorization_endpoint: `${base}/oauth2/v2.0/devicecode`,
      claims_supported: [
        ...['sub', 'iss', 'aud', 'exp', 'iat', 'nbf', 'tid', 'oid', 'roles', 'scp'],
        ...['name', 'preferred_username', 'nonce', 'auth_time'],
      ],
    })
  }
}

/** The public halves of the token-signing keys. Retired keys stay in it until their last token has expired. */
export function readSigningKeys(deps: SignInDeps): OpenHandler {
  return async (call) => {
    const tenant = await findTenant(deps, call)
    if ('error' in tenant) return answerSignInError(call, deps.clock.now(), readCorrelationId(call), tenant)
    const issuer = issuerOf(call.origin, tenant.id)
    return answerDocument({
      keys: deps.tokenKeys.map(({ kid, publicJwk }) => ({
        ...publicJwk,
        use: 'sig',
        kid,
        alg: tokenAlgorithm,
        issuer,
      })),
    })
  }
}

/** The device code flow is not offered, which clients learn in the form of a token error. */
export function refuseDeviceFlow(deps: SignInDeps): OpenHandler {
  return async (call) => {
    const tenant = await findTenant(deps, call)
    const refusal = 'error' in tenant ? tenant : signInErrors.unsupportedGrant()
    return answerSignInError(call, deps.clock.now(), readCorrelationId(call), refusal)
  }
}

const explanations: Readonly<Record<number, string>> = Object.fromEntries(
  [
    signInErrors.wrongSecret('{client}'),
    signInErrors.unknownApplication('{client}', '{tenant}'),
    signInErrors.unknownTenant('{tenant}'),
    signInErrors.malformedTenant(),
    signInErrors.unsupportedGrant(),
    signInErrors.invalidCode(),
    signInErrors.missingField('{parameter}'),
    signInErrors.tooManyFailures(1),
  ].map(({ code, description }) => [code, description]),
)

/** Where the `error_uri` of a refusal leads: the code in words. */
export function explainSignInError(): OpenHandler {
  return async (call) => {
    const code = Number(new URLSearchParams(call.rawQuery).get('code'))
    const text = explanations[code]
    const body = text === undefined ? 'No sign-in error of this server has that code.\n' : `AADSTS${code}: ${text}\n`
    return { status: text === undefined ? 404 : 200, contentType: 'text/plain; charset=utf-8', body }
  }
}
