import { requirePermission } from '../../../access/authorize.ts'
import { CordonError } from '../../../model/errors.ts'
import { createSubscription, type SubscribeDeps } from '../../../notify/subscribe.ts'
import { watchPermissions } from '../../../notify/subscription.ts'
import type { WatchedKind } from '../../../store/changes.ts'
import type { Store } from '../../../store/db.ts'
import type { ApiVersion } from '../../odata/resource.ts'
import type { AuthorizedHandler } from '../../route.ts'
import { alerts, incidents, tasks } from '../collections.ts'
import { readSubscriptionDraft } from './body.ts'
import { answerSubscription } from './show.ts'

/** POST /subscriptions: 201 once the endpoints have answered their validation requests. @source design contract 19.1 */
export function postSubscription(deps: SubscribeDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => {
    const draft = readSubscriptionDraft(call.body)
    requirePermission(call.caller, watchPermissions[draft.watched])
    if (draft.objectId !== null && !(await exists(deps.store, call.caller.tenantId, draft.watched, draft.objectId))) {
      throw new CordonError('NotFound', 'The watched resource was not found.', { target: 'resource' })
    }
    return answerSubscription(call, version, await createSubscription(deps, call.caller, draft), 201)
  }
}

async function exists(store: Store, tenantId: string, watched: WatchedKind, id: string): Promise<boolean> {
  for (const collection of [incidents, alerts, tasks]) {
    if (collection.event === watched) return (await collection.find(store, tenantId, id)) !== null
  }
  return false
}
