import { useCallback, useMemo, useState } from 'react'

/** Rows that are marked for something that is done to several. */
export interface Marks {
  readonly ids: ReadonlySet<string>
  /** The row that was marked last; null when none was. */
  readonly last: string | null
  /** Marks these rows; when all of them are marked, takes the marks away. */
  readonly toggle: (ids: readonly string[]) => void
  readonly clear: () => void
}

/** Marks of one list, kept while the list is shown. */
export function useMarks(): Marks {
  const [marked, setMarked] = useState<Pick<Marks, 'ids' | 'last'>>({ ids: new Set(), last: null })
  const toggle = useCallback((ids: readonly string[]) => {
    setMarked((before) => {
      const areAll = ids.every((id) => before.ids.has(id))
      const kept = [...before.ids].filter((id) => !ids.includes(id))
      return { ids: new Set(areAll ? kept : [...kept, ...ids]), last: ids.at(-1) ?? before.last }
    })
  }, [])
  const clear = useCallback(() => setMarked({ ids: new Set(), last: null }), [])
  return useMemo(() => ({ ...marked, toggle, clear }), [marked, toggle, clear])
}

/** The rows from the one that was marked last to the one at `active`, which comes last. */
export function rangeTo(active: number, last: string | null, ids: readonly string[]): string[] {
  const from = last === null ? -1 : ids.indexOf(last)
  if (from < 0) return ids.slice(active, active + 1)
  const between = ids.slice(Math.min(from, active), Math.max(from, active) + 1)
  return from <= active ? between : between.reverse()
}
