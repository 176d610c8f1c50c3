import { Name } from '../../parts/badges.tsx'
import { Skeleton } from '../../parts/states.tsx'
import type { Sought } from './use-seek.ts'

/** What became of the row that the address names, where it is not simply there; while it is looked for, instead of the list. */
export default function SoughtRow({ it: { id, state, rows, stop } }: { it: Sought }) {
  const name = <Name>{id}</Name>
  const read = rows.toLocaleString('en')
  if (state === 'seeking') {
    return (
      <>
        <p role="status" className="flex flex-wrap items-center gap-2 text-meta text-ink-2">
          <span>Looking for row {name} in this list.</span>
          <button type="button" className="button" onClick={stop}>
            Show the list
          </button>
        </p>
        <Skeleton rows={12} />
      </>
    )
  }
  return (
    <p role="status" className="text-meta text-ink-2">
      {state === 'gone' ? (
        <>Row {name} is not in this list any more.</>
      ) : state === 'far' ? (
        <>
          Row {name} stands further down than the first {read} rows. A filter brings it nearer.
        </>
      ) : (
        <>Row {name} was not looked for any further.</>
      )}
    </p>
  )
}
