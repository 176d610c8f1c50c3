import type { EntityKind } from '../normalised.ts'

/** The figures correlation works with. Defaults are measured on the AIT Alert Data Set and on captures of Suricata (bench). */
export interface CorrelationRules {
  /** Alerts that share an entity join when no more than this lies between its sightings. */
  readonly windowSeconds: number
  /** Kinds of entities that tie alerts together. */
  readonly linkingKinds: readonly EntityKind[]
  /** An entity seen with more others than this within {@link hubWindowHours} is a hub and ties nothing together. */
  readonly hubPartners: number
  readonly hubWindowHours: number
  /** A rule that fires on one entity in this many different hours of {@link recurringDays} is recurring activity. */
  readonly recurringHours: number
  readonly recurringDays: number
  /** Recurring activity that suddenly fires this many times as often as before, and at least {@link burstAlerts} times an hour, is not. */
  readonly burstFactor: number
  readonly burstAlerts: number
  /** An incident that holds this many alerts, or this many rules and entities after grouping repeats, takes no more. */
  readonly maxAlerts: number
  readonly maxGroups: number
  /** One alert that ties more open incidents together than this merges none of them. */
  readonly maxMerges: number
}

/** What applies when nothing else is configured. */
export const defaultRules: CorrelationRules = {
  windowSeconds: 24 * 3600,
  linkingKinds: ['device', 'user', 'file', 'mailbox', 'address', 'message'],
  hubPartners: 30,
  hubWindowHours: 24,
  recurringHours: 6,
  recurringDays: 7,
  burstFactor: 20,
  burstAlerts: 200,
  maxAlerts: 20_000,
  maxGroups: 1_000,
  maxMerges: 8,
}
