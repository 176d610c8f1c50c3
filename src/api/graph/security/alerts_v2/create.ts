import { checkTimes } from '../../../../intake/intake.ts'
import { isRejection, type NormalisedAlert, type Rejection } from '../../../../intake/normalised.ts'
import { type ReceiveDeps, receiveOne } from '../../../../intake/receive.ts'
import { normaliseAlertBody } from '../../../../intake/sources/graph.ts'
import { CordonError } from '../../../../model/errors.ts'
import { readPreferences } from '../../../odata/prefer.ts'
import type { ApiVersion } from '../../../odata/resource.ts'
import type { AuthorizedHandler } from '../../../route.ts'
import { readBodyEntity } from '../../body.ts'
import { answerEntity, type GraphDeps, wholeEntity } from '../../collection.ts'
import { alerts } from '../../collections.ts'

/**
 * POST /security/alerts_v2: takes one alert in. 201 with the alert and the incident it stands in; 200 when the same sender has sent an
 * alert with this providerAlertId before, which is then brought up to date. A documented extension.
 * @source design contract 10, A6
 */
export function createAlert(deps: GraphDeps & ReceiveDeps, version: ApiVersion): AuthorizedHandler {
  return async (call) => {
    const preferences = readPreferences(call.headers.prefer)
    const body = readBodyEntity('alert', call.body, 'create', preferences)
    const receivedAt = deps.clock.now()
    const alert = orRefuse(normaliseAlertBody(body, { receivedAt, senderId: call.caller.id }))
    const { outcome, alert: stored } = await receiveOne(deps, call.caller, orRefuse(checkTimes(alert, receivedAt)))
    const record = await alerts.find(deps.store, call.caller.tenantId, stored.doc.id)
    if (record === null) throw new CordonError('NotFound', alerts.missing(stored.doc.id))
    const status = outcome === 'created' ? 201 : 200
    const answer = await answerEntity(deps, version, alerts, call, { record, query: wholeEntity, preferences, status })
    const location = `${call.origin}/${version}/security/alerts_v2/${stored.doc.id}`
    return outcome === 'created' ? { ...answer, headers: { ...answer.headers, Location: location } } : answer
  }
}

function orRefuse(outcome: NormalisedAlert | Rejection): NormalisedAlert {
  if (isRejection(outcome)) throw new CordonError('BadRequest', outcome.rejected)
  return outcome
}
