import { listEvidenceOfEach, listKnownIncidents } from '../../../store/assets.ts'
import type { Store } from '../../../store/db.ts'
import { isIncidentId } from '../../../store/incidents.ts'
import type { AuthorizedHandler } from '../../route.ts'
import { badParameter } from '../read-parameters.ts'
import { listHosts } from './hosts.ts'
import { listAssetsIn } from './names.ts'
import { Assets } from './of-incident.ts'

/** As many incidents as one page of them holds. */
const maxIncidents = 50
/** The newest alerts of an incident that are looked at: of all incidents of a page they are read in well under a tenth of a second. */
const maxAlerts = 25

/**
 * GET /api/v1/assets/counts?incidents=1,2: how many devices, users and mailboxes the newest 25 alerts of each incident name. `complete` is false
 * where it has more alerts, so that there are at least so many. Incidents the tenant does not have are left out.
 */
export function countAssets(deps: { readonly store: Pick<Store, 'read' | 'dialect'> }): AuthorizedHandler {
  return async (call) => {
    const { tenantId } = call.caller
    const ids = readIds(call.rawQuery)
    const [known, found, hosts] = await Promise.all([
      listKnownIncidents(deps.store.read, tenantId, ids),
      listEvidenceOfEach(deps.store, tenantId, ids, maxAlerts + 1),
      listHosts(deps.store.read, tenantId, 'device'),
    ])
    const value = known.map((id) => {
      const seen = new Assets(hosts)
      const evidence = found.get(id) ?? []
      for (const one of evidence.slice(0, maxAlerts)) seen.noteAlert(listAssetsIn(one))
      return { incidentId: String(id), assets: seen.list().length, complete: evidence.length <= maxAlerts }
    })
    return { status: 200, body: JSON.stringify({ value }) }
  }
}

function readIds(rawQuery: string): number[] {
  const given = new URLSearchParams(rawQuery)
  for (const name of given.keys()) if (name !== 'incidents') throw badParameter(name, 'is not known here')
  const ids = (given.get('incidents') ?? '').split(',')
  if (given.getAll('incidents').length !== 1 || ids.length > maxIncidents || !ids.every(isIncidentId)) {
    throw badParameter('incidents', `takes 1 to ${maxIncidents} ids of incidents with commas between them`)
  }
  return [...new Set(ids.map(Number))]
}
