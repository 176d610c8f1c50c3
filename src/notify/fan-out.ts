import type { Clock, Ids } from '../io/clock.ts'
import { isRoleName, rolePermissions } from '../model/permissions.ts'
import type { BoundFilter, BoundQuery } from '../model/query.ts'
import { readApplication, readUser } from '../store/access.ts'
import { type ChangeEvent, readChangeEvents, type WatchedKind } from '../store/changes.ts'
import { type Db, noteJobs, type Store, type Tx } from '../store/db.ts'
import { insertJob, type NewJob } from '../store/jobs.ts'
import { pageAlerts, pageIncidents, pageTasks } from '../store/pages.ts'
import { recordChange } from '../store/record.ts'
import type { SubscriptionRow } from '../store/schema-notify.ts'
import { advanceSubscription, deleteSubscription, updateSubscription } from '../store/subscriptions.ts'
import { changeTypes, type LifecycleEvent, type Notification, watchedOf, watchPermissions } from './subscription.ts'

/** What turning changes into deliveries needs. */
export interface FanOutDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
}

/** Changes looked at in one transaction, and notifications in one request. */
const maxEvents = 500
const maxNotifications = 50

/**
 * Queues what a subscription has not been told of yet, up to `until`. The queue and the subscription's place change together, so that every
 * change is queued once, whatever crashes or which server does it.
 */
export async function fanOut(deps: FanOutDeps, subscription: SubscriptionRow, until: number): Promise<void> {
  let { position } = subscription
  while (position < until) {
    const range = {
      tenantId: subscription.tenant_id,
      resource: watchedOf(subscription),
      after: position,
      until,
    }
    const events = await readChangeEvents(deps.store.read, range, maxEvents)
    const next = events.length < maxEvents ? until : (events.at(-1)?.seq ?? until)
    const notifications = await selectNotifications(deps, subscription, events)
    const jobs: NewJob[] = []
    for (let start = 0; start < notifications.length; start += maxNotifications) {
      const chunk = notifications.slice(start, start + maxNotifications)
      const payload = { subscriptionId: subscription.id, since: deps.clock.now(), notifications: chunk }
      jobs.push({ id: deps.ids.guid(), kind: 'deliver-notifications', payload })
    }
    const from = position
    const isOurs = await deps.store.transaction(async (tx) => {
      if (!(await advanceSubscription(tx, keyOf(subscription), from, next))) return false
      await queue(tx, deps, subscription.tenant_id, jobs)
      return true
    })
    if (!isOurs) return
    position = next
  }
}

async function queue(tx: Tx, deps: FanOutDeps, tenantId: string, jobs: readonly NewJob[]): Promise<void> {
  for (const job of jobs) await insertJob(tx, tenantId, deps.clock.now(), job)
  if (jobs.length > 0) noteJobs(tx)
}

function keyOf(subscription: SubscriptionRow): { readonly tenantId: string; readonly id: string } {
  return { tenantId: subscription.tenant_id, id: subscription.id }
}

/** The changes a subscription wants; several updates of one thing in a row are one. */
async function selectNotifications(
  deps: FanOutDeps,
  subscription: SubscriptionRow,
  events: readonly ChangeEvent[],
): Promise<Notification[]> {
  const wanted = events.filter((event) => subscription.object_id === null || event.objectId === subscription.object_id)
  const types = new Set(subscription.change_type.split(','))
  const listed = new Map<string, ChangeEvent>()
  for (const event of wanted) if (types.has(event.change)) listed.set(`${event.change} ${event.objectId}`, event)
  const ids = [...new Set([...listed.values()].map((event) => event.objectId))]
  if (ids.length === 0) return []
  const filter: BoundFilter | null = subscription.filter === null ? null : JSON.parse(subscription.filter)
  const versions = await readVersions(deps.store, subscription.tenant_id, watchedOf(subscription), ids, filter)
  return [...listed.values()].flatMap((event) => {
    const changeType = changeTypes.find((type) => type === event.change)
    const version = versions.get(event.objectId)
    // What is gone fits no filter; that it is gone is still news to whoever asked for it.
    if (changeType === undefined || (version === undefined && changeType !== 'deleted')) return []
    const etag = version === undefined ? null : `W/"${version}"`
    return [{ id: deps.ids.guid(), changeType, objectId: event.objectId, etag }]
  })
}

