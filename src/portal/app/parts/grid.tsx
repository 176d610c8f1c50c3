import {
  type KeyboardEvent,
  type MouseEvent,
  memo,
  type ReactNode,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { useCommands } from '../keys/bindings.ts'
import { keepOffset, readOffset } from '../lists/seek/places.ts'
import { useFit } from '../lists/use-fit.ts'
import { useWindow } from '../lists/use-window.ts'
import { firstOf, readSearch } from '../paths.ts'
import { type Marks, rangeTo } from './marks.ts'

/** A column of a list. */
export interface Column<T> {
  /** How it stands in the address. */
  readonly key: string
  readonly name: string
  /** Its width in the grammar of grid-template-columns. */
  readonly width: string
  /** Its turn to be left out where there is no room for all, 1 the first; without it never. */
  readonly spare?: number
  /** Left out of cards. */
  readonly wide?: boolean
  /** What a card says before it, where no header does. */
  readonly before?: string
  readonly cell: (row: T) => ReactNode
}

interface GridProps<T> {
  readonly label: string
  /** The same list from one rendering to the next, or every row in sight is drawn anew. */
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  /** How many rows the server has; -1 while nobody knows. */
  readonly total: number
  readonly idOf: (row: T) => string
  readonly onOpen: (row: T) => void
  /** Shows a row beside the list; without it the same key opens it. */
  readonly onPreview?: ((row: T) => void) | undefined
  /** Asked when the end of the rows comes near. */
  readonly onEnd?: () => void
  /** The row that has the focus when the list is entered. */
  readonly selected?: string
  /** Told which row has the focus when that moves. */
  readonly onSelect?: (id: string) => void
  /** Rows that are marked for something that is done to several; without it none can be. */
  readonly marks?: Marks
  /** Menus for the marked rows, or for the one with the focus where none is; without them their keys do nothing. */
  readonly menus?: RowMenus<T>
}

/** What opens a menu for some rows; one that is absent does nothing here. */
export interface RowMenus<T> {
  readonly assign?: (rows: readonly T[]) => void
  readonly status?: (rows: readonly T[]) => void
}

/** So many rows below those in sight the next page is asked for: it is there before a person is. */
const rowsAhead = 32

/**
 * A list of any length of which only the rows in sight are on the page. One tab stop, moved by the arrow keys, j and k; the row with the
 * focus stays on the page wherever the list is scrolled to. On a narrow window each row is a card. Scrolling and moving the focus draw only
 * the rows that come into sight or lose and get the focus.
 * @source ARIA authoring practices, grid pattern
 */
export function Grid<T>(props: GridProps<T>) {
  const { label, rows, total, idOf, marks } = props
  const { whole, columns, template } = useFit(props.columns, marks !== undefined)
  const box = useRef<HTMLDivElement>(null)
  const { virtual, active, act, measure } = useRows(props, box)
  return (
    <div
      ref={whole}
      role="grid"
      aria-label={label}
      aria-rowcount={total < 0 ? -1 : total + 1}
      className="box overflow-hidden text-table"
      style={{ ['--columns' as string]: template }}
    >
      <Header names={columns.map(({ name }) => name)}>
        {marks === undefined ? null : <MarkAll marks={marks} count={rows.length} list={() => rows.map(idOf)} />}
      </Header>
      <div ref={box} role="rowgroup" className="h-[calc(100dvh-15rem)] min-h-64 overflow-y-auto bg-surface">
        <div role="presentation" className="relative" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, key, start }) => {
            const row = rows[index]
            if (row === undefined) return null
            const id = idOf(row)
            return (
              <MemoRow
                key={key}
                {...{ row, columns, index, start, id, act, measure }}
                isActive={index === active}
                isMarked={marks?.ids.has(id)}
              />
            )
          })}
        </div>
      </div>
    </div>
  )
}

/** What a row tells the list; the same functions as long as the list is there. */
interface RowActs {
  readonly pick: (index: number) => void
  readonly key: (event: KeyboardEvent) => void
  readonly mark: (id: string) => void
}

