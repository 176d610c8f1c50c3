import { type Clock, instantOf, msOf } from '../io/clock.ts'
import { CordonError, isRefusal } from '../model/errors.ts'
import type { BoundFilter } from '../model/query.ts'
import { readSettledSequence, type WatchedKind } from '../store/changes.ts'
import type { Store, Tx } from '../store/db.ts'
import { type Actor, recordChange } from '../store/record.ts'
import type { SubscriptionRow } from '../store/schema-notify.ts'
import {
  countSubscriptions,
  deleteSubscription,
  insertSubscription,
  listSubscriptions,
  readSubscription,
  updateSubscription,
} from '../store/subscriptions.ts'
import { type HandshakeDeps, proveEndpoint } from './handshake.ts'
import { decideExpiry, quotas, reauthorizationDue } from './subscription.ts'

/** What changing subscriptions needs. */
export interface SubscribeDeps extends HandshakeDeps {
  readonly store: Store
  readonly clock: Clock
}

/** A subscription as it was asked for; permissions and the watched thing are checked already. */
export interface SubscriptionDraft {
  readonly resource: string
  readonly watched: WatchedKind
  readonly objectId: string | null
  readonly filter: BoundFilter | null
  /** Comma list. */
  readonly changeType: string
  readonly notificationUrl: string
  readonly lifecycleUrl: string | null
  readonly clientState: string | null
  readonly tlsVersion: string
  /** 7-digit instant. */
  readonly expiresAt: string
}

/**
 * Creates a subscription after its endpoints have proved that they want it.
 * @throws CordonError BadRequest (time, URL, validation), Forbidden above a quota
 */
export async function createSubscription(
  deps: SubscribeDeps,
  actor: Actor,
  draft: SubscriptionDraft,
): Promise<SubscriptionRow> {
  expiryOrThrow(draft.expiresAt, deps.clock.nowMs())
  // Before the handshake, so that nobody above the quota makes us call anywhere.
  await checkQuota(deps.store.read, actor)
  await proveEndpoint(deps, 'notificationUrl', draft.notificationUrl)
  if (draft.lifecycleUrl !== null) await proveEndpoint(deps, 'lifecycleNotificationUrl', draft.lifecycleUrl)
  const nowMs = deps.clock.nowMs()
  const expiresAt = expiryOrThrow(draft.expiresAt, nowMs)
  const row: SubscriptionRow = {
    tenant_id: actor.tenantId,
    id: deps.ids.guid(),
    owner_id: actor.id,
    owner_kind: actor.kind,
    resource: draft.resource,
    watched: draft.watched,
    object_id: draft.objectId,
    filter: draft.filter === null ? null : JSON.stringify(draft.filter),
    change_type: draft.changeType,
    notification_url: draft.notificationUrl,
    lifecycle_url: draft.lifecycleUrl,
    client_state: draft.clientState,
    tls_version: draft.tlsVersion,
    expires_at: expiresAt,
    reauthorize_at: draft.lifecycleUrl === null ? null : reauthorizationDue(nowMs, msOf(expiresAt)),
    position: await readSettledSequence(deps.store),
    created_at: instantOf(nowMs),
  }
  await deps.store.transaction(async (tx) => {
    await checkQuota(tx, actor)
    await insertSubscription(tx, row)
    await record(tx, deps, actor, 'create', row.id, { resource: row.resource })
  })
  return row
}

async function checkQuota(db: Store['read'], actor: Actor): Promise<void> {
  const held = await countSubscriptions(db, actor)
  const { owner, tenant } = quotas
  const reason =
    held.owner >= owner
      ? `The application or person already has ${owner} subscriptions, which is the quota.`
      : held.tenant >= tenant
        ? `The tenant already has ${tenant} subscriptions, which is the quota.`
        : null
  if (reason !== null) throw new CordonError('Forbidden', reason)
}

