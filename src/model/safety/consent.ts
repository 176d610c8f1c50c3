import type { ActionType } from '../actions.ts'
import type { Target } from '../execution.ts'
import { describeAsset, findMatch, isInGroup } from './assets.ts'
import { days, type Exclusion, type Hours, type SafetyPolicy } from './policy.ts'

/** A managed action an expert wants to start. */
export interface ManagedAction {
  readonly actionType: ActionType
  readonly target: Target
  readonly expertId: string
  readonly atMs: number
}

/** Which word of the customer is missing. */
export const withheldBy = ['paused', 'excluded', 'noConsent', 'otherExperts', 'otherHours'] as const

/** Whether it may start without the customer, and by which rule or why not. */
export type Consent =
  | { readonly given: true; readonly reason: string }
  | {
      readonly given: false
      readonly by: (typeof withheldBy)[number]
      readonly reason: string
      /** Since when the thing is excluded; null for every other reason. */
      readonly since: string | null
    }

/**
 * Whether the customer lets this expert run this action here and now. Without consent the task waits for the customer.
 * @source design contract 10; actions 10.2
 */
export function judgeConsent(policy: SafetyPolicy, action: ManagedAction): Consent {
  const { paused, excluded, consent } = policy.managedResponse
  if (paused) return withhold('paused', 'Managed response is paused in the policy (managedResponse.paused).')
  const asset = describeAsset(policy, action.target)
  const exclusion = excluded.find((rule) => findMatch(rule, asset) !== null)
  if (exclusion) return withholdExcluded(exclusion, action)
  const about = consent.filter(
    (rule) =>
      (rule.actionTypes === null || rule.actionTypes.includes(action.actionType)) &&
      isInGroup(policy, asset, rule.assetGroup),
  )
  const mine = about.filter((rule) => rule.experts === null || rule.experts.includes(action.expertId))
  const now = mine.find((rule) => rule.hours === null || isWithin(rule.hours, action.atMs))
  if (now) return { given: true, reason: `managedResponse.consent: ${now.name}` }
  const name = `${action.actionType} on '${action.target.displayName}'`
  if (about.length === 0) return withhold('noConsent', `No consent covers ${name} (managedResponse.consent).`)
  const names = (rules: readonly { readonly name: string }[]): string => rules.map((rule) => rule.name).join(', ')
  return mine.length === 0
    ? withhold('otherExperts', `The consent for ${name} is given to other experts (${names(about)}).`)
    : withhold('otherHours', `The consent for ${name} holds at other hours (${names(mine)}).`)
}

/**
 * The policy with its exclusions dated: one that names the same things as before keeps its date, any other begins now.
 * @param before null where nobody could read it
 */
export function dateExclusions(before: SafetyPolicy | null, after: SafetyPolicy, now: string): SafetyPolicy {
  const known = new Map(before?.managedResponse.excluded.map((rule) => [writeNamed(rule), rule.since]))
  const excluded = after.managedResponse.excluded.map((rule) => ({
    ...rule,
    since: known.get(writeNamed(rule)) ?? now,
  }))
  return { ...after, managedResponse: { ...after.managedResponse, excluded } }
}

function writeNamed({ name, ids, names, tags }: Exclusion): string {
  return JSON.stringify([name, ids, names, tags])
}

function withholdExcluded({ name, since }: Exclusion, { target }: ManagedAction): Consent {
  const from = since === null ? '' : ` since ${since.slice(0, 10)}`
  const reason = `'${target.displayName}' is excluded from managed response${from} (managedResponse.excluded: ${name}).`
  return { given: false, by: 'excluded', reason, since }
}

function withhold(by: (typeof withheldBy)[number], reason: string): Consent {
  return { given: false, by, reason, since: null }
}

/** Whether an instant lies within the hours, in their own time zone. */
export function isWithin(hours: Hours, atMs: number): boolean {
  const { day, minutes } = readWallClock(hours.timeZone, atMs)
  const [from, to] = [minutesOf(hours.from), minutesOf(hours.to)]
  const on = (offset: number): boolean => hours.days.includes(days[(day + offset + 7) % 7] ?? 'mon')
  if (from < to) return on(0) && minutes >= from && minutes < to
  return (on(0) && minutes >= from) || (on(-1) && minutes < to)
}

/** Minutes of a day of `HH:MM`. */
export function minutesOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))
}

/** Day of the week (0 is Monday) and minute of the day of an instant in a time zone. */
function readWallClock(timeZone: string, atMs: number): { day: number; minutes: number } {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, value]))
  const weekday = parts.get('weekday')?.toLowerCase() ?? ''
  const day = days.findIndex((name) => weekday.startsWith(name))
  return { day, minutes: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) }
}
