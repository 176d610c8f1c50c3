import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import { firstOf, readSearch, type Search, writeSearch } from '../../paths.ts'

/** What is open beside a list, as it stands in the address. */
export interface Panels {
  /** The panel with the values of the list's properties. */
  readonly hasValues: boolean
  /** The row that is previewed; empty for none. */
  readonly preview: string
  /** Opens or closes: a step in the history of the browser. */
  readonly put: (change: { readonly panel?: 'values' | ''; readonly preview?: string; readonly sel?: string }) => void
}

/** Reads what is open beside a list from the address. */
export function usePanels(): Panels {
  const search: Search = useSearch({ strict: false })
  const navigate = useNavigate()
  const put = useCallback<Panels['put']>(
    // As it stands there now: the row with the focus is written without the router.
    (change) =>
      void navigate({ href: `${location.pathname}${writeSearch({ ...readSearch(location.search), ...change })}` }),
    [navigate],
  )
  return { hasValues: firstOf(search, 'panel') === 'values', preview: firstOf(search, 'preview'), put }
}
