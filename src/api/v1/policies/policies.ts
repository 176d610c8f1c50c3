import { CordonError } from '../../../model/errors.ts'
import { type PolicyDeps, replacePolicy } from '../../../respond/safety/policies.ts'
import type { Store } from '../../../store/db.ts'
import { readStoredPolicy, type StoredPolicy } from '../../../store/safety/policies.ts'
import { readAcceptedVersions } from '../../graph/precondition.ts'
import type { Answer, AuthorizedHandler } from '../../route.ts'

/** GET /api/v1/policies: the tenant's safety policy, whole, with its ETag. */
export function getPolicies(deps: { readonly store: Store }): AuthorizedHandler {
  return async (call) => answerPolicy(await readStoredPolicy(deps.store.read, call.caller.tenantId))
}

/** PUT /api/v1/policies: puts another policy in its place. If-Match is required: `*` for whatever stands there. */
export function replacePolicies(deps: PolicyDeps): AuthorizedHandler {
  return async (call) => {
    if (call.headers['if-match'] === undefined) {
      throw new CordonError(
        'BadRequest',
        'Send If-Match with the ETag of the policy you have read, or * to replace any.',
        {
          target: 'If-Match',
        },
      )
    }
    return answerPolicy(await replacePolicy(deps, call.caller, call.body, readAcceptedVersions(call.headers)))
  }
}

/** An answer with the policy, and who changed it last. */
export function answerPolicy({ policy, version, updatedAt, updatedBy }: StoredPolicy): Answer {
  const body = { ...policy, version, lastModifiedDateTime: updatedAt, lastModifiedBy: updatedBy }
  return { status: 200, body: JSON.stringify(body), headers: { ETag: `W/"${version}"` } }
}
