import { instantOf } from '../io/clock.ts'
import { assertNever, type Refusal, refuse } from '../model/errors.ts'
import type { Permission } from '../model/permissions.ts'
import type { WatchedKind } from '../store/changes.ts'
import type { SubscriptionRow } from '../store/schema-notify.ts'

/** What a subscription can be told of. */
export const changeTypes = ['created', 'updated', 'deleted'] as const

export type ChangeType = (typeof changeTypes)[number]

/** What may be asked of a subscription's owner, by what it watches: what a list of it asks for. @source design contract 3.1 */
export const watchPermissions: Readonly<Record<WatchedKind, readonly Permission[]>> = {
  incident: ['SecurityIncident.Read.All', 'SecurityIncident.ReadWrite.All'],
  alert: [
    'SecurityAlert.Read.All',
    'SecurityAlert.ReadWrite.All',
    'SecurityIncident.Read.All',
    'SecurityIncident.ReadWrite.All',
  ],
  incidentTask: ['SecurityIncident.Read.All', 'SecurityIncident.ReadWrite.All', 'SecurityIncidentTask.ReadWrite.All'],
}

const minuteMs = 60_000
const longestMinutes = 43_200
const shortestMinutes = 45

/** Subscriptions of one application or person, and of one tenant. */
export const quotas: { readonly owner: number; readonly tenant: number } = { owner: 100, tenant: 1000 }

/**
 * When a subscription that was asked to end at `wanted` ends.
 * @param wanted 7-digit instant
 * @source design contract 19.1: at most 43 200 minutes, a shorter time than 45 minutes is raised to that
 */
export function decideExpiry(wanted: string, nowMs: number): string | Refusal {
  if (wanted <= instantOf(nowMs)) return refuse('BadRequest', 'expirationDateTime must lie in the future.')
  // A client that asks for exactly the longest time was not wrong because its clock or the way here took a moment.
  if (wanted > instantOf(nowMs + (longestMinutes + 1) * minuteMs)) {
    return refuse('BadRequest', `expirationDateTime may lie at most ${longestMinutes} minutes ahead.`)
  }
  const shortest = instantOf(nowMs + shortestMinutes * minuteMs)
  return wanted < shortest ? shortest : wanted
}

/** When the owner of a subscription is told to reauthorize: after three quarters of its time. */
export function reauthorizationDue(nowMs: number, expiresAtMs: number): string {
  return instantOf(nowMs + Math.floor((expiresAtMs - nowMs) * 0.75))
}

/** The path of the collection a subscription watches. */
export function collectionOf(watched: WatchedKind): string {
  switch (watched) {
    case 'incident':
      return 'security/incidents'
    case 'alert':
      return 'security/alerts_v2'
    case 'incidentTask':
      return 'security/incidentTasks'
    default:
      return assertNever(watched)
  }
}

/** What a row watches, as the type it was written from. */
export function watchedOf(row: SubscriptionRow): WatchedKind {
  const { watched } = row
  if (watched === 'incident' || watched === 'alert' || watched === 'incidentTask') return watched
  throw new TypeError(`subscription ${row.id} watches '${watched}'`)
}

/** One change to tell a subscriber of; its id stays the same over all attempts. */
export interface Notification {
  readonly id: string
  readonly changeType: ChangeType
  readonly objectId: string
  /** null when the thing is gone. */
  readonly etag: string | null
}

/** What tells a subscriber of the subscription itself. */
export type LifecycleEvent = 'missed' | 'subscriptionRemoved' | 'reauthorizationRequired'

const oldestMs = 4 * 3600 * 1000
const shortestPauseMs = 5_000
const longestPauseMs = 30 * minuteMs

/**
 * How long to wait after a failed attempt: as long as it has been failing already, from 5 s to half an hour; null once 4 h are over.
 * @param spread 0 to 1, so that those that failed together do not come again together
 * @source design contract 19.1 (acknowledgement)
 */
export function pauseAfterFailure(elapsedMs: number, spread: number): number | null {
  if (elapsedMs >= oldestMs) return null
  const pause = Math.min(Math.max(elapsedMs, shortestPauseMs), longestPauseMs) * (0.8 + 0.4 * spread)
  // The last attempt is made when the time is up, not before.
  return Math.max(1, Math.round(Math.min(pause, oldestMs - elapsedMs)))
}
