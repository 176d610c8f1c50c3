import { CordonError } from '../../../model/errors.ts'
import {
  listAlertsNaming,
  listHolds,
  listIncidentLines,
  listIncidentsNaming,
  listNamedThings,
  listRunsOfTasks,
  listTasksById,
  readNamedThings,
} from '../../../store/assets.ts'
import type { Store } from '../../../store/db.ts'
import { listTasksNaming } from '../../../store/task-targets.ts'
import type { AuthorizedCall, AuthorizedHandler } from '../../route.ts'
import { listHosts } from './hosts.ts'
import { type AssetKind, assetKinds, findAsset, keepValues, type NamedAsset } from './names.ts'
import { findHolding, showContainment, showIncident, showRun, showTask, targetKindOf } from './shown.ts'

/** What assets are read with. */
export interface AssetDeps {
  readonly store: Pick<Store, 'read'>
}

const defaultTop = 50
const maxTop = 200
/** So many things can be cut off at a time and still all be shown. */
const maxHolds = 1_000
/** So many alerts are asked by which names a thing goes. */
const maxAsked = 20
/** In the incidents of so many alerts a thing is looked for. */
const maxAlerts = 2_000
const maxListed = 50

/**
 * GET /api/v1/assets/{devices|users|mailboxes}: what alerts have named, by name, from `$top` names on. Each thing stands under its own name
 * alone, so that a page may hold fewer, even none, and still have a next one. `beginning` narrows down.
 */
export function listAssets(deps: AssetDeps): AuthorizedHandler {
  return async (call) => {
    const kind = readKind(call)
    const { tenantId } = call.caller
    const { top, beginning, after } = readParameters(call.rawQuery)
    const [found, holds, hosts] = await Promise.all([
      listNamedThings(deps.store.read, tenantId, { kind, beginning, after, limit: top + 1 }),
      listHolds(deps.store.read, tenantId, maxHolds),
      listHosts(deps.store.read, tenantId, kind),
    ])
    const page = found.slice(0, top)
    const last = found.length > top ? page.at(-1) : undefined
    const value = page.flatMap(({ value: name, evidence, alert_count, first_seen_at, last_seen_at }) => {
      const asset = findAsset(kind, name, evidence)
      if (asset.name !== name) return []
      const deviceId = hosts.find(asset.names)
      const contained = findHolding(holds, kind, asset.names, deviceId)
      const seen = { alertCount: alert_count, firstSeenAt: first_seen_at, lastSeenAt: last_seen_at }
      return [{ kind, name, names: asset.names, deviceId, ...seen, contained }]
    })
    const next = last === undefined ? {} : { '@odata.nextLink': linkTo(call, last.value) }
    return { status: 200, body: JSON.stringify({ ...next, value }) }
  }
}

/** GET /api/v1/assets/contained: what is cut off in the tenant right now, the latest first, 1,000 at most. */
export function listContained(deps: AssetDeps): AuthorizedHandler {
  return async (call) => {
    const holds = await listHolds(deps.store.read, call.caller.tenantId, maxHolds + 1)
    const value = holds.slice(0, maxHolds).map(showContainment)
    return { status: 200, body: JSON.stringify({ value, more: holds.length > maxHolds }) }
  }
}

/**
 * GET /api/v1/assets/{devices|users|mailboxes}/{name}: one asset by any of its names, a host also by its id: what holds it, where alerts saw
 * it, its tasks and what was run on it.
 * @throws CordonError NotFound when the tenant has no alert, task or host of that name
 */
