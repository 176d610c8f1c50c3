import assert from 'node:assert/strict'
import { type ODataQuery, type QueryPreferences, readQuery } from '../../src/api/odata/read-query.ts'
import type { ResourceDescription } from '../../src/api/odata/resource.ts'
import { describeAlerts, describeIncidents, describeTasks } from '../../src/api/odata/resources.ts'
import { CordonError } from '../../src/model/errors.ts'
import type { BoundFilter } from '../../src/model/query.ts'

export const incidents: ResourceDescription = describeIncidents('v1.0')
export const betaIncidents: ResourceDescription = describeIncidents('beta')
export const alerts: ResourceDescription = describeAlerts('v1.0')
export const tasks: ResourceDescription = describeTasks()

/** A request without the Prefer header. */
export const plain: QueryPreferences = { includeUnknownEnumMembers: false, maxPageSize: null }
/** `Prefer: include-unknown-enum-members`. */
export const revealing: QueryPreferences = { includeUnknownEnumMembers: true, maxPageSize: null }

/** The query of a raw query string, as an incidents request without Prefer unless said otherwise. */
export function query(
  rawQuery: string,
  resource: ResourceDescription = incidents,
  prefer: QueryPreferences = plain,
): ODataQuery {
  return readQuery(rawQuery, resource, prefer)
}

/** What `$filter` means. */
export function filter(
  text: string,
  resource: ResourceDescription = incidents,
  prefer: QueryPreferences = plain,
): BoundFilter | null {
  return query(`$filter=${encodeURIComponent(text)}`, resource, prefer).filter
}

/** The error that `act` is refused with; anything else it throws, or no error at all, fails the test. */
export function refusalOf(act: () => unknown): CordonError {
  try {
    act()
  } catch (error) {
    if (error instanceof CordonError) return error
    throw error
  }
  return assert.fail('the request was accepted')
}
