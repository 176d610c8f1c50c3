import { observeElementOffset, type Range, useVirtualizer, type Virtualizer } from '@tanstack/react-virtual'
import { type RefObject, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { flushSync } from 'react-dom'
import { usePreferences } from '../frame/preferences.ts'
import { useNarrow } from '../screens/incident/use-narrow.ts'
import { readOffset } from './seek/places.ts'

/** Rows kept ready beyond those in sight: where the list is scrolled to, which is more than a turn of the wheel, and where it came from. */
const ahead = 20
const behind = 4
/** So many are made ready in one frame: with more the frame is late, and a person who scrolls on sees it. */
const perFrame = 6

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
  const [ready, setReady] = useState<Span>(nothing)
  const virtual = useVirtualizer({
    count: rows.length,
    initialOffset: () => readOffset() ?? 0,
    getScrollElement: () => box.current,
    estimateSize: () => height,
    observeElementOffset: isNarrow ? observeElementOffset : observePlace,
    getItemKey: useItemKey(rows, idOf),
    rangeExtractor: useCallback((range: Range) => listDrawn(range, ready, active), [ready, active]),
  })
  virtual.getVirtualItems()
  const { startIndex, endIndex } = virtual.range ?? nothing
  useMakeReady({ startIndex, endIndex }, rows.length, ready, setReady)
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

/** Makes the rows beyond those in sight ready, a few with each frame that follows. */
function useMakeReady(
  { startIndex, endIndex }: Span,
  count: number,
  ready: Span,
  setReady: (next: Span) => void,
): void {
  const before = useRef({ startIndex, isDown: true })
  const latest = useRef<Span>(nothing)
  const isDue = useRef(false)
  useEffect(() => {
    const { startIndex: was, isDown: wasDown } = before.current
    const isDown = startIndex === was ? wasDown : startIndex > was
    before.current = { startIndex, isDown }
    const next = comeNearer(ready, { startIndex, endIndex }, count, isDown)
    latest.current = next
    if (isDue.current || (next.startIndex === ready.startIndex && next.endIndex === ready.endIndex)) return
    isDue.current = true
    // The first one may still be of this frame.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        isDue.current = false
        setReady(latest.current)
      }),
    )
  }, [startIndex, endIndex, count, ready, setReady])
}

/** The rows that are ready with the next frame: what is wanted no more goes, and of what is wanted and not there a few come. */
function comeNearer(ready: Span, seen: Span, count: number, isDown: boolean): Span {
  if (seen.endIndex < seen.startIndex) return nothing
  const first = Math.max(0, seen.startIndex - (isDown ? behind : ahead))
  const last = Math.min(count - 1, seen.endIndex + (isDown ? ahead : behind))
  const isNear = ready.startIndex <= seen.endIndex + 1 && ready.endIndex >= seen.startIndex - 1
  const from = isNear ? Math.min(seen.startIndex, Math.max(first, ready.startIndex)) : seen.startIndex
  const to = isNear ? Math.max(seen.endIndex, Math.min(last, ready.endIndex)) : seen.endIndex
  const below = Math.min(last - to, isDown ? perFrame : Math.max(0, perFrame - (from - first)))
  const above = Math.min(from - first, perFrame - below)
  return { startIndex: from - above, endIndex: to + below }
}

/** The rows to be drawn: those in sight at once, whatever is ready, and the one with the focus. */
function listDrawn({ startIndex, endIndex, count }: Span & { count: number }, ready: Span, active: number): number[] {
  const drawn = new Set([active])
  for (let index = startIndex; index <= endIndex; index++) drawn.add(index)
  // Those that a turn of the wheel left far behind go at once, so that the page never holds many more than it needs.
  const first = Math.max(ready.startIndex, startIndex - ahead)
  const last = Math.min(ready.endIndex, endIndex + ahead, count - 1)
  for (let index = first; index <= last; index++) drawn.add(index)
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
