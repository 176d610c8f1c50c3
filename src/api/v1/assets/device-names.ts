import { listHostNamesOf, readSightings } from '../../../store/assets.ts'
import type { AuthorizedHandler } from '../../route.ts'
import { badParameter, readText } from '../read-parameters.ts'
import type { AssetDeps } from './assets.ts'
import { findAsset } from './names.ts'

const maxIds = 200
/** What programs tell devices by: a GUID, or the 40 digits of Defender for Endpoint. */
const isId = /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{40})$/

/**
 * GET /api/v1/devices/names?id=...&id=...: what people call the devices of these ids: as the enrolled host says itself, else as an alert says that
 * names the id. Ids without a name are left out.
 */
export function listDeviceNames(deps: AssetDeps): AuthorizedHandler {
  return async (call) => {
    const { tenantId } = call.caller
    const { read } = deps.store
    const asked = readIds(call.rawQuery)
    const ids = [...new Set(asked.map((id) => id.toLowerCase()))]
    const [hosts, sightings] = await Promise.all([
      listHostNamesOf(read, tenantId, ids),
      readSightings(read, tenantId, 'device', ids),
    ])
    const names = new Map<string, string>()
    for (const { value, evidence } of sightings) {
      const name = findAsset('device', value, evidence).names.find((one) => !isId.test(one))
      if (name !== undefined) names.set(value, name)
    }
    for (const { id, hostname } of hosts) names.set(id, hostname)
    const value = asked.flatMap((id) => {
      const name = names.get(id.toLowerCase())
      return name === undefined ? [] : [{ id, name }]
    })
    return { status: 200, body: JSON.stringify({ value }) }
  }
}

function readIds(rawQuery: string): string[] {
  const ids = new Set<string>()
  for (const [name, value] of new URLSearchParams(rawQuery)) {
    if (name !== 'id') throw badParameter(name, 'is not known here')
    ids.add(readText(name, value))
  }
  if (ids.size === 0 || ids.size > maxIds) throw badParameter('id', `is given 1 to ${maxIds} times`)
  return [...ids]
}
