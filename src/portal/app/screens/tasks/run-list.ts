import { actionTypes } from '../../../../model/actions.ts'
import { executionStates } from '../../../../model/execution-state.ts'
import { nullable, type Read, record, text } from '../../api/read.ts'
import { executionFields } from '../../api/wire.ts'
import { type Choice, chosenOf } from '../../lists/filters.tsx'
import type { Range } from '../../lists/range.ts'
import { firstOf, type Search } from '../../paths.ts'

/** A run or undo as it stands in the list of all. */
export const listedRun = record({
  id: executionFields.id,
  taskDisplayName: text,
  incidentId: text,
  kind: executionFields.kind,
  undoes: executionFields.undoes,
  undoneBy: nullable(record({ id: text, state: text })),
  actionType: executionFields.actionType,
  state: executionFields.state,
  requestedBy: executionFields.requestedBy,
  connector: executionFields.connector,
  target: executionFields.target,
  requestedAt: executionFields.requestedAt,
})
export type ListedRun = Read<typeof listedRun>

/** The filter by state. */
export const runState: Choice = ['state', 'State', executionStates]
/** The filter by action. */
export const runAction: Choice = ['action', 'Action', actionTypes]
/** What is typed: key of the address, word, what it looks like. */
export const typedFilters = [
  ['actor', 'Who', 'name or id'],
  ['from', 'From', '2026-01-31 or -24h'],
  ['to', 'To', '2026-01-31 or -24h'],
] as const
/** The filters in words. */
export const runFilterWords = { state: 'state', action: 'action', actor: 'who', from: 'from', to: 'to' }

/** The filter of the address as parameters of the API; empty, or begun with a question mark. */
export function runParameters(search: Search, { from, to }: Range): string {
  const parameters = new URLSearchParams()
  for (const state of chosenOf(search, runState)) parameters.append('state', state)
  for (const action of chosenOf(search, runAction)) parameters.append('actionType', action)
  const actor = firstOf(search, 'actor').trim()
  for (const [name, value] of Object.entries({ requestedBy: actor, from, to })) {
    if (value !== '') parameters.append(name, value)
  }
  const written = parameters.toString()
  return written === '' ? '' : `?${written}`
}
