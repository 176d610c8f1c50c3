import type { Clock, Ids } from '../io/clock.ts'
import { CordonError } from '../model/errors.ts'
import type { RoleName } from '../model/permissions.ts'
import type { Store, Tx } from '../store/db.ts'
import { type Actor, recordChange } from '../store/record.ts'
import type { SavedViewRow } from '../store/schema-views.ts'
import {
  countViews,
  deleteView,
  insertView,
  listDefaultsForUpdate,
  readViewForUpdate,
  updateView,
} from '../store/views.ts'

/** Lists that views are kept for. */
export const viewScreens = ['incidents', 'tasks', 'alerts', 'audit'] as const

/** What keeping views needs. */
export interface ViewDeps {
  readonly store: Pick<Store, 'read' | 'transaction'>
  readonly clock: Clock
  readonly ids: Ids
}

/** Who keeps a view, and how far they may go. */
export interface ViewActor extends Actor {
  /** May make what everybody sees. */
  readonly mayShare: boolean
  /** May change what others made, and say what a role begins with. */
  readonly isAdmin: boolean
}

/** A view as somebody wants it. */
export interface ViewInput {
  readonly screen: (typeof viewScreens)[number]
  readonly name: string
  /** The search part of the address, without the question mark. */
  readonly query: string
  readonly shared: boolean
  readonly defaultFor: readonly RoleName[]
}

const maxViews = 200

/**
 * Keeps a view.
 * @throws CordonError BadRequest for a query that no default may have, or too many; Forbidden for what the actor may not share
 */
export async function createView(deps: ViewDeps, actor: ViewActor, input: ViewInput): Promise<SavedViewRow> {
  const row = toRow(deps, actor, input)
  await deps.store.transaction(async (tx) => {
    if ((await countViews(tx, actor.tenantId, actor.id)) >= maxViews) {
      throw new CordonError('BadRequest', `Nobody keeps more than ${maxViews} views; remove one first.`)
    }
    requireMay(actor, row, null)
    await takeDefaults(tx, row)
    await insertView(tx, row)
    await recordChange(tx, { at: row.updated_at, actor, audit: entryOf('createView', row) })
  })
  return row
}

/**
 * Puts another filter under a view's name. The list it is for stays.
 * @param read reads the body, once the view is there
 * @throws CordonError NotFound for one that is absent or another's own; else as {@link createView}
 */
export async function replaceView(
  deps: ViewDeps,
  actor: ViewActor,
  id: string,
  read: () => ViewInput,
): Promise<SavedViewRow> {
  return deps.store.transaction(async (tx) => {
    const before = await requireView(tx, actor, id)
    const { owner_id, owner_name, created_at, screen } = before
    const row = { ...toRow(deps, actor, read()), id, owner_id, owner_name, created_at, screen }
    requireMay(actor, row, before)
    await takeDefaults(tx, row)
    await updateView(tx, row)
    await recordChange(tx, { at: row.updated_at, actor, audit: entryOf('updateView', row) })
    return row
  })
}

/** Forgets a view. @throws CordonError NotFound, Forbidden */
export async function removeView(deps: ViewDeps, actor: ViewActor, id: string): Promise<void> {
  await deps.store.transaction(async (tx) => {
    const before = await requireView(tx, actor, id)
    requireMay(actor, before, before)
    await deleteView(tx, actor.tenantId, id)
    await recordChange(tx, { at: deps.clock.now(), actor, audit: entryOf('deleteView', before) })
  })
}

/** Roles a view is the beginning of. */
export function rolesOf(row: Pick<SavedViewRow, 'default_for'>): string[] {
  return row.default_for.split(',').filter((role) => role !== '')
}

function toRow(deps: ViewDeps, actor: Actor, input: ViewInput): SavedViewRow {
  const at = deps.clock.now()
  if (input.defaultFor.length > 0 && hidesWhatWaits(input)) {
    throw new CordonError('BadRequest', 'What a role begins with must not hide what awaits action.', {
      target: 'query',
    })
  }
  return {
    tenant_id: actor.tenantId,
    id: deps.ids.guid(),
    owner_id: actor.id,
    owner_name: actor.name,
    shared: input.shared ? 1 : 0,
    screen: input.screen,
    name: input.name,
    query: input.query,
    default_for: [...new Set(input.defaultFor)].sort().join(','),
    created_at: at,
    updated_at: at,
  }
}

/** True for a filter of incidents without those that await action, and one of tasks that does not show those that wait. */
function hidesWhatWaits({ screen, query }: ViewInput): boolean {
  const filter = new URLSearchParams(query)
  const statuses = filter.getAll('status')
  if (screen === 'incidents') return statuses.length > 0 && !statuses.includes('awaitingAction')
  const actionStatuses = filter.getAll('actionStatus')
  const isElsewhere = (filter.get('tab') ?? 'pending') !== 'pending'
  return screen === 'tasks' && (isElsewhere || (actionStatuses.length > 0 && !actionStatuses.includes('notStarted')))
}

async function requireView(tx: Tx, actor: ViewActor, id: string): Promise<SavedViewRow> {
  const row = await readViewForUpdate(tx, actor.tenantId, id)
  if (row !== undefined && (row.owner_id === actor.id || row.shared === 1)) return row
  throw new CordonError('NotFound', 'There is no such view.')
}

function requireMay(actor: ViewActor, row: SavedViewRow, before: SavedViewRow | null): void {
  const forbid = (message: string): never => {
    throw new CordonError('Forbidden', message)
  }
  if (row.owner_id !== actor.id && !actor.isAdmin) forbid('Only its owner or an admin changes a shared view.')
  if (row.shared === 1 && !actor.mayShare) forbid('Sharing a view needs SecurityIncident.ReadWrite.All.')
  if (row.default_for !== (before?.default_for ?? '') && !actor.isAdmin) {
    forbid('Only an admin says what a role begins with.')
  }
  if (row.default_for !== '' && row.shared === 0) {
    throw new CordonError('BadRequest', 'A role begins with a shared view only.', { target: 'shared' })
  }
}

/** A role begins with one view: whichever was named for it last. */
async function takeDefaults(tx: Tx, row: SavedViewRow): Promise<void> {
  const taken = rolesOf(row)
  if (taken.length === 0) return
  for (const other of await listDefaultsForUpdate(tx, row.tenant_id, row.screen)) {
    const left = rolesOf(other).filter((role) => !taken.includes(role))
    if (other.id !== row.id) await updateView(tx, { ...other, default_for: left.join(',') })
  }
}

function entryOf(action: string, row: SavedViewRow): Parameters<typeof recordChange>[1]['audit'] {
  const { name, query, shared, default_for } = row
  const details = { name, query, shared: shared === 1, defaultFor: default_for }
  return { action, objectType: 'view', objectId: row.id, decision: 'allowed', details }
}