/** Which rows are on the page, which one has the focus, and the keys that move it. */
function useRows<T>(props: GridProps<T>, box: RefObject<HTMLDivElement | null>) {
  const { rows, idOf, onEnd, selected } = props
  const [active, setActive] = useState(() =>
    Math.max(
      0,
      rows.findIndex((row) => idOf(row) === selected),
    ),
  )
  // What is open beside the list has the focus.
  const focusWanted = useRef((selected ?? '') !== '' && firstOf(readSearch(location.search), 'preview') === '')
  const last = rows.length - 1
  const { virtual, measure, seen } = useWindow(rows, idOf, box, Math.min(active, last))
  const move = (to: number): void => {
    const index = Math.min(Math.max(to, 0), last)
    focusWanted.current = true
    setActive(index)
    virtual.scrollToIndex(index)
    const row = rows[index]
    if (row !== undefined) props.onSelect?.(idOf(row))
  }
  useEffect(() => {
    if (seen.endIndex >= rows.length - rowsAhead) onEnd?.()
  }, [seen.endIndex, rows.length, onEnd])
  // biome-ignore lint/correctness/useExhaustiveDependencies: only where the list begins when it is entered
  useEffect(() => {
    // Whoever comes back finds the list where they left it.
    if (focusWanted.current && readOffset() === null) virtual.scrollToIndex(active)
  }, [])
  useEffect(() => {
    const list = box.current
    const keep = (): void => keepOffset(list?.scrollTop ?? 0)
    // Before rows are drawn: to ask for the place after that would have the page laid out at once.
    list?.addEventListener('scroll', keep, { passive: true, capture: true })
    return () => list?.removeEventListener('scroll', keep, { capture: true })
  }, [box])
  useLayoutEffect(() => {
    if (!focusWanted.current) return
    const row = box.current?.querySelector<HTMLElement>(`[data-index="${active}"]`)
    if (!row) return
    focusWanted.current = false
    row.focus({ preventScroll: true })
  })
  const open = (index: number, how = props.onOpen): void => {
    const row = rows[index]
    if (row !== undefined) how(row)
  }
  useListCommands(props, active, move, () => open(active, props.onPreview))
  const page = Math.max(1, seen.endIndex - seen.startIndex)
  const act = useLatest({
    pick: (index) => {
      setActive(index)
      open(index)
    },
    key: (event) => onRowKey(event, { active, page, last, move, open: () => open(active) }),
    mark: (id) => props.marks?.toggle([id]),
  })
  return { virtual, active, act, measure }
}

/** Functions that stay the same and do what the newest rendering says. */
function useLatest(now: RowActs): RowActs {
  const latest = useRef(now)
  latest.current = now
  return useMemo(
    () => ({
      pick: (index) => latest.current.pick(index),
      key: (event) => latest.current.key(event),
      mark: (id) => latest.current.mark(id),
    }),
    [],
  )
}

function useListCommands<T>(
  { rows, idOf, marks, menus = {} }: GridProps<T>,
  active: number,
  move: (to: number) => void,
  look: () => void,
): void {
  const choose = (open: (chosen: readonly T[]) => void) => (): void => {
    const marked = rows.filter((row) => marks?.ids.has(idOf(row)))
    const chosen = marked.length > 0 ? marked : rows.slice(active, active + 1)
    if (chosen.length > 0) open(chosen)
  }
  useCommands({
    'row.next': () => move(active + 1),
    'row.previous': () => move(active - 1),
    'row.open': look,
    ...(menus.assign === undefined ? {} : { 'row.assign': choose(menus.assign) }),
    ...(menus.status === undefined ? {} : { 'row.status': choose(menus.status) }),
    ...(marks === undefined
      ? {}
      : {
          'row.select': () => marks.toggle(rows.slice(active, active + 1).map(idOf)),
          'row.selectRange': () => marks.toggle(rangeTo(active, marks.last, rows.map(idOf))),
        }),
  })
}

