import { noticeEvents, noticeSeverities } from '../../../model/notices/notice.ts'
import {
  count,
  type DescribedOperations,
  flag,
  guid,
  header,
  instant,
  json,
  listOf,
  nullable,
  openRecord,
  record,
  refTo,
  type Schema,
  textOf,
} from './content.ts'

const severity = textOf(...noticeSeverities)
const event = textOf(...noticeEvents)
const time: Schema = { type: 'string', pattern: '^\\d\\d:\\d\\d$' }
const quietHours = record({ from: time, to: time, timeZone: textOf(), highBreaksThrough: flag })
const ownSettings = {
  mail: nullable({ type: 'string', maxLength: 254 }),
  events: listOf(event),
  minSeverity: severity,
  quietHours: nullable(quietHours),
}
const step = record({
  afterMinutes: { type: 'integer', minimum: 1, maximum: 1440 },
  channels: listOf(guid, { maxItems: 20 }),
  people: listOf(guid, { maxItems: 50 }),
  ignoreQuietHours: flag,
})
const escalation = { minSeverity: severity, steps: listOf(step, { maxItems: 10 }) }
const versioned = { version: count, lastModifiedDateTime: nullable(instant) }
const person = openRecord({ id: guid, displayName: textOf(), dateTime: instant })

/** Schemas of who is told of what, and who looks after an incident. */
export const peopleSchemas: Readonly<Record<string, Schema>> = {
  'cordon.notificationSettings': openRecord({ ...ownSettings, ...versioned }),
  'cordon.notificationSettings.replace': openRecord(ownSettings),
  'cordon.escalation': openRecord({ ...escalation, ...versioned }),
  'cordon.escalation.replace': openRecord(escalation),
  'cordon.attention': record({
    seenBy: listOf(person),
    acknowledgedBy: nullable(person),
    escalation: nullable(openRecord({ nextStep: count, nextDateTime: instant })),
  }),
  'cordon.delivery': openRecord({
    id: guid,
    channelId: guid,
    personId: nullable(guid),
    event,
    incidentId: textOf(),
    state: textOf('waiting', 'delivered', 'failed'),
    attempts: count,
    lastError: nullable(textOf()),
    createdDateTime: instant,
    finishedDateTime: nullable(instant),
  }),
}

const ifMatch = header('If-Match', 'The ETag of what it replaces, or *; required.')
const own = json(refTo('cordon.notificationSettings'))
const policy = json(refTo('cordon.escalation'))
const attention = json(refTo('cordon.attention'))

/** Telling people, and who has seen what. */
export const peopleOperations: DescribedOperations = {
  getAttention: { summary: 'Who has seen an incident, and who has taken it on', response: attention },
  seeIncident: { summary: 'Write down that the caller has the incident in front of them' },
  acknowledgeIncident: { summary: 'Take an incident on: assign it to me and end its escalation', response: attention },
  getNotificationSettings: { summary: 'How the caller wants to be told', response: own },
  replaceNotificationSettings: {
    headers: [ifMatch],
    request: json(refTo('cordon.notificationSettings.replace')),
    response: own,
  },
  getEscalation: { summary: 'What happens when nobody acknowledges', response: policy },
  replaceEscalation: { headers: [ifMatch], request: json(refTo('cordon.escalation.replace')), response: policy },
  listNotificationPeople: {
    summary: 'People an escalation can name',
    response: json(record({ value: listOf(openRecord({ id: guid, name: textOf(), role: textOf() })) })),
  },
  listNotificationDeliveries: {
    summary: 'The newest messages to people, and what became of them',
    response: json(record({ value: listOf(refTo('cordon.delivery')) })),
  },
}
