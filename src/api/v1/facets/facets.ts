import { CordonError } from '../../../model/errors.ts'
import type { Store } from '../../../store/db.ts'
import { countFacet, listFacets } from '../../../store/facets.ts'
import type { ListedTable } from '../../../store/scans.ts'
import { readPreferences } from '../../odata/prefer.ts'
import { readCountQuery } from '../../odata/read-query.ts'
import type { ResourceDescription } from '../../odata/resource.ts'
import { describeAlerts, describeIncidents, describeTasks } from '../../odata/resources.ts'
import type { AuthorizedHandler } from '../../route.ts'

/** What values are counted with. */
export interface FacetDeps {
  readonly store: Store
}

/** As many values as one answer holds. */
const maxValues = 50

/** GET /api/v1/facets/incidents/{facet}: how many of the incidents that a filter leaves have each value of a property. */
export function countIncidentValues(deps: FacetDeps): AuthorizedHandler {
  return countValues(deps, 'incidents', describeIncidents('beta'))
}

/** GET /api/v1/facets/alerts/{facet}: the same of alerts. */
export function countAlertValues(deps: FacetDeps): AuthorizedHandler {
  return countValues(deps, 'alerts', describeAlerts('beta'))
}

/** GET /api/v1/facets/tasks/{facet}: the same of tasks. */
export function countTaskValues(deps: FacetDeps): AuthorizedHandler {
  return countValues(deps, 'tasks', describeTasks())
}

function countValues(deps: FacetDeps, list: ListedTable, resource: ResourceDescription): AuthorizedHandler {
  return async (call) => {
    const facet = call.params.facet ?? ''
    const known = listFacets(list)
    if (!known.includes(facet)) {
      throw new CordonError('NotFound', `The values of ${list} can be counted by ${known.join(', ')}.`)
    }
    // Whoever asks here has no client that an unknown value would surprise.
    const preferences = { ...readPreferences(call.headers.prefer), includeUnknownEnumMembers: true }
    const filter = readCountQuery(call.rawQuery, resource, preferences)
    const contains = new URLSearchParams(call.rawQuery).get('contains') ?? ''
    const { values, isCut, isComplete } = await countFacet(deps.store, call.caller.tenantId, {
      ...{ list, facet, filter, contains },
      top: maxValues,
    })
    return { status: 200, body: JSON.stringify({ value: values, more: isCut, complete: isComplete }) }
  }
}