interface RowKeys {
  readonly active: number
  /** Rows in sight. */
  readonly page: number
  readonly last: number
  readonly move: (to: number) => void
  readonly open: () => void
}

function onRowKey(event: KeyboardEvent, { active, page, last, move, open }: RowKeys): void {
  const to: Readonly<Record<string, number>> = {
    ArrowDown: active + 1,
    ArrowUp: active - 1,
    Home: 0,
    End: last,
    PageDown: active + page,
    PageUp: active - page,
  }
  const wanted = to[event.key]
  if (wanted !== undefined) move(wanted)
  else if (event.key === 'Enter' && !(event.ctrlKey || event.metaKey || event.altKey || event.repeat)) open()
  else return
  event.preventDefault()
}

function Header({ names, children }: { names: readonly string[]; children: ReactNode }) {
  return (
    <div role="rowgroup" className="max-sm:sr-only">
      <div
        role="row"
        aria-rowindex={1}
        className="grid grid-cols-(--columns) items-center gap-2 border-b border-line bg-sunken px-3 py-1 text-meta text-ink-2"
      >
        {children}
        {names.map((name) => (
          <span key={name} role="columnheader">
            {name}
          </span>
        ))}
      </div>
    </div>
  )
}

/** Marks every row that is loaded, or none. Like those of the rows it is no stop for Tab: the keys do the same. */
function MarkAll({ marks, count, list }: { marks: Marks; count: number; list: () => readonly string[] }) {
  return (
    <span role="columnheader">
      <input
        type="checkbox"
        className="size-6"
        tabIndex={-1}
        aria-label="Select all loaded rows"
        checked={count > 0 && marks.ids.size === count}
        onChange={() => marks.toggle(list())}
      />
    </span>
  )
}

interface RowProps<T> {
  readonly row: T
  readonly columns: readonly Column<T>[]
  readonly index: number
  /** CSS pixels from the top of the list. */
  readonly start: number
  readonly id: string
  readonly isActive: boolean
  /** Undefined where rows cannot be marked. */
  readonly isMarked: boolean | undefined
  readonly act: RowActs
  /** Undefined where all rows are of one height. */
  readonly measure: ((element: Element | null) => void) | undefined
}

function Row<T>({ row, columns, index, start, id, isActive, isMarked, act, measure }: RowProps<T>) {
  return (
    <div
      ref={measure}
      role="row"
      data-id={id}
      data-index={index}
      aria-rowindex={index + 2}
      aria-selected={isMarked}
      tabIndex={isActive ? 0 : -1}
      className="list-row"
      style={{ transform: `translateY(${start}px)` }}
      onClick={(event) => {
        // A link in the row that a person opens elsewhere is the browser's own business.
        if (event.metaKey || event.ctrlKey || event.shiftKey) return
        event.preventDefault()
        act.pick(index)
      }}
      onKeyDown={act.key}
    >
      {isMarked === undefined ? null : (
        <span role="gridcell">
          <input
            type="checkbox"
            className="size-6"
            tabIndex={-1}
            aria-label={`Select ${id}`}
            checked={isMarked}
            onChange={() => act.mark(id)}
            // The row is not opened by it.
            onClick={stopHere}
          />
        </span>
      )}
      {columns.map(({ name, before, cell }) => (
        <span key={name} role="gridcell" data-before={before}>
          {cell(row)}
        </span>
      ))}
    </div>
  )
}

// The type of a generic component is lost by memo.
const MemoRow = memo(Row) as typeof Row

function stopHere(event: MouseEvent): void {
  event.stopPropagation()
}

/** The first row of a table: the names of its columns. */
export function Heads({ names, pad = 'px-3' }: { names: readonly string[]; pad?: 'px-2' | 'px-3' }) {
  return (
    <thead>
      <tr className="bg-sunken text-meta text-ink-2">
        {names.map((name) => (
          <th key={name} scope="col" className={`${pad} py-1 font-medium`}>
            {name}
          </th>
        ))}
      </tr>
    </thead>
  )
}
