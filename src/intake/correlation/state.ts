import type { EntityKind, EntityRef } from '../normalised.ts'
import type { Reason } from './reason.ts'
import type { Summary } from './summary.ts'

// What correlation reads and decides. Times are milliseconds since 1970 (UTC) of the alerts' activity, never of their arrival.

/** An alert as far as correlation looks at it. */
export interface CorrelatedAlert {
  readonly id: string
  readonly rule: string
  readonly title: string
  /** Number of the Graph severity. */
  readonly severity: number
  readonly firstMs: number
  readonly lastMs: number
  readonly entities: readonly EntityRef[]
  readonly techniques: readonly string[]
  readonly tags: readonly string[]
}

/** Others an entity was seen with: hash of the other's name and the hour (since 1970) it was last seen with it, newest last. */
export type Partners = readonly (readonly [hash: number, hour: number])[]

/** Hours (since 1970) in which a series fired and how often, oldest first. */
export type Hours = readonly (readonly [hour: number, alerts: number])[]

/** What is known of an entity before the batch. */
export interface EntityState {
  readonly kind: EntityKind
  readonly value: string
  readonly alertCount: number
  readonly firstMs: number
  readonly lastMs: number
  readonly partners: Partners
}

/** A stretch of time in which an entity was seen in one incident without a pause longer than the window. */
export interface Sighting {
  readonly kind: EntityKind
  readonly value: string
  /** Id of the alert that opened it: its key beside kind and value. */
  readonly openedBy: string
  readonly incident: number
  readonly firstMs: number
  readonly lastMs: number
  readonly alertCount: number
}

/** One rule on one entity. `kind` and `value` are empty for alerts without any entity. */
export interface SeriesState {
  readonly rule: string
  readonly kind: EntityKind | ''
  readonly value: string
  readonly alertCount: number
  readonly lastMs: number
  readonly incident: number
  readonly recurringIncident: number | null
  readonly hours: Hours
}

/** What is known of an incident before the batch. Only open ones take alerts. */
export interface IncidentState {
  readonly id: number
  readonly status: string
  readonly isOpen: boolean
  readonly alertCount: number
  readonly summary: Summary
}

/** Everything about the entities, series and incidents that a batch touches. */
export interface CorrelationState {
  readonly entities: readonly EntityState[]
  /** Of the batch's entities, those within the window of the batch's times. */
  readonly sightings: readonly Sighting[]
  readonly series: readonly SeriesState[]
  /** Every incident that sightings and series name. */
  readonly incidents: readonly IncidentState[]
}

/** Where an alert goes. Numbers below 0 stand for new incidents: -1 the first of the plan. */
export interface Join {
  readonly alertId: string
  readonly incident: number
  readonly reason: Reason
}

/** Two open incidents that turned out to be one. */
export interface Merge {
  readonly from: number
  readonly into: number
  readonly reason: Reason
}

/** An incident the batch makes (below 0) or changes. */
export interface PlannedIncident {
  readonly incident: number
  readonly summary: Summary
  /** Alerts of this batch and of merged incidents. */
  readonly addedAlerts: number
  /** Activity of what was added; null when nothing was but by merging. */
  readonly firstMs: number | null
  readonly lastMs: number | null
}

/** What correlation decided for a batch. */
export interface Plan {
  /** One per alert, in the order of the input. */
  readonly joins: readonly Join[]
  readonly incidents: readonly PlannedIncident[]
  readonly merges: readonly Merge[]
  /** New and changed ones. */
  readonly sightings: readonly Sighting[]
  readonly entities: readonly EntityState[]
  readonly series: readonly SeriesState[]
}

/** Key of an entity in maps. */
export function entityKey(entity: { readonly kind: string; readonly value: string }): string {
  return `${entity.kind}\n${entity.value}`
}

/** Key of a series in maps. */
export function seriesKey(rule: string, subject: { readonly kind: string; readonly value: string } | null): string {
  return subject === null ? `${rule}\n\n` : `${rule}\n${subject.kind}\n${subject.value}`
}

const subjectOrder: readonly EntityKind[] = [
  'device',
  'user',
  'mailbox',
  'file',
  'address',
  'message',
  'application',
  'domain',
  'url',
]

/** What an alert is about in one word: its host before its account, mailbox, file or address. Null when it names nothing. */
export function subjectOf(entities: readonly EntityRef[]): EntityRef | null {
  let best: EntityRef | null = null
  for (const entity of entities) if (best === null || rank(entity) < rank(best)) best = entity
  return best
}

function rank(entity: EntityRef): number {
  return subjectOrder.indexOf(entity.kind) + (entity.links ? 0 : subjectOrder.length)
}