export function getAsset(deps: AssetDeps): AuthorizedHandler {
  return async (call) => {
    const kind = readKind(call)
    const { tenantId } = call.caller
    const { read } = deps.store
    const { asset, deviceId } = await findOne(deps, tenantId, kind, call.params.id ?? '')
    const [seen, taskIds, holds, where] = await Promise.all([
      readNamedThings(read, tenantId, kind, asset.names),
      listTasksNaming(read, tenantId, targetKindOf(kind), asset.names, maxListed + 1),
      listHolds(read, tenantId, maxHolds),
      listIncidentsNaming(read, tenantId, kind, asset.names, maxAlerts),
    ])
    if (seen.length === 0 && taskIds.length === 0 && deviceId === null) throw noSuchAsset()
    const [tasks, runs] = await Promise.all([
      listTasksById(read, tenantId, taskIds.slice(0, maxListed)),
      listRunsOfTasks(read, tenantId, taskIds.slice(0, maxListed), maxListed + 1),
    ])
    const ids = [...new Set([...where.incidentIds, ...tasks.map(({ incidentId }) => Number(incidentId))])]
    const incidents = await listIncidentLines(read, tenantId, ids, maxListed)
    const times = seen.map(({ first_seen_at, last_seen_at }) => ({ first: first_seen_at, last: last_seen_at }))
    const body = {
      ...asset,
      deviceId,
      alertCount: Math.max(0, ...seen.map(({ alert_count }) => alert_count)),
      firstSeenAt: times.map(({ first }) => first).sort()[0] ?? null,
      lastSeenAt:
        times
          .map(({ last }) => last)
          .sort()
          .at(-1) ?? null,
      contained: findHolding(holds, kind, asset.names, deviceId),
      incidents: incidents.map(showIncident),
      tasks: tasks.map(showTask),
      runs: runs.slice(0, maxListed).map(showRun),
      more: where.isCut || ids.length > maxListed || taskIds.length > maxListed || runs.length > maxListed,
    }
    return { status: 200, body: JSON.stringify(body) }
  }
}

async function findOne(
  deps: AssetDeps,
  tenantId: string,
  kind: AssetKind,
  wanted: string,
): Promise<{ readonly asset: NamedAsset; readonly deviceId: string | null }> {
  const [name] = keepValues(kind, [wanted])
  if (name === undefined) throw noSuchAsset()
  const hosts = await listHosts(deps.store.read, tenantId, kind)
  const deviceId = hosts.find([name])
  const host = hosts.namesOf(deviceId)
  const alerts = await listAlertsNaming(deps.store.read, tenantId, kind, host[0] ?? name, maxAsked)
  // A bare name that could be anybody's is told apart by none of them.
  const told = alerts
    .map(({ evidence }) => findAsset(kind, host[0] ?? name, evidence))
    .filter((one) => one.names.includes(host[0] ?? name))
  const names = keepValues(kind, [...host, name, ...told.flatMap((one) => one.names)])
  const shown = host[0] ?? told[0]?.name ?? name
  return { asset: { kind, name: shown, names }, deviceId: deviceId ?? hosts.find(names) }
}

function readKind(call: AuthorizedCall): AssetKind {
  const kind = assetKinds[call.params.kind ?? '']
  if (kind === undefined) throw new CordonError('NotFound', 'Assets are devices, users and mailboxes.')
  return kind
}

function noSuchAsset(): CordonError {
  return new CordonError('NotFound', 'No alert, task or host of your tenant has this name.')
}

interface Parameters {
  readonly top: number
  readonly beginning: string
  readonly after: string
}

function readParameters(rawQuery: string): Parameters {
  const given = new Map(new URLSearchParams(rawQuery))
  for (const name of given.keys()) {
    if (!['$top', '$skiptoken', 'beginning'].includes(name)) throw badParameter(name, 'is not known here')
  }
  const top = given.get('$top') ?? String(defaultTop)
  if (!/^[1-9]\d{0,2}$/.test(top) || Number(top) > maxTop) throw badParameter('$top', `takes 1 to ${maxTop}`)
  const [beginning, after] = ['beginning', '$skiptoken'].map((name) => {
    const text = (given.get(name) ?? '').trim().toLowerCase()
    if (text !== '' && keepValues('user', [text]).length === 0) throw badParameter(name, 'takes a part of a name')
    return text
  })
  return { top: Number(top), beginning: beginning ?? '', after: after ?? '' }
}

function badParameter(name: string, problem: string): CordonError {
  const shown = name.slice(0, 40)
  return new CordonError('BadRequest', `The query parameter '${shown}' ${problem}.`, { target: shown })
}

function linkTo(call: AuthorizedCall, after: string): string {
  const parameters = new URLSearchParams(call.rawQuery)
  parameters.set('$skiptoken', after)
  return `${call.origin}${call.path}?${parameters}`
}