/** The caller's own subscriptions. */
export async function listOwnSubscriptions(
  deps: Pick<SubscribeDeps, 'store' | 'clock'>,
  actor: Actor,
): Promise<SubscriptionRow[]> {
  return listSubscriptions(deps.store.read, actor, deps.clock.now())
}

/**
 * One of the caller's own subscriptions.
 * @throws CordonError NotFound, the same for an absent one and somebody else's
 */
export async function findOwnSubscription(
  deps: Pick<SubscribeDeps, 'store' | 'clock'>,
  actor: Actor,
  id: string,
): Promise<SubscriptionRow> {
  const row = await readSubscription(deps.store.read, actor.tenantId, id)
  if (row === undefined || row.owner_id !== actor.id || row.expires_at <= deps.clock.now()) throw missing(id)
  return row
}

function missing(id: string): CordonError {
  return new CordonError('NotFound', `Subscription ${id.slice(0, 100)} not found.`)
}

/**
 * Renews a subscription or points it elsewhere; a new endpoint has to prove itself first.
 * @throws CordonError NotFound, BadRequest
 */
export async function renewSubscription(
  deps: SubscribeDeps,
  actor: Actor,
  id: string,
  change: { readonly expiresAt?: string; readonly notificationUrl?: string },
): Promise<SubscriptionRow> {
  const row = await findOwnSubscription(deps, actor, id)
  if (change.expiresAt !== undefined) expiryOrThrow(change.expiresAt, deps.clock.nowMs())
  const url = change.notificationUrl ?? row.notification_url
  if (url !== row.notification_url) await proveEndpoint(deps, 'notificationUrl', url)
  const nowMs = deps.clock.nowMs()
  const expiresAt = change.expiresAt === undefined ? row.expires_at : expiryOrThrow(change.expiresAt, nowMs)
  const isListening = row.lifecycle_url !== null && change.expiresAt !== undefined
  const changed = {
    notification_url: url,
    expires_at: expiresAt,
    reauthorize_at: isListening ? reauthorizationDue(nowMs, msOf(expiresAt)) : row.reauthorize_at,
  }
  await changeRow(deps, actor, row, changed, 'update')
  return { ...row, ...changed }
}

/** Says that the owner still stands behind a subscription; its rights were checked with the request. */
export async function reauthorizeSubscription(deps: SubscribeDeps, actor: Actor, id: string): Promise<void> {
  const row = await findOwnSubscription(deps, actor, id)
  await changeRow(deps, actor, row, { reauthorize_at: null }, 'reauthorize')
}

async function changeRow(
  deps: SubscribeDeps,
  actor: Actor,
  row: SubscriptionRow,
  changed: Parameters<typeof updateSubscription>[2],
  action: string,
): Promise<void> {
  await deps.store.transaction(async (tx) => {
    if (!(await updateSubscription(tx, { tenantId: row.tenant_id, id: row.id }, changed))) throw missing(row.id)
    await record(tx, deps, actor, action, row.id)
  })
}

/** @throws CordonError NotFound */
export async function removeSubscription(deps: SubscribeDeps, actor: Actor, id: string): Promise<void> {
  const row = await findOwnSubscription(deps, actor, id)
  await deps.store.transaction(async (tx) => {
    if (!(await deleteSubscription(tx, { tenantId: row.tenant_id, id }))) throw missing(id)
    await record(tx, deps, actor, 'delete', id)
  })
}

function expiryOrThrow(wanted: string, nowMs: number): string {
  const expiry = decideExpiry(wanted, nowMs)
  if (isRefusal(expiry)) throw new CordonError(expiry.refused, expiry.reason, { target: 'expirationDateTime' })
  return expiry
}

function record(
  tx: Tx,
  deps: Pick<SubscribeDeps, 'clock'>,
  actor: Actor,
  action: string,
  id: string,
  details: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const audit = { action: `subscription.${action}`, objectType: 'subscription', objectId: id, details } as const
  return recordChange(tx, { at: deps.clock.now(), actor, audit: { ...audit, decision: 'allowed' } })
}
