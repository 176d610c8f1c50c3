import { proveApplication } from '../../access/applications.ts'
import { type IssueDeps, issueToken } from '../../access/issue.ts'
import type { FailureGuard } from '../../access/limits/failures.ts'
import { isGuid } from '../../access/names.ts'
import { lookUpTenant, lookUpTenantOfClient, type Tenant } from '../../access/tenants.ts'
import type { Store } from '../../store/db.ts'
import type { Call, OpenHandler } from '../route.ts'
import { answerSignInError, answerToken, type SignInError, signInErrors } from './answers.ts'
import { changeCode, checkCodeFields } from './code-grant.ts'
import { readTokenRequest, type TokenRequest } from './token-request.ts'

/** What the sign-in endpoints need of the rest. */
export interface SignInDeps extends IssueDeps {
  readonly store: Pick<Store, 'read' | 'transaction'>
  readonly failures: FailureGuard
}

/**
 * The token endpoint. Client credentials: whatever scope or resource is asked for, the token is for Cordon and carries what the
 * application's role grants.
 * @param version `v2` demands a `scope`, as Entra's v2.0 endpoint does; `v1` takes `resource` and demands nothing
 * @source design contract 2.2 and 2.3
 */
export function issueClientToken(deps: SignInDeps, version: 'v1' | 'v2'): OpenHandler {
  return async (call) => {
    const asked = readTokenRequest(call)
    const refuse = (refusal: SignInError) => answerSignInError(call, deps.clock.now(), asked.correlationId, refusal)
    const waitSeconds = deps.failures.waitSeconds(call.remoteAddress)
    if (waitSeconds !== null) return refuse(signInErrors.tooManyFailures(waitSeconds))

    const tenant = await findTenant(deps, call, asked.clientId)
    if ('error' in tenant) return refuse(await countFailure(deps, call, asked, tenant))
    const incomplete = checkFields(asked, version)
    if (incomplete !== undefined) return refuse(incomplete)
    if (asked.grantType === 'authorization_code') {
      const changed = await changeCode(deps, call, asked, tenant)
      return 'error' in changed ? refuse(await countFailure(deps, call, asked, changed, tenant.id)) : changed
    }
    const { clientId = '', clientSecret = '' } = asked
    const application = await proveApplication(deps.store.read, tenant.id, clientId, clientSecret)
    if (typeof application === 'string') {
      const shown = isGuid(clientId) ? clientId.toLowerCase() : 'not a GUID'
      const refusal =
        application === 'unknown' ? signInErrors.unknownApplication(shown, tenant.id) : signInErrors.wrongSecret(shown)
      return refuse(await countFailure(deps, call, asked, refusal, tenant.id))
    }
    const issued = await issueToken(deps, call.origin, { kind: 'application', ...application })
    return answerToken({
      token_type: 'Bearer',
      expires_in: issued.expiresInSeconds,
      ext_expires_in: issued.expiresInSeconds,
      access_token: issued.token,
    })
  }
}

/**
 * The tenant a sign-in URL names, or the refusal to answer with. `organizations` stands for the tenant of the application that asks.
 * @param clientId of a token request
 */
export async function findTenant(
  deps: Pick<SignInDeps, 'store'>,
  call: Call,
  clientId?: string,
): Promise<Tenant | SignInError> {
  const key = call.params.tenant ?? ''
  const isOwn = key.toLowerCase() === 'organizations'
  const tenant = await (isOwn ? lookUpTenantOfClient(deps.store.read, clientId) : lookUpTenant(deps.store.read, key))
  if (tenant === 'malformed') return signInErrors.malformedTenant()
  return tenant === 'unknown' ? signInErrors.unknownTenant(key.toLowerCase()) : tenant
}

function checkFields(asked: TokenRequest, version: 'v1' | 'v2'): SignInError | undefined {
  if (asked.grantType === undefined) return signInErrors.missingField('grant_type')
  if (asked.grantType === 'authorization_code') return checkCodeFields(asked)
  if (asked.grantType !== 'client_credentials') return signInErrors.unsupportedGrant()
  if (asked.clientId === undefined) return signInErrors.missingField('client_id')
  if (asked.clientSecret === undefined) return signInErrors.missingField('client_secret')
  if (version === 'v2' && asked.scope === undefined) return signInErrors.missingField('scope')
  return undefined
}

async function countFailure(
  deps: SignInDeps,
  call: Call,
  asked: TokenRequest,
  refusal: SignInError,
  tenantId?: string,
): Promise<SignInError> {
  const claimedId = asked.clientId?.toLowerCase() ?? ''
  const waitSeconds = await deps.failures.note({
    address: call.remoteAddress,
    action: 'issueToken',
    code: `AADSTS${refusal.code}`,
    reason: refusal.error,
    requestId: call.requestId,
    clientRequestId: asked.correlationId,
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(isGuid(claimedId) ? { claimedId } : {}),
  })
  return waitSeconds === null ? refusal : signInErrors.tooManyFailures(waitSeconds)
}
