import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { withOptions } from '../../api/odata.ts'
import { fetchAs } from '../../api/queries.ts'
import type { Reader } from '../../api/read.ts'
import { useApp } from '../../frame/app.tsx'

/** A list as it is read page by page. */
export interface SoughtPages<T> {
  readonly rows: readonly T[]
  readonly isFetching: boolean
  readonly isError: boolean
  readonly isPlaceholderData: boolean
  readonly hasNextPage: boolean
  readonly fetchNextPage: () => Promise<unknown>
}

/** The row that the address names, as far as the list has been read for it. */
export interface Sought {
  readonly id: string
  /** `far`: it is there, further down than a list is read at once; `cut`: nobody wanted to wait for it, or it could not be read. */
  readonly state: 'seeking' | 'found' | 'gone' | 'far' | 'cut'
  readonly rows: number
  /** Shows the list as far as it was read. */
  readonly stop: () => void
}

/** So far a list is read for one row. */
const mostRows = 5_000
const amount: Reader<number> = (value) => Number(value)

/**
 * Reads a list on until it has the row that the address names. Rows that are behind it are read as a person would who scrolls there: what comes
 * meanwhile moves nothing, and the list is the one they had.
 * @param id the row; empty for none
 * @param isThere where the API says how many rows the filter leaves of this one, 1 or 0; empty where it cannot be asked
 * @param isPassed whether this last row of a list in order comes after the row
 */
export function useSeek<T>(
  id: string,
  pages: SoughtPages<T>,
  idOf: (row: T) => string,
  isThere = '',
  isPassed?: (last: T) => boolean,
): Sought {
  const { api } = useApp()
  const [end, setEnd] = useState<Sought['state'] | null>(id === '' ? 'found' : null)
  // As it stood there when the list was entered: the focus moves on.
  const [sought] = useState(id)
  const { rows, isFetching, isError, isPlaceholderData, hasNextPage, fetchNextPage } = pages
  const isRead = !isPlaceholderData && !isFetching && (rows.length > 0 || !hasNextPage)
  const isHere = end === null && rows.some((row) => idOf(row) === sought)
  const there = useQuery({
    queryKey: ['there', isThere],
    enabled: end === null && isThere !== '' && isRead && hasNextPage && !isHere,
    queryFn: ({ signal }) => fetchAs(api, isThere, amount, signal),
    gcTime: 0,
  })
  useEffect(() => {
    if (end !== null) return
    const last = rows.at(-1)
    if (isHere) setEnd('found')
    // A list that could not be read at all is asked for once more, and then looked through.
    else if (isError && rows.length > 0) setEnd('cut')
    else if (!isRead) return
    else if (!hasNextPage || there.data === 0 || (last !== undefined && isPassed?.(last) === true)) setEnd('gone')
    else if (rows.length >= mostRows) setEnd('far')
    else if (isThere === '' || there.isFetched) void fetchNextPage()
  })
  return { id: sought, state: isHere ? 'found' : (end ?? 'seeking'), rows: rows.length, stop: () => setEnd('cut') }
}

/** Where a collection says whether a filter leaves one row of it. @param path of the collection */
export function pathOfOne(path: string, filter: string, id: string): string {
  const one = `id eq '${id.replaceAll("'", "''")}'`
  return id === '' ? '' : withOptions(`${path}/$count`, { $filter: filter === '' ? one : `(${filter}) and ${one}` })
}
