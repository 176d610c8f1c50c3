import type { Alert } from '../model/generated.ts'

/** Kinds of things alerts are about. */
export type EntityKind =
  | 'device'
  | 'user'
  | 'mailbox'
  | 'file'
  | 'address'
  | 'message'
  | 'url'
  | 'domain'
  | 'application'

/** One thing an alert is about, by one of its names. */
export interface EntityRef {
  readonly kind: EntityKind
  /** Normalised (lower case, canonical address), at most {@link maxEntityValue} characters. */
  readonly value: string
  /** Names of one and the same thing carry the same number; they are no company for each other. */
  readonly thing: number
  /** False for what says nothing about belonging together: loopback, broadcast, built-in accounts, programs of the system, links. */
  readonly links: boolean
}

/** What a sensor decides about an alert; all else belongs to the server. */
export type AlertContent = Omit<
  Alert,
  | 'id'
  | 'tenantId'
  | 'incidentId'
  | 'alertWebUrl'
  | 'incidentWebUrl'
  | 'comments'
  | 'lastUpdateDateTime'
  | 'resolvedDateTime'
  | 'createdDateTime'
  | 'firstActivityDateTime'
  | 'lastActivityDateTime'
> & {
  readonly createdDateTime: string
  readonly firstActivityDateTime: string
  readonly lastActivityDateTime: string
}

/** An alert of any source in the one form that intake stores and correlates. */
export interface NormalisedAlert {
  /** The sending application or sensor: with `providerAlertId` it says which alert this is. At most 200 characters. */
  readonly source: string
  /** The sensor's own id, or a stable hash over the fields that make the event (documented per source). At most 300 characters. */
  readonly providerAlertId: string
  /** Tells the detection rule apart from all others of all sources; repeats have the same. At most 300 characters. */
  readonly rule: string
  /** Complete Graph content: every property present. */
  readonly content: AlertContent
  readonly entities: readonly EntityRef[]
}

/** Why a record is not an alert. `reason` is shown to the sender. */
export interface Rejection {
  readonly rejected: string
}

/** What becomes of one raw record: an alert, a reason against it, or nothing to report (a well-formed event that is no alert). */
export type Normalised = NormalisedAlert | Rejection | 'ignored'

/** What normalising needs beside the record. */
export interface IntakeContext {
  /** 7-digit instant of arrival. */
  readonly receivedAt: string
  /** Who sends: ids of Graph-shaped alerts are unique per sending application only. */
  readonly senderId: string
}

/** One kind of sensor. `normalise` is pure. */
export interface Source {
  readonly name: string
  /** How its records come: JSON objects (one, an array, one per line), or CSV rows below a header (JSON objects are taken too). */
  readonly format: 'json' | 'csv'
  /**
   * Columns that make a row of a sensor without ids. The reader numbers equal rows of one file or request in a field `occurrence`, so
   * that they stay distinct while the same file twice stays the same.
   */
  readonly identifiedBy?: readonly string[]
  readonly normalise: (raw: unknown, context: IntakeContext) => Normalised
}

/** Tells a rejection from an alert. */
export function isRejection(value: Normalised): value is Rejection {
  return typeof value === 'object' && 'rejected' in value
}

/** Makes a {@link Rejection}. */
export function reject(reason: string): Rejection {
  return { rejected: reason }
}
