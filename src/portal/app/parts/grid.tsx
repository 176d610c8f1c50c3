import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useMemo, useRef, useState } from 'react'
import { useCommands } from '../keys/bindings.ts'
import { type Marks, rangeTo } from './marks.ts'

/** A column of a list. */
export interface Column<T> {
  readonly name: string
  /** Its width in the grammar of grid-template-columns. */
  readonly width: string
  readonly cell: (row: T) => ReactNode
}

interface GridProps<T> {
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  /** How many rows the server has; -1 while nobody knows. */
  readonly total: number
  readonly idOf: (row: T) => string
  readonly onOpen: (row: T) => void
  /** Asked when the end of the rows comes into sight. */
  readonly onEnd?: () => void
  /** The row that has the focus when the list is entered. */
  readonly selected?: string
  /** Rows that are marked for something that is done to several; without it none can be. */
  readonly marks?: Marks
}

/**
 * A list of any length of which only the rows in sight are on the page. One tab stop, moved by the arrow keys, j and k; the row with the
 * focus stays on the page wherever the list is scrolled to. On a narrow window each row is a card.
 * @source ARIA authoring practices, grid pattern
 */
export function Grid<T>(props: GridProps<T>) {
  const { label, rows, total, idOf, onOpen, marks } = props
  const columns = useMemo(
    () => (marks === undefined ? props.columns : [markColumn(marks, idOf), ...props.columns]),
    [marks, props.columns, idOf],
  )
  const box = useRef<HTMLDivElement>(null)
  const { virtual, active, setActive, move, focusWanted } = useRows(props, box)
  const last = rows.length - 1
  const template = columns.map(({ width }) => width).join(' ')
  const items = virtual.getVirtualItems()
  return (
    <div
      role="grid"
      aria-label={label}
      aria-rowcount={total < 0 ? -1 : total + 1}
      className="box overflow-hidden text-table"
    >
      <Header columns={columns} template={template} />
      <div ref={box} role="rowgroup" className="h-[calc(100dvh-15rem)] min-h-64 overflow-y-auto">
        <div role="presentation" className="relative" style={{ height: virtual.getTotalSize() }}>
          {items.map(({ index, key, start }) => {
            const row = rows[index]
            if (row === undefined) return null
            const pick = (): void => {
              setActive(index)
              onOpen(row)
            }
            return (
              <Row
                key={key}
                {...{ row, columns, template, index, start, focusWanted }}
                id={idOf(row)}
                measure={virtual.measureElement}
                isActive={index === active}
                isMarked={marks === undefined ? undefined : marks.ids.has(idOf(row))}
                onKey={(event) =>
                  onRowKey(event, { active, page: Math.max(1, items.length - 16), last, move, open: pick })
                }
                onPick={pick}
              />
            )
          })}
        </div>
      </div>
    </div>
  )
}

/** Which rows are on the page, which one has the focus, and the keys that move it. */
function useRows<T>(
  { rows, idOf, onOpen, onEnd, selected, marks }: GridProps<T>,
  box: RefObject<HTMLDivElement | null>,
) {
  const [active, setActive] = useState(() =>
    Math.max(
      0,
      rows.findIndex((row) => idOf(row) === selected),
    ),
  )
  const focusWanted = useRef(selected !== undefined && selected !== '')
  const last = rows.length - 1
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: rowHeight,
    overscan: 8,
    getItemKey: (index) => {
      const row = rows[index]
      return row === undefined ? index : idOf(row)
    },
    rangeExtractor: (range) =>
      [...new Set([...defaultRangeExtractor(range), Math.min(active, last)])].sort((a, b) => a - b),
  })
  const move = (to: number): void => {
    const index = Math.min(Math.max(to, 0), last)
    focusWanted.current = true
    setActive(index)
    virtual.scrollToIndex(index)
  }
  const seen = virtual.getVirtualItems().at(-1)?.index ?? 0
  useEffect(() => {
    if (seen >= rows.length - 10) onEnd?.()
  }, [seen, rows.length, onEnd])
  // biome-ignore lint/correctness/useExhaustiveDependencies: only where the list begins when it is entered
  useEffect(() => {
    if (focusWanted.current) virtual.scrollToIndex(active)
  }, [])
  useCommands({
    'row.next': () => move(active + 1),
    'row.previous': () => move(active - 1),
    'row.open': () => openRow(rows[active], onOpen),
    ...(marks === undefined
      ? {}
      : {
          'row.select': () => marks.toggle(rows.slice(active, active + 1).map(idOf)),
          'row.selectRange': () => marks.toggle(rangeTo(active, marks.last, rows.map(idOf))),
        }),
  })
  return { virtual, active, setActive, move, focusWanted }
}

