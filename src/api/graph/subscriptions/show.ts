import type { SubscriptionRow } from '../../../store/schema-notify.ts'
import type { ApiVersion } from '../../odata/resource.ts'
import type { Answer, Call } from '../../route.ts'

/** A subscription in Graph's shape. @source design contract 19.1 (entity) */
export function showSubscription(row: SubscriptionRow): object {
  return {
    id: row.id,
    resource: row.resource,
    applicationId: row.owner_kind === 'application' ? row.owner_id : null,
    changeType: row.change_type,
    clientState: row.client_state,
    notificationUrl: row.notification_url,
    notificationQueryOptions: null,
    lifecycleNotificationUrl: row.lifecycle_url,
    expirationDateTime: row.expires_at,
    creatorId: row.owner_id,
    includeResourceData: null,
    latestSupportedTlsVersion: row.tls_version,
    encryptionCertificate: null,
    encryptionCertificateId: null,
    notificationUrlAppId: null,
  }
}

/** An answer with one subscription. */
export function answerSubscription(call: Call, version: ApiVersion, row: SubscriptionRow, status: 200 | 201): Answer {
  const context = `${call.origin}/${version}/$metadata#subscriptions/$entity`
  const location = { Location: `${call.origin}/${version}/subscriptions/${row.id}` }
  return {
    status,
    body: JSON.stringify({ '@odata.context': context, ...showSubscription(row) }),
    ...(status === 201 ? { headers: location } : {}),
  }
}
