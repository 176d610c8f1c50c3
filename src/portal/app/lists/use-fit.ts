import { type RefObject, useLayoutEffect, useMemo, useRef, useState } from 'react'
import type { Column } from '../parts/grid.tsx'
import { useNarrow } from '../screens/incident/use-narrow.ts'

const remPixels = 16
const gapPixels = 8
/** What a list has to both sides of its rows. */
const edgePixels = 26
const markWidth = '2.5rem'

/** The columns that find room, and the grid they stand in; on a narrow window, where rows are cards, all that cards have. */
export function useFit<T>(
  all: readonly Column<T>[],
  hasMarks: boolean,
): { whole: RefObject<HTMLDivElement | null>; columns: readonly Column<T>[]; template: string } {
  const whole = useRef<HTMLDivElement>(null)
  const [room, setRoom] = useState(Number.POSITIVE_INFINITY)
  const isNarrow = useNarrow()
  useLayoutEffect(() => {
    const grid = whole.current
    if (grid === null) return
    const measure = (): void => setRoom(grid.clientWidth)
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(grid)
    return () => observer.disconnect()
  }, [])
  const columns = useMemo(
    () =>
      isNarrow
        ? all.filter(({ wide }) => wide !== true)
        : leaveOut(all, room - edgePixels - (hasMarks ? leastOf(markWidth) : 0)),
    [all, room, hasMarks, isNarrow],
  )
  const widths = columns.map(({ width }) => width)
  return { whole, columns, template: (hasMarks ? [markWidth, ...widths] : widths).join(' ') }
}

/** Leaves out one after the other until the rest fits. @param room in CSS pixels */
function leaveOut<T>(columns: readonly Column<T>[], room: number): readonly Column<T>[] {
  const need = columns.reduce((sum, { width }) => sum + leastOf(width), 0)
  const [first] = columns.filter(({ spare }) => spare !== undefined).sort((a, b) => (a.spare ?? 0) - (b.spare ?? 0))
  if (need <= room || first === undefined) return columns
  return leaveOut(
    columns.filter((column) => column !== first),
    room,
  )
}

/** The least a column of that width takes, with the gap beside it; widths are in rem. */
function leastOf(width: string): number {
  return Number.parseFloat(/[\d.]+/.exec(width)?.[0] ?? '0') * remPixels + gapPixels
}
