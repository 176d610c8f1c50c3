import { lazy, type ReactNode, Suspense } from 'react'
import type { Sought } from './use-seek.ts'

const SoughtRow = lazy(() => import('./sought-row.tsx'))

/** A list whose address names a row: there once the row is, or once that has been looked for; above it what became of the row. */
export function Seek({ it, children }: { it: Sought; children: ReactNode }) {
  return (
    <>
      {it.state === 'found' ? null : (
        <Suspense fallback={null}>
          <SoughtRow it={it} />
        </Suspense>
      )}
      {it.state === 'seeking' ? null : children}
    </>
  )
}
