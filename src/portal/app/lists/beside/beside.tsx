import { lazy, type ReactNode, Suspense, useState } from 'react'
import type { Session } from '../../api/session.ts'
import type { Search } from '../../paths.ts'
import type { ListName } from '../views.ts'
import type { ColumnName } from './columns.ts'
import { usePanels } from './panels.ts'

const FacetPanel = lazy(() => import('./facet-panel.tsx'))
const ColumnsDialog = lazy(() => import('./columns-dialog.tsx'))

/** What stands beside a list, and what of it is shown. */
export interface BesideProps {
  readonly list: ListName
  readonly search: Search
  readonly change: (next: Search) => void
  /** The filter of the API that a search part stands for. */
  readonly filterOf: (search: Search) => string
  /** Whose rows are listed; without it those of the tenant one is in. */
  readonly places?: readonly Session[]
  readonly columns: readonly ColumnName[]
  /** The previewed row. */
  readonly preview: (id: string) => ReactNode
  readonly children: ReactNode
}

/** A list with its panels: beside it on a wide window, over it on a narrower one, instead of it on a small one. */
export function Beside(props: BesideProps) {
  const { children, preview, columns, search, change } = props
  const panels = usePanels()
  const [isChoosing, choose] = useState(false)
  const isOpen = panels.hasValues || panels.preview !== ''
  return (
    <div className="flex items-start gap-4">
      {panels.hasValues ? (
        <Suspense fallback={null}>
          <FacetPanel {...props} close={() => panels.put({ panel: '' })} />
        </Suspense>
      ) : null}
      <div className={`min-w-0 flex-1 space-y-3 ${isOpen ? 'max-md:invisible max-md:h-0 max-md:overflow-hidden' : ''}`}>
        <p className="flex flex-wrap gap-2">
          <button
            type="button"
            id="values"
            className="button"
            aria-expanded={panels.hasValues}
            onClick={() => panels.put({ panel: panels.hasValues ? '' : 'values' })}
          >
            Values
          </button>
          <button type="button" className="button" aria-haspopup="dialog" onClick={() => choose(true)}>
            Columns
          </button>
        </p>
        {children}
      </div>
      <Suspense fallback={null}>
        {panels.preview === '' ? null : preview(panels.preview)}
        {isChoosing ? (
          <ColumnsDialog columns={columns} search={search} change={change} onClose={() => choose(false)} />
        ) : null}
      </Suspense>
    </div>
  )
}
