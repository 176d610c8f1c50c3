import { type UseQueryResult, useQuery } from '@tanstack/react-query'
import { useApp } from '../frame/app.tsx'
import { readSearch, type Search, valuesOf, writeSearch } from '../paths.ts'
import { fetchAs } from './queries.ts'
import { listOf, type Read, record, text, truth } from './read.ts'

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

/** One's own views and the shared ones. */
export function useViews(): UseQueryResult<readonly SavedView[]> {
  const { api } = useApp()
  return useQuery({
    queryKey: ['views'],
    staleTime: 60_000,
    queryFn: async ({ signal }) => (await fetchAs(api, '/api/v1/views', views, signal)).value,
  })
}

const filters = ['status', 'severity', 'assigned', 'q', 'sort']

/** The part of a search that a view keeps, as text without the question mark. */
export function filterPart(search: Search): string {
  const kept = Object.fromEntries(filters.map((key) => [key, valuesOf(search, key)]))
  return writeSearch(kept).slice(1)
}

/** What an address stands for: a view alone stands for its filter; with further keys it is that view, changed. */
export function applyView(stated: Search, current: SavedView | undefined): Search {
  if (current === undefined || filterPart(stated) !== '') return stated
  return { ...readSearch(current.query), ...stated }
}

/** The search part for a filter under a view: the view alone where nothing of it is changed, no view where nothing is left. */
export function writeView(next: Search, current: SavedView | undefined): string {
  const { sel: _left, view: _view, ...kept } = next
  const filter = filterPart(next)
  if (current === undefined || filter === '') return writeSearch(kept)
  return filter === current.query ? writeSearch({ view: current.id }) : writeSearch({ ...kept, view: current.id })
}
