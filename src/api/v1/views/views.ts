import type { Caller } from '../../../access/authorize.ts'
import { roleNames } from '../../../model/permissions.ts'
import { boolean, list, object, oneOf, type Reader, text } from '../../../model/safety/fields.ts'
import {
  createView,
  removeView,
  replaceView,
  rolesOf,
  type ViewActor,
  type ViewDeps,
  type ViewInput,
  viewScreens,
} from '../../../respond/views.ts'
import type { SavedViewRow } from '../../../store/schema-views.ts'
import { listViews } from '../../../store/views.ts'
import type { AuthorizedHandler } from '../../route.ts'
import { readFields } from '../read-fields.ts'

const maxQuery = 2_000

/** The search part of an address: encoded, so that it holds nothing but printable ASCII; empty for everything. */
const query: Reader<string> = (value, path, faults) => {
  if (typeof value === 'string' && value.length <= maxQuery && /^[\x21-\x7e]*$/.test(value)) return value
  faults.push({ path, problem: `must be the search part of an address, at most ${maxQuery} characters` })
  return ''
}

const fields = object<ViewInput>({
  screen: oneOf(viewScreens),
  name: text(100),
  query,
  shared: { read: boolean, absent: false },
  defaultFor: { read: list(oneOf(roleNames), roleNames.length, { key: (role) => role }), absent: [] },
})

/** GET /api/v1/views: the caller's own views and the shared ones. */
export function listSavedViews(deps: Pick<ViewDeps, 'store'>): AuthorizedHandler {
  return async ({ caller }) => {
    const rows = await listViews(deps.store.read, caller.tenantId, caller.id)
    return { status: 200, body: JSON.stringify({ value: rows.map((row) => show(row, caller)) }) }
  }
}

/** POST /api/v1/views: keeps a view. */
export function createSavedView(deps: ViewDeps): AuthorizedHandler {
  return async (call) => {
    const row = await createView(deps, actorOf(call.caller), readFields(fields, call.body))
    const headers = { Location: `${call.origin}/api/v1/views/${row.id}` }
    return { status: 201, body: JSON.stringify(show(row, call.caller)), headers }
  }
}

/** PUT /api/v1/views/{id}: puts another filter under its name. */
export function replaceSavedView(deps: ViewDeps): AuthorizedHandler {
  return async (call) => {
    const id = (call.params.id ?? '').toLowerCase()
    const row = await replaceView(deps, actorOf(call.caller), id, () => readFields(fields, call.body))
    return { status: 200, body: JSON.stringify(show(row, call.caller)) }
  }
}

/** DELETE /api/v1/views/{id}: forgets it. */
export function deleteSavedView(deps: ViewDeps): AuthorizedHandler {
  return async (call) => {
    await removeView(deps, actorOf(call.caller), (call.params.id ?? '').toLowerCase())
    return { status: 204 }
  }
}

function actorOf(caller: Caller): ViewActor {
  const mayShare = caller.permissions.has('SecurityIncident.ReadWrite.All')
  return { ...caller, mayShare, isAdmin: caller.permissions.has('Cordon.Admin') }
}

function show(row: SavedViewRow, caller: Caller): object {
  return {
    id: row.id,
    screen: row.screen,
    name: row.name,
    query: row.query,
    shared: row.shared === 1,
    own: row.owner_id === caller.id,
    ownerName: row.owner_name,
    defaultFor: rolesOf(row),
    createdDateTime: row.created_at,
    lastModifiedDateTime: row.updated_at,
  }
}
