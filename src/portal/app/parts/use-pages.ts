import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { toOwnPath } from '../api/client.ts'
import { fetchAs } from '../api/queries.ts'
import type { Reader } from '../api/read.ts'
import { type Page, pageOf } from '../api/wire.ts'
import { useApp } from '../frame/app.tsx'

/** A list of the API, page by page along the server's own links. */
export function usePages<T>(key: string, path: string, item: Reader<T>) {
  const { api } = useApp()
  const reader = pageOf(item)
  const pages = useInfiniteQuery({
    queryKey: [key, path],
    initialPageParam: path,
    placeholderData: keepPreviousData,
    queryFn: ({ pageParam, signal }): Promise<Page<T>> => fetchAs(api, pageParam, reader, signal),
    getNextPageParam: (page) => toOwnPath(page.nextLink),
  })
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages
  return {
    ...pages,
    rows: pages.data?.pages.flatMap((page) => page.value) ?? [],
    /** Known once the last page is there, or when the first one counted. */
    total:
      pages.data?.pages[0]?.count ??
      (hasNextPage ? -1 : (pages.data?.pages.reduce((sum, page) => sum + page.value.length, 0) ?? -1)),
    onEnd: (): void => {
      if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
    },
  }
}
