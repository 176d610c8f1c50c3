import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Heads } from '../../parts/grid.tsx'
import { Failure, Skeleton } from '../../parts/states.tsx'
import { Wide } from '../../parts/wide.tsx'

/** One report: its heading, and what stands in it once the figures are there. */
export function Panel<T>(props: {
  name: string
  about: string
  figures: UseQueryResult<T>
  children: (data: T) => ReactNode
}) {
  const { name, about, figures, children } = props
  return (
    <section className="box min-w-0 space-y-2 p-4" aria-label={name}>
      <h2>{name}</h2>
      <p className="text-meta text-ink-2">{about}</p>
      {figures.isError && figures.data === undefined ? (
        <Failure error={figures.error} retry={() => void figures.refetch()} />
      ) : figures.data === undefined ? (
        <Skeleton rows={4} />
      ) : (
        children(figures.data)
      )}
    </section>
  )
}

/** The same figures as a table, behind a toggle or on their own. */
export function Figures(props: {
  name: string
  columns: readonly string[]
  rows: readonly (readonly ReactNode[])[]
  isOpen?: boolean
}) {
  const { name, columns, rows, isOpen = false } = props
  const table = (
    <Wide name={`${name}, table`}>
      <table className="w-full text-table">
        <Heads names={columns} pad="px-2" />
        <tbody>
          {rows.map((cells, row) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of figures keep their places
            <tr key={row} className="border-t border-line">
              {cells.map((cell, column) => (
                <td key={columns[column]} className="px-2 py-1">
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  )
  if (isOpen) return table
  return (
    <details>
      <summary className="min-h-6 cursor-pointer">As a table</summary>
      {table}
    </details>
  )
}
