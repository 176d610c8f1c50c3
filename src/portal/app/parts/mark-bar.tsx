import type { ReactNode } from 'react'
import type { Marks } from './marks.ts'

/** How many rows are marked, and what can be done to them; there while some are. */
export function MarkBar({ marks, children }: { marks: Marks; children: ReactNode }) {
  if (marks.ids.size === 0) return null
  return (
    <section aria-label="Selected rows" className="flex flex-wrap items-center gap-3 rounded-box bg-sunken px-3 py-2">
      <strong>{marks.ids.size} selected</strong>
      {children}
      <button type="button" className="button" onClick={marks.clear}>
        Clear the selection
      </button>
    </section>
  )
}
