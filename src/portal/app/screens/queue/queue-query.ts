import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { type Api, toOwnPath } from '../../api/client.ts'
import { isOneOf, isOneOfOrNone, none, quote, withOptions } from '../../api/odata.ts'
import { fetchAs } from '../../api/queries.ts'
import { nullable, number, type Read, type Reader, record, text } from '../../api/read.ts'
import { type Page, pageOf } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { type Choice, chosenOf } from '../../lists/filters.tsx'
import { source } from '../../lists/sources.ts'
import { firstOf, type Search, valuesOf } from '../../paths.ts'

/** What a row of the queue shows. */
const row = record({
  id: text,
  displayName: nullable(text),
  severity: text,
  status: text,
  assignedTo: nullable(text),
  createdDateTime: text,
  lastUpdateDateTime: text,
  'alerts@odata.count': nullable(number),
})
/** A row, and how many open tasks wait for people on it. */
export interface QueueRow extends Read<typeof row> {
  readonly waiting: number
  /** Id of its tenant. */
  readonly tenant: string
}

/** A row as its menus know it. */
export function menuRowOf({ tenant, id, displayName }: QueueRow) {
  return { tenant, id, name: displayName ?? '' }
}

/** A page of rows as the API gives them. */
export const rowPage = pageOf(row)
const waitingPage = pageOf(record({ id: text, incident: nullable(record({ id: text })) }))
const count: Reader<number> = (value) => Number(value)

/** Where the rows come from. */
export const path = '/beta/security/incidents'

/** What of an incident a row needs. */
export const rowOptions = {
  $select: 'id,displayName,severity,status,assignedTo,createdDateTime,lastUpdateDateTime',
  $expand: 'alerts($select=id;$top=1;$count=true)',
} as const
const orders: Readonly<Record<string, string>> = {
  newest: 'createdDateTime desc',
  updated: 'lastUpdateDateTime desc',
  severity: 'severity desc,createdDateTime desc',
}

const status: Choice = ['status', 'Status', ['active', 'awaitingAction', 'inProgress', 'resolved', 'redirected']]
const severity: Choice = ['severity', 'Severity', ['high', 'medium', 'low', 'informational', 'unknown']]

const classification: Choice = [
  'classification',
  'Classification',
  ['unknown', 'falsePositive', 'truePositive', 'informationalExpectedActivity', none],
]

/** Filters of the queue of any value, and of values that are not offered as buttons. */
export const further = { assigned: 'owner', tag: 'tag', source: 'source', classification: 'classification' } as const
/** Those of them that have only some values. */
export const known: readonly Choice[] = [source, classification]
/** The filters of the queue in words. */
export const filterWords = { status: 'status', severity: 'severity', ...further, q: 'name' } as const

/** Filters of the queue of which several values can be on. */
export const choices: readonly Choice[] = [status, severity]

/** The filter of the API that the search part of the address stands for. */
export function filterOf(search: Search): string {
  const q = firstOf(search, 'q')
  const tags = isOneOf('t', valuesOf(search, 'tag'))
  const sources = isOneOf('a/serviceSource', chosenOf(search, source))
  return [
    ...isOneOf('status', chosenOf(search, status)),
    ...isOneOf('severity', chosenOf(search, severity)),
    ...isOneOfOrNone('classification', chosenOf(search, classification)),
    ...isOneOfOrNone('assignedTo', valuesOf(search, 'assigned')),
    ...tags.map((term) => `customTags/any(t:${term})`),
    ...sources.map((term) => `alerts/any(a:${term})`),
    ...(q === '' ? [] : [`contains(tolower(displayName),${quote(q.toLowerCase())})`]),
  ].join(' and ')
}

/** How many open tasks wait on each of these incidents; those with none are left out. */
export async function countWaiting(
  api: Api,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, number>> {
  const waiting = new Map<string, number>()
  if (ids.length === 0) return waiting
  const options = {
    $filter: `status eq 'open' and ${isOneOf('incidentId', ids).join('')}`,
    $select: 'id',
    $expand: 'incident($select=id)',
  }
  const open = await fetchAs(api, withOptions('/beta/security/incidentTasks', options), waitingPage, signal)
  for (const { incident } of open.value) {
    if (incident !== null) waiting.set(incident.id, (waiting.get(incident.id) ?? 0) + 1)
  }
  return waiting
}

/** The first page of the queue of a tenant, and the order of it. */
export function firstPageOf(search: Search): {
  readonly order: string
  readonly path: string
  readonly filter: string
} {
  const filter = filterOf(search)
  const order = orders[firstOf(search, 'sort') || 'newest'] ?? orders.newest ?? ''
  return { filter, order, path: withOptions(path, { $filter: filter, $orderby: order, $top: 50, ...rowOptions }) }
}

/** A page of a tenant's queue with what waits for people on each of its incidents. */
export async function readQueuePage(
  api: Api,
  tenant: string,
  page: string,
  signal?: AbortSignal,
): Promise<Page<QueueRow>> {
  const read = await fetchAs(api, page, rowPage, signal)
  const waiting = await countWaiting(
    api,
    read.value.map(({ id }) => id),
    signal,
  )
  return { ...read, value: read.value.map((one) => ({ ...one, tenant, waiting: waiting.get(one.id) ?? 0 })) }
}

/** How many incidents of a tenant the filter leaves. */
export function countQueue(api: Api, filter: string, signal?: AbortSignal): Promise<number> {
  return fetchAs(api, withOptions(`${path}/$count`, { $filter: filter }), count, signal)
}

/** The queue, page by page along the server's own links: rows that come meanwhile never push others to the next page twice. */
export function useQueue(search: Search) {
  const { api, session } = useApp()
  const first = firstPageOf(search)
  return useInfiniteQuery({
    queryKey: ['queue', first.filter, first.order],
    initialPageParam: first.path,
    placeholderData: keepPreviousData,
    queryFn: ({ pageParam, signal }) => readQueuePage(api, session.tenant.id, pageParam, signal),
    getNextPageParam: (page) => toOwnPath(page.nextLink),
  })
}

/** How many incidents the filter leaves; apart from the rows, so that they never wait for it. */
export function useQueueCount(search: Search) {
  const { api } = useApp()
  const filter = filterOf(search)
  return useQuery({
    queryKey: ['queue-count', filter],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => countQueue(api, filter, signal),
  })
}
