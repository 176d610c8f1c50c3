import type { ListName } from '../views.ts'

/** A property by whose values a list can be narrowed: the key of the address, its word, its name in the API. */
export type Facet = readonly [key: string, word: string, property: string]

/** The facets of each list, in the order in which they are shown. */
export const facetsOf: Readonly<Record<ListName, readonly Facet[]>> = {
  incidents: [
    ['status', 'Status', 'status'],
    ['severity', 'Severity', 'severity'],
    ['assigned', 'Owner', 'assignedTo'],
    ['tag', 'Tag', 'customTags'],
    ['source', 'Source', 'source'],
    ['classification', 'Classification', 'classification'],
  ],
  tasks: [
    ['actionStatus', 'Action state', 'actionStatus'],
    ['type', 'Action', 'actionType'],
    ['source', 'Source', 'source'],
  ],
  alerts: [
    ['status', 'Status', 'status'],
    ['severity', 'Severity', 'severity'],
    ['assigned', 'Owner', 'assignedTo'],
    ['source', 'Source', 'serviceSource'],
    ['classification', 'Classification', 'classification'],
  ],
  audit: [],
}
