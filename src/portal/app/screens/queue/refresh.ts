import type { InfiniteData, QueryClient } from '@tanstack/react-query'
import type { Api } from '../../api/client.ts'
import { isOneOf, withOptions } from '../../api/odata.ts'
import { fetchAs } from '../../api/queries.ts'
import { countWaiting, path, type QueuePage, rowOptions, rowPage } from './queue-query.ts'

/** As many rows as one filter names. */
const maxRows = 50

/**
 * Brings rows of the queue up to date where they stand: none is added, moved or taken away under the pointer, whatever the order says now.
 * @param changed ids of incidents, and whether tasks changed, which the rows count
 */
export async function refreshQueue(
  queries: QueryClient,
  api: Api,
  changed: { readonly incidents: readonly string[]; readonly hasTasks: boolean },
): Promise<void> {
  for (const [queryKey, data] of queries.getQueriesData<InfiniteData<QueuePage>>({
    queryKey: ['queue'],
    type: 'active',
  })) {
    const loaded = data?.pages.flatMap((page) => page.value.map(({ id }) => id)) ?? []
    const ids = loaded.filter((id) => changed.incidents.includes(id)).slice(0, maxRows)
    const counted = changed.hasTasks ? loaded.slice(0, maxRows) : ids
    if (counted.length === 0) continue
    const [rows, waiting] = await Promise.all([readRows(api, ids), countWaiting(api, counted)])
    queries.setQueryData<InfiniteData<QueuePage>>(queryKey, (now) => {
      if (now === undefined) return now
      const pages = now.pages.map((page) => ({
        ...page,
        value: page.value.map((row) => rows.get(row.id) ?? row),
        waiting: new Map([...page.waiting].filter(([id]) => !counted.includes(id)).concat([...waiting])),
      }))
      return { ...now, pages }
    })
  }
}

async function readRows(api: Api, ids: readonly string[]) {
  if (ids.length === 0) return new Map<string, QueuePage['value'][number]>()
  const page = await fetchAs(
    api,
    withOptions(path, { ...rowOptions, $filter: isOneOf('id', ids).join(''), $top: maxRows }),
    rowPage,
  )
  return new Map(page.value.map((row) => [row.id, row]))
}
