import { instantOf, msOf } from '../io/clock.ts'
import type { Logger } from '../io/log.ts'
import type { Outbound } from '../io/outbound.ts'
import type { Job, JobHandler } from '../jobs/worker.ts'
import type { SubscriptionRow } from '../store/schema-notify.ts'
import { readSubscription } from '../store/subscriptions.ts'
import { endSubscription, type FanOutDeps, mayOwnerRead, queueLifecycle } from './fan-out.ts'
import { createPace, type Pace } from './pace.ts'
import { createDeliverMessage } from './people/deliver.ts'
import { createEscalate, startEscalation } from './people/escalate.ts'
import type { PeopleDeps } from './people/reach.ts'
import { createTellPeople } from './people/tell.ts'
import { collectionOf, type Notification, pauseAfterFailure, watchedOf } from './subscription.ts'

/** What delivering needs. */
export interface DeliverDeps extends FanOutDeps, PeopleDeps {
  readonly log: Logger
  readonly outbound: Outbound
}

/** @source design contract 19.1 (acknowledgement) */
const acknowledgeMs = 3_000

/**
 * The handlers that bring notifications to programs and people, who share what may be under way at once. For programs: A receiver acknowledges with 2xx within 3 s; else the same notifications, with
 * the same ids, come again for up to 4 h. A receiver that is often slow is asked less often.
 */
export function createDeliveries(deps: DeliverDeps): Readonly<Record<string, JobHandler>> {
  const pace = createPace(deps.clock)
  return {
    'deliver-notifications': (job) => deliverNotifications(deps, pace, job),
    'deliver-lifecycle': (job) => deliverLifecycle(deps, pace, job),
    'tell-people': createTellPeople(deps, (...what) => startEscalation(deps, ...what)),
    'deliver-message': createDeliverMessage(deps, pace),
    escalate: createEscalate(deps),
  }
}

type Again = { readonly runAgainAt: string } | undefined

/** What fan-out.ts put into the job. */
interface NotificationsPayload {
  readonly subscriptionId: string
  readonly since: string
  readonly notifications: readonly Notification[]
}

async function deliverNotifications(deps: DeliverDeps, pace: Pace, job: Job): Promise<Again> {
  const payload = job.payload as NotificationsPayload
  const subscription = await readSubscription(deps.store.read, job.tenantId, payload.subscriptionId)
  if (subscription === undefined || subscription.expires_at <= deps.clock.now()) return undefined
  if (!(await mayOwnerRead(deps.store.read, subscription))) {
    await endSubscription(deps, subscription, 'The owner may no longer read the resource.', 'subscriptionRemoved')
    return undefined
  }
  const value = payload.notifications.map((notification) => writeNotification(subscription, notification))
  const outcome = await attempt(deps, pace, job, subscription.notification_url, payload.since, value)
  if (outcome !== 'given up') return outcome === 'done' ? undefined : outcome
  deps.log.warn({ subscriptionId: subscription.id, count: value.length }, 'notifications were not delivered in 4 h')
  await queueLifecycle(deps, subscription, 'missed')
  return undefined
}

async function deliverLifecycle(deps: DeliverDeps, pace: Pace, job: Job): Promise<Again> {
  const { url, since, said } = job.payload as { readonly url: string; readonly since: string; readonly said: object }
  const outcome = await attempt(deps, pace, job, url, since, [said])
  return outcome === 'done' || outcome === 'given up' ? undefined : outcome
}

/** @source design contract 19.1 (delivery) */
function writeNotification(subscription: SubscriptionRow, notification: Notification): object {
  const watched = watchedOf(subscription)
  const path = `${collectionOf(watched)}('${notification.objectId.replaceAll("'", "''")}')`
  return {
    subscriptionId: subscription.id,
    subscriptionExpirationDateTime: subscription.expires_at,
    changeType: notification.changeType,
    resource: path,
    tenantId: subscription.tenant_id,
    clientState: subscription.client_state,
    id: notification.id,
    resourceData: {
      '@odata.type': `#microsoft.graph.security.${watched}`,
      '@odata.id': path,
      ...(notification.etag === null ? {} : { '@odata.etag': notification.etag }),
      id: notification.objectId,
    },
  }
}

async function attempt(
  deps: DeliverDeps,
  pace: Pace,
  job: Job,
  url: string,
  since: string,
  value: readonly object[],
): Promise<'done' | 'given up' | { readonly runAgainAt: string }> {
  const { host } = new URL(url)
  const waitMs = pace.enter(host)
  if (waitMs > 0) return { runAgainAt: instantOf(deps.clock.nowMs() + waitMs) }
  const body = JSON.stringify({ value })
  const startedMs = performance.now()
  const answer = await deps.outbound
    .post({ url, contentType: 'application/json; charset=utf-8', body, timeoutMs: acknowledgeMs })
    .finally(() => pace.leave(host, performance.now() - startedMs))
  if (!('failed' in answer) && answer.status >= 200 && answer.status < 300) return 'done'
  const reason = 'failed' in answer ? answer.reason : `answered ${answer.status}`
  const nowMs = deps.clock.nowMs()
  const pauseMs = pauseAfterFailure(nowMs - msOf(since), spreadOf(job.id))
  deps.log.debug({ jobId: job.id, reason, pauseMs }, 'a notification was not acknowledged')
  return pauseMs === null ? 'given up' : { runAgainAt: instantOf(nowMs + pauseMs) }
}

/** A number from 0 to 1 that is another for each job. */
function spreadOf(id: string): number {
  return Number.parseInt(id.slice(0, 4), 16) / 0xffff
}