function markColumn<T>(marks: Marks, idOf: (row: T) => string): Column<T> {
  return {
    name: 'Select',
    width: '2.5rem',
    cell: (row) => (
      <input
        type="checkbox"
        className="size-6"
        tabIndex={-1}
        aria-label={`Select ${idOf(row)}`}
        checked={marks.ids.has(idOf(row))}
        onChange={() => marks.toggle([idOf(row)])}
        // The row is not opened by it.
        onClick={(event) => event.stopPropagation()}
      />
    ),
  }
}

function openRow<T>(row: T | undefined, onOpen: (row: T) => void): void {
  if (row !== undefined) onOpen(row)
}

function rowHeight(): number {
  if (window.innerWidth < 600) return 96
  return Number.parseInt(getComputedStyle(document.documentElement).getPropertyValue('--row'), 10) || 36
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
  else if (event.key === 'Enter') open()
  else return
  event.preventDefault()
}

function Header<T>({ columns, template }: { columns: readonly Column<T>[]; template: string }) {
  return (
    <div role="rowgroup" className="max-sm:sr-only">
      <div
        role="row"
        aria-rowindex={1}
        className="grid items-center gap-3 border-b border-line bg-sunken px-3 py-1 text-meta text-ink-2"
        style={{ gridTemplateColumns: template }}
      >
        {columns.map(({ name }) => (
          <span key={name} role="columnheader">
            {name}
          </span>
        ))}
      </div>
    </div>
  )
}

interface RowProps<T> {
  readonly row: T
  readonly columns: readonly Column<T>[]
  readonly template: string
  readonly index: number
  readonly start: number
  readonly id: string
  readonly isActive: boolean
  /** Undefined where rows cannot be marked. */
  readonly isMarked: boolean | undefined
  readonly focusWanted: { current: boolean }
  readonly measure: (element: Element | null) => void
  readonly onKey: (event: KeyboardEvent) => void
  readonly onPick: () => void
}

function Row<T>({
  row,
  columns,
  template,
  index,
  start,
  id,
  isActive,
  isMarked,
  focusWanted,
  measure,
  onKey,
  onPick,
}: RowProps<T>) {
  const own = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!isActive || !focusWanted.current) return
    focusWanted.current = false
    own.current?.focus({ preventScroll: true })
  }, [isActive, focusWanted])
  return (
    <div
      ref={(element) => {
        own.current = element
        measure(element)
      }}
      role="row"
      data-id={id}
      data-index={index}
      aria-rowindex={index + 2}
      aria-selected={isMarked}
      tabIndex={isActive ? 0 : -1}
      className="absolute inset-x-0 top-0 flex min-h-(--row) cursor-pointer flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-3 py-1 -outline-offset-2 hover:bg-sunken sm:grid"
      style={{ transform: `translateY(${start}px)`, gridTemplateColumns: template }}
      onClick={(event) => {
        // A link in the row that a person opens elsewhere is the browser's own business.
        if (event.metaKey || event.ctrlKey || event.shiftKey) return
        event.preventDefault()
        onPick()
      }}
      onKeyDown={onKey}
    >
      {columns.map(({ name, cell }) => (
        <span key={name} role="gridcell" className="min-w-0 sm:truncate">
          {cell(row)}
        </span>
      ))}
    </div>
  )
}

/** The first row of a table: the names of its columns. */
export function Heads({ names, pad = 'px-3' }: { names: readonly string[]; pad?: 'px-2' | 'px-3' }) {
  return (
    <thead>
      <tr className="bg-sunken text-left text-meta text-ink-2">
        {names.map((name) => (
          <th key={name} scope="col" className={`${pad} py-1 font-medium`}>
            {name}
          </th>
        ))}
      </tr>
    </thead>
  )
}