/** The versions of those of the ids that exist and fit. */
async function readVersions(
  store: Store,
  tenantId: string,
  watched: WatchedKind,
  ids: readonly string[],
  filter: BoundFilter | null,
): Promise<Map<string, number>> {
  const named: BoundFilter = { kind: 'in', scalar: { kind: 'property', property: 'id' }, values: ids }
  const query: BoundQuery = {
    filter: filter === null ? named : { kind: 'and', terms: [named, filter] },
    orderBy: [{ property: 'id', direction: 'asc' }],
    after: null,
    skip: 0,
    top: ids.length,
  }
  const page =
    watched === 'incident'
      ? await pageIncidents(store, tenantId, query)
      : watched === 'alert'
        ? await pageAlerts(store, tenantId, query, null)
        : await pageTasks(store, tenantId, query)
  return new Map(page.rows.map((row) => [String(row.id), row.version]))
}

/** Whether a subscription's owner could still read what it watches. */
export async function mayOwnerRead(db: Db, subscription: SubscriptionRow): Promise<boolean> {
  const { tenant_id: tenantId, owner_id: id } = subscription
  const role =
    subscription.owner_kind === 'application'
      ? await readApplication(db, tenantId, id).then((row) => (row?.revoked_at === null ? row.role : ''))
      : await readUser(db, tenantId, id).then((row) => (row?.disabled_at === null ? row.role : ''))
  if (!isRoleName(role)) return false
  return watchPermissions[watchedOf(subscription)].some((permission) => rolePermissions[role].includes(permission))
}

/**
 * Ends a subscription that its owner did not end: at its time, or because the owner may no longer read what it watches.
 * @param event what the lifecycle endpoint is told; null for nothing
 */
export async function endSubscription(
  deps: FanOutDeps,
  subscription: SubscriptionRow,
  reason: string,
  event: LifecycleEvent | null,
): Promise<void> {
  const job = event === null ? null : makeLifecycleJob(deps, subscription, event)
  await deps.store.transaction(async (tx) => {
    if (!(await deleteSubscription(tx, keyOf(subscription)))) return
    await recordChange(tx, {
      at: deps.clock.now(),
      actor: { tenantId: subscription.tenant_id, id: 'notifications', kind: 'system', name: 'Notifications' },
      audit: {
        action: 'subscription.end',
        objectType: 'subscription',
        objectId: subscription.id,
        decision: 'allowed',
        reason,
      },
      jobs: job === null ? [] : [job],
    })
  })
}

/** Queues a word about a subscription to its lifecycle endpoint, if it has one. */
export async function queueLifecycle(
  deps: FanOutDeps,
  subscription: SubscriptionRow,
  event: LifecycleEvent,
): Promise<void> {
  const job = makeLifecycleJob(deps, subscription, event)
  await deps.store.transaction(async (tx) => {
    if (event === 'reauthorizationRequired') {
      if (!(await updateSubscription(tx, keyOf(subscription), { reauthorize_at: null }))) return
    }
    if (job !== null) await queue(tx, deps, subscription.tenant_id, [job])
  })
}

/** The job holds all that is said: the subscription may be gone by then. */
function makeLifecycleJob(deps: FanOutDeps, subscription: SubscriptionRow, event: LifecycleEvent): NewJob | null {
  if (subscription.lifecycle_url === null) return null
  const said = {
    subscriptionId: subscription.id,
    subscriptionExpirationDateTime: subscription.expires_at,
    tenantId: subscription.tenant_id,
    clientState: subscription.client_state,
    resource: subscription.resource,
    id: deps.ids.guid(),
    lifecycleEvent: event,
  }
  const payload = { url: subscription.lifecycle_url, since: deps.clock.now(), said }
  return { id: deps.ids.guid(), kind: 'deliver-lifecycle', payload }
}
