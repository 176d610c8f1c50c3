import { observeElementOffset, type Range, useVirtualizer, type Virtualizer } from '@tanstack/react-virtual'
import { type RefObject, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { flushSync } from 'react-dom'
import { usePreferences } from '../frame/preferences.ts'
import { useNarrow } from '../screens/incident/use-narrow.ts'
import { readOffset } from './places.ts'

/** Rows kept ready above and below those in sight. */
const overscan = 8
/** So many more may stand on the page until the next frame, for those that come into sight meanwhile. */
const overlap = 5

/**
 * The rows of a list that are on the page: of one height each, but for the cards of a narrow window, which are measured.
 * @param active a row that is always on the page
 */
export function useWindow<T>(
  rows: readonly T[],
  idOf: (row: T) => string,
  box: RefObject<HTMLDivElement | null>,
  active: number,
) {
  const isNarrow = useNarrow()
  const { density } = usePreferences()
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows both
  const height = useMemo(() => readRowHeight(isNarrow), [isNarrow, density])
  const [around, setAround] = useState<Span>(nothing)
  const latest = useRef(around)
  const isDue = useRef(false)
  const virtual = useVirtualizer({
    count: rows.length,
    initialOffset: () => readOffset() ?? 0,
    getScrollElement: () => box.current,
    estimateSize: () => height,
    observeElementOffset: isNarrow ? observeElementOffset : observePlace,
    getItemKey: useItemKey(rows, idOf),
    rangeExtractor: useCallback((range: Range) => listDrawn(range, around, active), [around, active]),
  })
  virtual.getVirtualItems()
  const { startIndex, endIndex } = virtual.range ?? nothing
  useEffect(() => {
    latest.current = { startIndex, endIndex }
    if (isDue.current || (around.startIndex === startIndex && around.endIndex === endIndex)) return
    isDue.current = true
    // The first one may still be of this frame.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        isDue.current = false
        setAround(latest.current)
      }),
    )
  }, [startIndex, endIndex, around])
  const before = useRef(height)
  useLayoutEffect(() => {
    if (before.current !== height) virtual.measure()
    before.current = height
  }, [virtual, height])
  return { virtual, measure: isNarrow ? virtual.measureElement : undefined, seen: { startIndex, endIndex } }
}

/**
 * Tells how far the list is scrolled, and nothing of when that ends: to ask for the place once more then would have the page laid out in the
 * midst of script. What comes into sight is drawn in the very frame that shows it.
 */
function observePlace(
  { scrollElement }: Virtualizer<HTMLDivElement, Element>,
  tell: (offset: number, isScrolling: boolean) => void,
): (() => void) | undefined {
  if (scrollElement === null) return undefined
  const onScroll = (): void => flushSync(() => tell(scrollElement.scrollTop, false))
  scrollElement.addEventListener('scroll', onScroll, { passive: true })
  return () => scrollElement.removeEventListener('scroll', onScroll)
}

/** Rows from one to another, both among them. */
interface Span {
  readonly startIndex: number
  readonly endIndex: number
}

const nothing: Span = { startIndex: 0, endIndex: -1 }

/**
 * The rows to be drawn: at once those in sight, and with the next frame those around them. Rows that stood around those in sight a frame ago
 * stay until then, so that a turn of the wheel is shared by two frames.
 * @param around what was in sight a frame ago
 */
function listDrawn({ startIndex, endIndex, count }: Span & { count: number }, around: Span, active: number): number[] {
  const drawn = new Set([active])
  for (let index = startIndex; index <= endIndex; index++) drawn.add(index)
  const most = endIndex - startIndex + 1 + 2 * overscan + overlap
  const last = Math.min(around.endIndex + overscan, count - 1)
  const near: number[] = []
  for (let index = Math.max(0, around.startIndex - overscan); index <= last; index++) {
    if (!drawn.has(index)) near.push(index)
  }
  // Those nearest to what is in sight are last, and stay.
  if (around.startIndex > startIndex) near.reverse()
  for (const index of near.slice(drawn.size - most)) drawn.add(index)
  return [...drawn].sort((a, b) => a - b)
}

/** Names rows by what they are, not by where they stand; the same function until the rows change. */
function useItemKey<T>(rows: readonly T[], idOf: (row: T) => string): (index: number) => string | number {
  const latest = useRef(idOf)
  latest.current = idOf
  return useCallback(
    (index) => {
      const row = rows[index]
      return row === undefined ? index : latest.current(row)
    },
    [rows],
  )
}

/** In CSS pixels; of a card only what is reckoned with before it is measured. */
function readRowHeight(isNarrow: boolean): number {
  if (isNarrow) return 96
  return Number.parseInt(getComputedStyle(document.documentElement).getPropertyValue('--row'), 10) || 36
}
