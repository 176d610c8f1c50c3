import {
  count,
  type DescribedOperations,
  guid,
  instant,
  json,
  listOf,
  nullable,
  query,
  record,
  textOf,
} from './content.ts'

const seconds = nullable({ type: 'number', minimum: 0 })
const spread = record({ count, p50Seconds: seconds, p90Seconds: seconds })
const weeks = query('weeks', { type: 'integer', minimum: 1, maximum: 52 }, 'So many weeks up to now; 12 without.')
const facetQuery = [
  query('$filter', { type: 'string' }, 'A filter as the list itself takes it; all rows without.'),
  query('contains', { type: 'string' }, 'What a value holds, whatever the case of its ASCII letters.'),
]
const facet = json(
  record({
    value: listOf(record({ value: nullable(textOf()), count }), { maxItems: 50 }),
    more: { type: 'boolean' },
    complete: { type: 'boolean', description: 'False where the newest rows alone were counted.' },
  }),
)

const assetKind = textOf('device', 'user', 'mailbox')
const contained = listOf(
  record({
    kind: textOf(),
    id: textOf(),
    name: textOf(),
    actionType: textOf(),
    since: instant,
    until: nullable(instant),
    by: textOf(),
    executionId: guid,
    taskId: textOf(),
    incidentId: textOf(),
  }),
)
const assetTask = record({
  id: textOf(),
  incidentId: textOf(),
  displayName: textOf(),
  actionType: textOf(),
  status: textOf(),
  actionStatus: textOf(),
  createdDateTime: instant,
})
const assetFields = { kind: assetKind, name: textOf(), names: listOf(textOf()), deviceId: nullable(guid) }
const assetPath = { assetKind: textOf('devices', 'users', 'mailboxes') }
const incidentLine = record({
  id: textOf(),
  displayName: nullable(textOf()),
  status: textOf(),
  severity: textOf(),
  createdDateTime: instant,
})
const runLine = record({
  id: guid,
  taskId: textOf(),
  kind: textOf('run', 'undo'),
  actionType: textOf(),
  state: textOf(),
  reason: nullable(textOf()),
  by: textOf(),
  target: textOf(),
  requestedAt: instant,
  finishedAt: nullable(instant),
  holds: { type: 'boolean' },
})

/** The things that can be cut off, and what is. */
const assetOperations: DescribedOperations = {
  listAssets: {
    summary: 'Devices, users or mailboxes that alerts have named, by name',
    path: assetPath,
    query: [
      query('beginning', textOf(), 'What a name begins with, whatever its case.'),
      query('$top', { type: 'integer', minimum: 1, maximum: 200 }, 'So many names are looked at; 50 without.'),
      query('$skiptoken', textOf(), 'Place of the next page; only ever taken from a link.'),
    ],
    response: json(
      record(
        {
          value: listOf(
            record({ ...assetFields, alertCount: count, firstSeenAt: instant, lastSeenAt: instant, contained }),
          ),
          '@odata.nextLink': { type: 'string', format: 'uri' },
        },
        ['@odata.nextLink'],
      ),
    ),
  },
  getAsset: {
    summary: 'One device, user or mailbox: what holds it, its incidents, its tasks and what was run on it',
    path: assetPath,
    response: json(
      record({
        ...assetFields,
        alertCount: count,
        firstSeenAt: nullable(instant),
        lastSeenAt: nullable(instant),
        contained,
        incidents: listOf(incidentLine, { maxItems: 50 }),
        tasks: listOf(assetTask, { maxItems: 50 }),
        runs: listOf(runLine, { maxItems: 50 }),
        more: { type: 'boolean' },
      }),
    ),
  },
  listDeviceNames: {
    summary: 'What people call the devices of these ids; ids without a name are left out',
    query: [query('id', textOf(), 'An id of a device; given up to 200 times.')],
    response: json(record({ value: listOf(record({ id: textOf(), name: textOf() }), { maxItems: 200 }) })),
  },
  listContained: {
    summary: 'What is cut off right now, the latest first',
    response: json(record({ value: contained, more: { type: 'boolean' } })),
  },
  countAssets: {
    summary: 'How many devices, users and mailboxes the newest 25 alerts of each of some incidents name',
    query: [{ ...query('incidents', textOf(), '1 to 50 ids of incidents with commas between them.'), required: true }],
    response: json(
      record({
        value: listOf(
          record({
            incidentId: textOf(),
            assets: count,
            complete: { type: 'boolean', description: 'False where it has more alerts: there are at least so many.' },
          }),
          { maxItems: 50 },
        ),
      }),
    ),
  },
  listIncidentAssets: {
    summary: 'The devices, users and mailboxes of an incident, and what holds each',
    response: json(
      record({
        value: listOf(
          record({
            kind: assetKind,
            name: textOf(),
            deviceId: nullable(guid),
            alertCount: count,
            contained,
            waiting: nullable(assetTask),
          }),
        ),
      }),
    ),
  },
}

/** Figures of how the work goes, and what it has cut off. */
export const reportOperations: DescribedOperations = {
  ...assetOperations,
  countIncidentValues: {
    summary: 'How many incidents that a filter leaves have each value of a property',
    query: facetQuery,
    response: facet,
  },
  countAlertValues: {
    summary: 'How many alerts that a filter leaves have each value of a property',
    query: facetQuery,
    response: facet,
  },
  countTaskValues: {
    summary: 'How many tasks that a filter leaves have each value of a property',
    query: facetQuery,
    response: facet,
  },
  reportAgeing: {
    summary: 'Open incidents by severity and age',
    response: json(
      record({
        at: instant,
        ageLimitsSeconds: listOf(count),
        value: listOf(
          record({
            severity: textOf(),
            counts: listOf(count),
            oldest: record({ incidentId: textOf(), createdDateTime: instant }),
          }),
        ),
      }),
    ),
  },
  reportTimes: {
    summary: 'How long it took to attend to incidents and to resolve them, and whose time it was, by week',
    query: [weeks],
    response: json(
      record({
        since: instant,
        newestOnly: { type: 'boolean' },
        value: listOf(
          record({ week: instant, acknowledge: spread, resolve: spread, expert: spread, customer: spread }),
        ),
      }),
    ),
  },
  reportActions: {
    summary: 'How runs ended, by action type',
    query: [weeks],
    response: json(
      record({
        since: instant,
        value: listOf(record({ actionType: textOf(), states: { type: 'object', additionalProperties: count } })),
      }),
    ),
  },
  reportActivity: {
    summary: 'Incidents and alerts by the hour in which they came, of the last 24 hours',
    response: json(
      record({
        at: instant,
        value: listOf(record({ hour: instant, incidents: count, alerts: count }), { maxItems: 24 }),
      }),
    ),
  },
  reportAlerts: {
    summary: 'Incidents by how many alerts they hold',
    query: [weeks],
    response: json(record({ since: instant, alertLimits: listOf(count), counts: listOf(count), merged: count })),
  },
}
