import { useMemo } from 'react'
import type { Column } from '../../parts/grid.tsx'
import { type Search, valuesOf } from '../../paths.ts'

/** A column as it stands in the address, and its word. */
export type ColumnName = Pick<Column<never>, 'key' | 'name'>

/** The columns of a list that the address names, in its order; all of them, in their own, without. */
export function useColumns<T>(columns: readonly Column<T>[], search: Search): readonly Column<T>[] {
  const wanted = valuesOf(search, 'cols').join(' ')
  return useMemo(() => {
    const chosen = wanted.split(' ').flatMap((key) => columns.find((column) => column.key === key) ?? [])
    return chosen.length === 0 ? columns : [...new Set(chosen)]
  }, [columns, wanted])
}
