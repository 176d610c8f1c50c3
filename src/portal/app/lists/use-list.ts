import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef } from 'react'
import { useApp } from '../frame/app.tsx'
import { firstOf, readSearch, type Search, screenPath, writeSearch } from '../paths.ts'
import { applyView, filterPart, type ListName, type SavedView, useViews, writeView } from './views.ts'

/** What a list shows, and how that is changed. */
export interface ListState {
  readonly list: ListName
  /** As it stands in the address. */
  readonly stated: Search
  /** What the address stands for, with the view it names. */
  readonly search: Search
  readonly views: readonly SavedView[]
  /** The view that the address names. */
  readonly current: SavedView | undefined
  /** True until the view is there that the address names, and nothing else. */
  readonly isWaiting: boolean
  /** Goes to another search part; `replace` makes no step in the history of the browser. */
  readonly go: (query: string, replace?: boolean) => void
  /** The row that has the focus, as it stands in the address; empty for none. */
  readonly selected: string
  /** Writes the row that has the focus into the address, without a step in the history; once the focus rests. */
  readonly select: (id: string) => void
  /** The address of another filter. */
  readonly hrefOf: (next: Search) => string
  /** Goes to another filter; typing makes no step. */
  readonly change: (next: Search, isTyping?: boolean) => void
}

/** Reads what a list shows from the address. Somebody who comes without a wish of their own begins with the view of their role. */
export function useList(list: ListName): ListState {
  const stated: Search = useSearch({ strict: false })
  const navigate = useNavigate()
  const { tenant } = useParams({ strict: false })
  const { session } = useApp()
  // Of this list: what was typed may come to rest when another screen is on its way.
  const pathname = screenPath(tenant ?? session.tenant.id, list)
  const { data, isPending } = useViews()
  const views = useMemo(() => (data ?? []).filter(({ screen }) => screen === list), [data, list])
  const named = firstOf(stated, 'view')
  const current = views.find(({ id }) => id === named)
  const search = useMemo(() => applyView(list, stated, current), [list, stated, current])
  const go = useCallback(
    (query: string, replace = false) => void navigate({ href: `${pathname}${query}`, replace }),
    [navigate, pathname],
  )
  const hrefOf = useCallback(
    (next: Search) => `${pathname}${writeView(list, next, current)}`,
    [list, pathname, current],
  )
  const change = useCallback(
    (next: Search, isTyping = false) => void navigate({ href: hrefOf(next), replace: isTyping }),
    [navigate, hrefOf],
  )
  const select = useSelect()
  useBeginning(stated, views, go)
  const isWaiting = isPending && named !== '' && filterPart(list, stated) === ''
  return {
    list,
    stated,
    search,
    views,
    current,
    isWaiting,
    selected: firstOf(stated, 'sel'),
    select,
    go,
    hrefOf,
    change,
  }
}

/** So long a focus that moves on is not written down, ms. */
const restMs = 150

/** Writes the row that has the focus into the address once the focus rests. */
export function useSelect(): (id: string) => void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  return useCallback((id) => {
    clearTimeout(timer.current)
    const { pathname } = location
    timer.current = setTimeout(() => {
      if (location.pathname === pathname) writeSelection(id)
    }, restMs)
  }, [])
}

/** Back leads to this row. */
export function writeSelection(id: string): void {
  const search = writeSearch({ ...readSearch(location.search), sel: id })
  history.replaceState(history.state, '', `${location.pathname}${search}`)
}

function useBeginning(stated: Search, views: readonly SavedView[], go: ListState['go']): void {
  const { session } = useApp()
  const isOpen = useRef(writeSearch({ ...stated, sel: '' }) === '')
  useEffect(() => {
    if (!isOpen.current || views.length === 0) return
    isOpen.current = false
    const beginning = views.find(({ defaultFor }) => defaultFor.includes(session.user.role))
    if (beginning !== undefined) go(writeSearch({ view: beginning.id }), true)
  }, [views, session.user.role, go])
}
