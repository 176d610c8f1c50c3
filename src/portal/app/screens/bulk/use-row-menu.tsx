import { lazy, type ReactNode, Suspense, useState } from 'react'
import type { RowMenus } from '../../parts/grid.tsx'
import type { Menu, MenuRow } from './row-menu.tsx'

const RowMenu = lazy(() => import('./row-menu.tsx'))

/**
 * The menus of a list's rows, loaded when one is first opened.
 * @param what which of them the rows have; none for somebody who may not change them
 * @param rowOf a row as the menu knows it
 * @param onDone told when everything chosen has changed
 * @returns what opens them, and the one that is open
 */
export function useRowMenu<T>(
  kind: Menu['kind'],
  what: readonly Menu['what'][],
  rowOf: (row: T) => MenuRow,
  onDone: () => void,
): { readonly menus: RowMenus<T>; readonly menu: ReactNode } {
  // As they were chosen: a change may take them out of the filter.
  const [open, setOpen] = useState<Menu | null>(null)
  const menus = Object.fromEntries(
    what.map((one) => [one, (rows: readonly T[]) => setOpen({ kind, what: one, rows: rows.map(rowOf) })]),
  )
  const menu =
    open === null ? null : (
      <Suspense fallback={null}>
        <RowMenu
          menu={open}
          onClose={() => setOpen(null)}
          onDone={() => {
            setOpen(null)
            onDone()
          }}
        />
      </Suspense>
    )
  return { menus, menu }
}
