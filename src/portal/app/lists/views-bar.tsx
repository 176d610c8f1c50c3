import { useMutation, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { useApp } from '../frame/app.tsx'
import { announce } from '../live/announce.tsx'
import { Name } from '../parts/badges.tsx'
import { Link } from '../parts/link.tsx'
import { describeFailure } from '../parts/states.tsx'
import { type Search, screenPath, writeSearch } from '../paths.ts'
import { filterPart, type ListName, type SavedView } from './views.ts'

const ViewDialog = lazy(() => import('./view-dialog.tsx'))

interface BarProps {
  readonly list: ListName
  readonly views: readonly SavedView[]
  readonly current: SavedView | undefined
  readonly search: Search
  readonly go: (query: string) => void
}

/** The views of a list: to choose one, keep what one sees, and bring a changed one back. */
export default function ViewsBar({ list, views, current, search, go }: BarProps) {
  const { session, api, may } = useApp()
  const queries = useQueryClient()
  const [isNaming, setNaming] = useState(false)
  const filter = filterPart(list, search)
  const isChanged = current !== undefined && filter !== current.query
  const isMine = current !== undefined && (current.own || (current.shared && may('Cordon.Admin')))
  const write = useMutation({
    mutationFn: async (what: 'save' | 'delete') => {
      if (current === undefined) return
      const path = `/api/v1/views/${current.id}`
      const { screen, name, shared, defaultFor } = current
      if (what === 'delete') await api.call('DELETE', path)
      else await api.call('PUT', path, { body: { screen, name, shared, defaultFor, query: filter } })
    },
    onSuccess: async (_nothing, what) => {
      await queries.invalidateQueries({ queryKey: ['views'] })
      announce(what === 'save' ? 'The view is saved.' : 'The view is deleted.')
      go(what === 'save' && current !== undefined ? writeSearch({ view: current.id }) : '')
    },
  })
  return (
    <nav aria-label="Views" className="flex flex-wrap items-center gap-2 text-meta empty:hidden">
      {views.map(({ id, name, shared }) => (
        <Link
          key={id}
          to={`${screenPath(session.tenant.id, list)}${writeSearch({ view: id })}`}
          {...(id === current?.id ? { 'aria-current': 'page' as const } : {})}
        >
          <Name>{name}</Name>
          {shared ? ' (shared)' : ''}
        </Link>
      ))}
      {isChanged ? (
        <>
          <span>changed</span>
          <button type="button" className="button" onClick={() => go(writeSearch({ view: current.id }))}>
            Reset
          </button>
          {isMine ? (
            <button type="button" className="button" onClick={() => write.mutate('save')}>
              Save
            </button>
          ) : null}
        </>
      ) : null}
      {isMine && !isChanged ? (
        <button type="button" className="button" onClick={() => write.mutate('delete')}>
          Delete this view
        </button>
      ) : null}
      {filter !== '' && (current === undefined || isChanged) ? (
        <button type="button" className="button" onClick={() => setNaming(true)}>
          Save as a view
        </button>
      ) : null}
      {write.isError ? <span className="text-danger">{describeFailure(write.error)}</span> : null}
      <Suspense fallback={null}>
        {isNaming ? <ViewDialog list={list} filter={filter} go={go} onClose={() => setNaming(false)} /> : null}
      </Suspense>
    </nav>
  )
}
