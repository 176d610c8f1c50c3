import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import { type Api, toOwnPath } from '../api/client.ts'
import { fetchAs } from '../api/queries.ts'
import type { Reader } from '../api/read.ts'
import { type Page, pageOf } from '../api/wire.ts'
import { useApp } from '../frame/app.tsx'

const amount: Reader<number> = (value) => Number(value)

/**
 * A list of the API, page by page along the server's own links.
 * @param countPath where it says how many there are: apart from the rows, so that they never wait for it
 * @param complete adds to the rows of a page what other answers of the API say of them
 */
export function usePages<T>(
  key: string,
  path: string,
  item: Reader<T>,
  countPath = '',
  complete?: (api: Api, rows: readonly T[], signal: AbortSignal) => Promise<readonly T[]>,
) {
  const { api } = useApp()
  const reader = pageOf(item)
  const pages = useInfiniteQuery({
    queryKey: [key, path],
    initialPageParam: path,
    placeholderData: keepPreviousData,
    queryFn: async ({ pageParam, signal }): Promise<Page<T>> => {
      const page = await fetchAs(api, pageParam, reader, signal)
      return complete === undefined ? page : { ...page, value: await complete(api, page.value, signal) }
    },
    getNextPageParam: (page) => toOwnPath(page.nextLink),
  })
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages
  const { data } = pages
  const count = useQuery({
    queryKey: [key, 'count', countPath],
    enabled: countPath !== '' && hasNextPage,
    queryFn: ({ signal }) => fetchAs(api, countPath, amount, signal),
  })
  const rows = useMemo(() => data?.pages.flatMap((page) => page.value) ?? [], [data])
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
  return {
    ...pages,
    rows,
    /** Known once the last page is there, or they were counted. */
    total: data?.pages[0]?.count ?? (hasNextPage || data === undefined ? (count.data ?? -1) : rows.length),
    onEnd,
  }
}
