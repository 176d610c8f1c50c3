import type { InfiniteData, QueryClient } from '@tanstack/react-query'
import type { Api } from '../../api/client.ts'
import { isOneOf, withOptions } from '../../api/odata.ts'
import { fetchAs } from '../../api/queries.ts'
import type { Page } from '../../api/wire.ts'
import { countWaiting, path, type QueueRow, rowOptions, rowPage } from './queue-query.ts'

/** As many rows as one filter names. */
const maxRows = 50

/**
 * Brings rows of the queue up to date where they stand: none is added, moved or taken away under the pointer, whatever the order says now.
 * @param tenant whose incidents changed
 * @param changed ids of incidents, and whether tasks changed, which the rows count
 */
export async function refreshQueue(
  queries: QueryClient,
  api: Api,
  tenant: string,
  changed: { readonly incidents: readonly string[]; readonly hasTasks: boolean },
): Promise<void> {
  for (const [queryKey, data] of queries.getQueriesData<InfiniteData<Page<QueueRow>>>({
    queryKey: ['queue'],
    type: 'active',
  })) {
    const loaded =
      data?.pages.flatMap((page) => page.value.filter((row) => row.tenant === tenant).map(({ id }) => id)) ?? []
    const ids = loaded.filter((id) => changed.incidents.includes(id)).slice(0, maxRows)
    const counted = changed.hasTasks ? loaded.slice(0, maxRows) : ids
    if (counted.length === 0) continue
    const [rows, waiting] = await Promise.all([readRows(api, ids), countWaiting(api, counted)])
    queries.setQueryData<InfiniteData<Page<QueueRow>>>(queryKey, (now) => {
      if (now === undefined) return now
      const pages = now.pages.map((page) => ({
        ...page,
        value: page.value.map((row) =>
          row.tenant === tenant ? renew(row, rows.get(row.id), counted.includes(row.id) ? waiting : null) : row,
        ),
      }))
      return { ...now, pages }
    })
  }
}

/** The very same row unless it was read anew, so that no other one is drawn again. */
function renew(
  row: QueueRow,
  fresh: Omit<QueueRow, 'waiting' | 'tenant'> | undefined,
  waiting: ReadonlyMap<string, number> | null,
): QueueRow {
  if (fresh === undefined && waiting === null) return row
  return { ...row, ...fresh, waiting: waiting === null ? row.waiting : (waiting.get(row.id) ?? 0) }
}

async function readRows(api: Api, ids: readonly string[]) {
  if (ids.length === 0) return new Map<string, Omit<QueueRow, 'waiting' | 'tenant'>>()
  const page = await fetchAs(
    api,
    withOptions(path, { ...rowOptions, $filter: isOneOf('id', ids).join(''), $top: maxRows }),
    rowPage,
  )
  return new Map(page.value.map((row) => [row.id, row]))
}
