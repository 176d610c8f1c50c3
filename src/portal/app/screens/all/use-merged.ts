import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'
import { type Api, toOwnPath } from '../../api/client.ts'
import type { Session } from '../../api/session.ts'
import type { Page } from '../../api/wire.ts'
import { useRealm } from '../../frame/app.tsx'
import { everyTenant } from '../../frame/realm.ts'
import { type Choice, chosenOf } from '../../lists/filters.tsx'
import { useSelect } from '../../lists/use-list.ts'
import { firstOf, type Search, screenPath, writeSearch } from '../../paths.ts'
import { hasMore, type MergedPage, type Stream, takePage } from './merge.ts'

const pageSize = 50

/** What a list of all tenants shows, as the address says. */
export function useAllList(screen: 'incidents' | 'tasks') {
  const search: Search = useSearch({ strict: false })
  const navigate = useNavigate()
  const { places } = useRealm()
  const pathname = screenPath(everyTenant.id, screen)
  const hrefOf = useCallback((next: Search) => `${pathname}${writeSearch(next)}`, [pathname])
  const change = useCallback(
    (next: Search, isTyping = false) => void navigate({ href: hrefOf(next), replace: isTyping }),
    [navigate, hrefOf],
  )
  const choice: Choice = useMemo(() => ['tenant', 'Tenant', places.map(({ tenant }) => tenant.code)], [places])
  const chosen = chosenOf(search, choice)
  const wanted = places.filter(({ tenant }) => chosen.length === 0 || chosen.includes(tenant.code))
  return { search, hrefOf, change, choice, wanted, selected: firstOf(search, 'sel'), select: useSelect() }
}

/** A list that is put together from the lists of several tenants, each asked with the token for that tenant. */
export function useMerged<T>(input: {
  readonly key: readonly string[]
  readonly places: readonly Session[]
  /** Where the list of every tenant begins. */
  readonly path: string
  readonly read: (api: Api, tenant: string, path: string, signal: AbortSignal) => Promise<Page<T>>
  readonly compare: (a: T, b: T) => number
}) {
  const realm = useRealm()
  const { key, places, path, read, compare } = input
  const start: readonly Stream<T>[] = places.map(({ tenant }) => ({ tenant: tenant.id, rows: [], next: path }))
  const query = useInfiniteQuery({
    queryKey: [...key, places.map(({ tenant }) => tenant.code).join(' ')],
    initialPageParam: start,
    placeholderData: keepPreviousData,
    queryFn: async ({ pageParam, signal }): Promise<MergedPage<T>> => {
      const readOne = async (tenant: string, at: string) => {
        const place = places.find((one) => one.tenant.id === tenant)
        if (place === undefined) throw new Error('the list of a tenant nobody asked for')
        const page = await read(realm.apiOf(place), tenant, at, signal)
        return { ...page, next: toOwnPath(page.nextLink) }
      }
      const page = await takePage(pageParam, readOne, compare, pageSize)
      signal.throwIfAborted()
      const [refused] = page.failed
      // One that does not answer is named above the others; none at all is a failure of the list.
      if (refused !== undefined && page.failed.length === places.length) throw refused.cause
      return page
    },
    getNextPageParam: ({ streams }) => (hasMore(streams) ? streams : null),
  })
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage } = query
  const rows = useMemo(() => data?.pages.flatMap((page) => page.value) ?? [], [data])
  const failed = useMemo(() => data?.pages.flatMap((page) => page.failed) ?? [], [data])
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
  return { ...query, rows, failed, onEnd }
}

/** How many there are in all of these tenants; those that do not answer are left out. */
export function useSum(
  key: readonly string[],
  places: readonly Session[],
  count: (api: Api, signal: AbortSignal) => Promise<number>,
) {
  const realm = useRealm()
  return useQuery({
    queryKey: [...key, places.map(({ tenant }) => tenant.code).join(' ')],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const counts = await Promise.allSettled(places.map((place) => count(realm.apiOf(place), signal)))
      return counts.reduce((sum, one) => sum + (one.status === 'fulfilled' ? one.value : 0), 0)
    },
  })
}
