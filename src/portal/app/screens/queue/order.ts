import { incidentPath } from '../../paths.ts'
import type { QueueRow } from './queue-query.ts'

let order: readonly Pick<QueueRow, 'id' | 'tenant'>[] = []

/** Keeps the order of the list last looked at, for walking through it from incident to incident, of one tenant or of several. */
export function rememberOrder(rows: readonly Pick<QueueRow, 'id' | 'tenant'>[]): void {
  order = rows
}

/** The path of the incident before or after one in that order; null at its ends, and for one that is not in it. */
export function neighbourOf(path: string, step: -1 | 1): string | null {
  const at = order.findIndex(({ tenant, id }) => incidentPath(tenant, id) === path)
  const next = at < 0 ? undefined : order[at + step]
  return next === undefined ? null : incidentPath(next.tenant, next.id)
}
