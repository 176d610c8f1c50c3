import { CordonError } from '../../../model/errors.ts'
import {
  findOwnSubscription,
  listOwnSubscriptions,
  reauthorizeSubscription,
  removeSubscription,
  renewSubscription,
  type SubscribeDeps,
} from '../../../notify/subscribe.ts'
import { watchPermissions } from '../../../notify/subscription.ts'
import { readOptions } from '../../odata/options.ts'
import type { ApiVersion } from '../../odata/resource.ts'
import { type AuthorizedHandler, permitted, type Route } from '../../route.ts'
import { readSubscriptionPatch } from './body.ts'
import { postSubscription } from './create.ts'
import { answerSubscription, showSubscription } from './show.ts'

/** The read permission of anything that can be watched; which one it takes depends on the resource. @source design contract 3.1 (S) */
const anyRead = [...new Set(Object.values(watchPermissions).flat())]

/** `/subscriptions`, one line per operation. Each sees the caller's own only. @source design contract 19.1 */
export function subscriptionRoutes(deps: SubscribeDeps, version: ApiVersion): Route[] {
  const all = `/${version}/subscriptions`
  const one = `${all}/:id`
  return [
    permitted('POST', all, anyRead, 'json', postSubscription(deps, version)),
    permitted('GET', all, anyRead, 'none', getSubscriptions(deps, version)),
    permitted('GET', one, anyRead, 'none', getSubscription(deps, version)),
    permitted('PATCH', one, anyRead, 'json', patchSubscription(deps, version)),
    permitted('DELETE', one, anyRead, 'none', deleteOwnSubscription(deps)),
    permitted('POST', `${one}/reauthorize`, anyRead, 'none', postReauthorize(deps)),
  ]
}

function getSubscriptions(deps: SubscribeDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => {
    readOptions(call.rawQuery, [])
    const rows = await listOwnSubscriptions(deps, call.caller)
    const context = `${call.origin}/${version}/$metadata#subscriptions`
    return { status: 200, body: JSON.stringify({ '@odata.context': context, value: rows.map(showSubscription) }) }
  }
}

function getSubscription(deps: SubscribeDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => {
    readOptions(call.rawQuery, [])
    return answerSubscription(call, version, await findOwnSubscription(deps, call.caller, call.params.id ?? ''), 200)
  }
}

function patchSubscription(deps: SubscribeDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => {
    const id = call.params.id ?? ''
    const { lifecycleUrl, ...change } = readSubscriptionPatch(call.body)
    const known = await findOwnSubscription(deps, call.caller, id)
    if (lifecycleUrl !== null && lifecycleUrl !== known.lifecycle_url) {
      const reason = "Property 'lifecycleNotificationUrl' can be set when the subscription is created only."
      throw new CordonError('BadRequest', reason, { target: 'lifecycleNotificationUrl' })
    }
    const isChange = Object.keys(change).length > 0
    const row = isChange ? await renewSubscription(deps, call.caller, id, change) : known
    return answerSubscription(call, version, row, 200)
  }
}

function deleteOwnSubscription(deps: SubscribeDeps): AuthorizedHandler {
  return async (call) => {
    await removeSubscription(deps, call.caller, call.params.id ?? '')
    return { status: 204 }
  }
}

function postReauthorize(deps: SubscribeDeps): AuthorizedHandler {
  return async (call) => {
    await reauthorizeSubscription(deps, call.caller, call.params.id ?? '')
    return { status: 204 }
  }
}
