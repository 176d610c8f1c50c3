import { assertNever } from '../../model/errors.ts'
import type { EntityKind } from '../normalised.ts'

/** An entity as shown to people. */
export interface NamedEntity {
  readonly kind: EntityKind
  readonly value: string
}

/** Something that did not lead to a join, and why. */
export type Note =
  | { readonly why: 'hub'; readonly entity: NamedEntity; readonly partners: number; readonly hours: number }
  | { readonly why: 'closed'; readonly entity: NamedEntity; readonly incident: number; readonly status: string }
  | { readonly why: 'full'; readonly entity: NamedEntity; readonly incident: number; readonly alerts: number }
  | { readonly why: 'tooLargeToMerge'; readonly entity: NamedEntity; readonly incident: number }
  | { readonly why: 'tooManyToMerge'; readonly entity: NamedEntity; readonly incidents: number; readonly most: number }

/** Why an alert stands in its incident, or why two incidents are one. Numbers of incidents below 0 are new ones of the same plan. */
export type Reason = { readonly notes: readonly Note[] } & (
  | { readonly rule: 'newIncident' }
  | ({ readonly rule: 'sharedEntity' | 'repeatedRule' } & Link)
  | ({ readonly rule: 'bridgedBy'; readonly alertId: string } & Link)
  | {
      readonly rule: 'recurringRule'
      readonly entity: NamedEntity | null
      readonly incident: number
      readonly hours: number
      readonly days: number
    }
)

/** The tie between an alert and an incident: the same entity, seen there within the window. */
export interface Link {
  readonly entity: NamedEntity
  readonly incident: number
  readonly status: string
  /** Between the alert and the nearest sighting; 0 when it lies within the stretch seen. */
  readonly distanceSeconds: number
  readonly windowSeconds: number
}

/** The same reason with other numbers for its incidents. */
export function renumberReason(reason: Reason, numberOf: (incident: number) => number): Reason {
  const notes = reason.notes.map((note) => ('incident' in note ? { ...note, incident: numberOf(note.incident) } : note))
  if (reason.rule === 'newIncident') return { ...reason, notes }
  return { ...reason, notes, incident: numberOf(reason.incident) }
}

/** The reason in words, for people. */
export function describeReason(reason: Reason): string {
  return [sentence(reason), ...reason.notes.map(describeNote)].join(' ')
}

function sentence(reason: Reason): string {
  switch (reason.rule) {
    case 'newIncident':
      return 'No open incident shares anything with this alert within the window.'
    case 'sharedEntity':
      return `Shares ${name(reason.entity)} with incident ${reason.incident} (${reason.status}): seen there ${distance(reason)}.`
    case 'repeatedRule':
      return `The same rule fired on ${name(reason.entity)} in incident ${reason.incident} (${reason.status}) ${distance(reason)}.`
    case 'bridgedBy':
      return `Alert ${reason.alertId} shares ${name(reason.entity)} with both: seen in incident ${reason.incident} (${reason.status}) ${distance(reason)}.`
    case 'recurringRule':
      return `The same rule fired${reason.entity === null ? '' : ` on ${name(reason.entity)}`} in ${reason.hours} different hours of ${reason.days} days: recurring activity is collected on its own.`
    default:
      return assertNever(reason)
  }
}

function describeNote(note: Note): string {
  switch (note.why) {
    case 'hub':
      return `${name(note.entity)} is a hub (seen with more than ${note.partners} others within ${note.hours} h) and ties nothing together.`
    case 'closed':
      return `${name(note.entity)} also stands in incident ${note.incident}, which is ${note.status}.`
    case 'full':
      return `${name(note.entity)} also stands in incident ${note.incident}, which is full (${note.alerts} alerts).`
    case 'tooLargeToMerge':
      return `${name(note.entity)} also ties in incident ${note.incident}; together they would be too large.`
    case 'tooManyToMerge':
      return `${name(note.entity)} and others tie ${note.incidents} open incidents together; one alert merges at most ${note.most}.`
    default:
      return assertNever(note)
  }
}

function name(entity: NamedEntity): string {
  return `${entity.kind} ${entity.value}`
}

function distance(link: Link): string {
  const window = `within the window of ${duration(link.windowSeconds)}`
  return link.distanceSeconds === 0
    ? `at the same time (${window})`
    : `${duration(link.distanceSeconds)} apart (${window})`
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3600)} h`
}
