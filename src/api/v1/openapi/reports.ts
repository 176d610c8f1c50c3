import { count, type DescribedOperations, instant, json, listOf, nullable, query, record, textOf } from './content.ts'

const seconds = nullable({ type: 'number', minimum: 0 })
const spread = record({ count, p50Seconds: seconds, p90Seconds: seconds })
const weeks = query('weeks', { type: 'integer', minimum: 1, maximum: 52 }, 'So many weeks up to now; 12 without.')

/** Figures of how the work goes. */
export const reportOperations: DescribedOperations = {
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
  reportAlerts: {
    summary: 'Incidents by how many alerts they hold',
    query: [weeks],
    response: json(record({ since: instant, alertLimits: listOf(count), counts: listOf(count), merged: count })),
  },
}
