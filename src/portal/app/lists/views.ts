import { type UseQueryResult, useQuery } from '@tanstack/react-query'
import { fetchAs } from '../api/queries.ts'
import { listOf, type Read, record, text, truth } from '../api/read.ts'
import { useApp } from '../frame/app.tsx'
import { readSearch, type Search, valuesOf, writeSearch } from '../paths.ts'

const view = record({
  id: text,
  screen: text,
  name: text,
  query: text,
  shared: truth,
  own: truth,
  ownerName: text,
  defaultFor: listOf(text),
})
/** A filter somebody keeps under a name. */
export type SavedView = Read<typeof view>
const views = record({ value: listOf(view) })

/** Lists that views are kept for, and the keys of the address that make up the filter of each. */
const filters = {
  incidents: ['status', 'severity', 'classification', 'assigned', 'tag', 'source', 'q', 'sort', 'cols'],
  tasks: ['tab', 'source', 'actionStatus', 'type', 'q', 'state', 'action', 'actor', 'from', 'to', 'cols'],
  alerts: ['status', 'severity', 'classification', 'assigned', 'source', 'q', 'cols'],
  audit: ['from', 'to', 'actor', 'action', 'object', 'decision'],
} as const

/** A list that views are kept for, by the name of its screen. */
export type ListName = keyof typeof filters

/** One's own views and the shared ones, of all lists. */
export function useViews(): UseQueryResult<readonly SavedView[]> {
  const { api } = useApp()
  return useQuery({
    queryKey: ['views'],
    staleTime: 60_000,
    queryFn: async ({ signal }) => (await fetchAs(api, '/api/v1/views', views, signal)).value,
  })
}

/** The part of a search that a view keeps, as text without the question mark. */
export function filterPart(list: ListName, search: Search): string {
  const kept = Object.fromEntries(filters[list].map((key) => [key, valuesOf(search, key)]))
  return writeSearch(kept).slice(1)
}

/** What an address stands for: a view alone stands for its filter; with further keys it is that view, changed. */
export function applyView(list: ListName, stated: Search, current: SavedView | undefined): Search {
  if (current === undefined || filterPart(list, stated) !== '') return stated
  return { ...readSearch(current.query), ...stated }
}

/** The search part for a filter under a view: the view alone where nothing of it is changed, no view where nothing is left. */
export function writeView(list: ListName, next: Search, current: SavedView | undefined): string {
  const { sel: _left, view: _view, ...kept } = next
  const filter = filterPart(list, next)
  if (current === undefined || filter === '') return writeSearch(kept)
  if (filter !== current.query) return writeSearch({ ...kept, view: current.id })
  const parts: readonly string[] = filters[list]
  const rest = Object.entries(kept).filter(([key]) => !parts.includes(key))
  return writeSearch({ ...Object.fromEntries(rest), view: current.id })
}
