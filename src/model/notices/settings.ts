import { boolean, integer, list, nullable, object, oneOf, type Reader, text } from '../safety/fields.ts'
import { type NoticeEvent, type NoticeSeverity, type NoticeWish, noticeEvents, noticeSeverities } from './notice.ts'
import { isTimeZone, type QuietHours } from './quiet-hours.ts'

/** How one person wants to be told. */
export interface PersonSettings extends NoticeWish {
  /** Where mail goes; null: nowhere. */
  readonly mail: string | null
  readonly quietHours: QuietHours | null
}

/** One step of an escalation. */
export interface EscalationStep {
  /** After the incident came up without anybody acknowledging it. */
  readonly afterMinutes: number
  /** Ids of channels. */
  readonly channels: readonly string[]
  /** Ids of people, who get mail. */
  readonly people: readonly string[]
  /** People are told in their quiet hours too. */
  readonly ignoreQuietHours: boolean
}

/** What a tenant does when nobody acknowledges; without steps nothing. */
export interface EscalationPolicy {
  readonly minSeverity: NoticeSeverity
  readonly steps: readonly EscalationStep[]
}

/** How somebody is told who has said nothing: everything that needs an answer, nowhere yet. */
export const defaultPersonSettings: PersonSettings = {
  mail: null,
  events: ['awaitingAction', 'highSeverityIncident', 'approvalRequested', 'executionFailed', 'outcomeUnknown'],
  minSeverity: 'informational',
  quietHours: null,
}

/** No escalation. */
export const defaultEscalation: EscalationPolicy = { minSeverity: 'high', steps: [] }

const maxMail = 254

/** A mail address that can stand in a header and in a command as it is. */
export const mailAddress: Reader<string> = text(
  maxMail,
  /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i,
  'a mail address such as ada@example.org',
)

/** What is wanted, as a channel and a person say it. */
export const wishFields: {
  readonly events: Reader<readonly NoticeEvent[]>
  readonly minSeverity: Reader<NoticeSeverity>
} = {
  events: list(oneOf(noticeEvents), noticeEvents.length, { key: (event) => event }),
  minSeverity: oneOf(noticeSeverities),
}

const time = text(5, /^([01]\d|2[0-3]):[0-5]\d$/, 'a time such as 22:00')

const timeZone: Reader<string> = (value, path, faults) => {
  if (typeof value === 'string' && value.length <= 64 && isTimeZone(value)) return value
  faults.push({ path, problem: 'must be a time zone such as Europe/Berlin' })
  return 'UTC'
}

/** Reads what a person sets for themselves. */
export const personSettings: Reader<PersonSettings> = object<PersonSettings>(
  {
    mail: nullable(mailAddress),
    ...wishFields,
    quietHours: nullable(object<QuietHours>({ from: time, to: time, timeZone, highBreaksThrough: boolean })),
  },
  ['version', 'lastModifiedDateTime'],
)

const id = text(36, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'an id')

const step: Reader<EscalationStep> = object<EscalationStep>({
  afterMinutes: integer(1, 1_440),
  channels: list(id, 20, { key: (one) => one }),
  people: list(id, 50, { key: (one) => one }),
  ignoreQuietHours: boolean,
})

/** Steps in the order of their times, each telling somebody. */
const steps: Reader<readonly EscalationStep[]> = (value, path, faults) => {
  const read = list(step, 10)(value, path, faults)
  for (const [index, one] of read.entries()) {
    const at = `${path}[${index}]`
    const before = read[index - 1]
    if (before !== undefined && one.afterMinutes <= before.afterMinutes) {
      faults.push({ path: `${at}.afterMinutes`, problem: 'must be later than the step before' })
    }
    if (one.channels?.length === 0 && one.people?.length === 0) {
      faults.push({ path: at, problem: 'must name a channel or a person' })
    }
  }
  return read
}

/** Reads an escalation from outside. */
export const escalationPolicy: Reader<EscalationPolicy> = object<EscalationPolicy>(
  { minSeverity: wishFields.minSeverity, steps },
  ['version', 'lastModifiedDateTime'],
)
