import { type UseQueryResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { fetchAs } from '../../api/queries.ts'
import { listOf, map, nullable, number, type Read, readWith, record, text, truth } from '../../api/read.ts'
import { useApp } from '../../frame/app.tsx'
import { announce } from '../../live/announce.tsx'

const quietHours = record({ from: text, to: text, timeZone: text, highBreaksThrough: truth })
const own = record({ mail: nullable(text), events: listOf(text), minSeverity: text, quietHours: nullable(quietHours) })
export type OwnSettings = Read<typeof own>

const step = record({ afterMinutes: number, channels: listOf(text), people: listOf(text), ignoreQuietHours: truth })
const escalation = record({ minSeverity: text, steps: listOf(step) })
export type Escalation = Read<typeof escalation>
export type Step = Read<typeof step>

/** A document and the version a change must name. */
export interface Stored<T> {
  readonly value: T
  readonly etag: string | null
}

const paths = {
  settings: '/api/v1/notifications/settings',
  escalation: '/api/v1/notifications/escalation',
} as const

/** How this person is told. */
export function useOwnSettings(): UseQueryResult<Stored<OwnSettings>> {
  const { api } = useApp()
  return useQuery({
    queryKey: ['notifications', 'settings'],
    queryFn: async ({ signal }) => {
      const { body, etag } = await api.call('GET', paths.settings, { signal })
      return { value: readWith(own, body), etag }
    },
  })
}

/** What happens when nobody acknowledges. */
export function useEscalation(): UseQueryResult<Stored<Escalation>> {
  const { api } = useApp()
  return useQuery({
    queryKey: ['notifications', 'escalation'],
    queryFn: async ({ signal }) => {
      const { body, etag } = await api.call('GET', paths.escalation, { signal })
      return { value: readWith(escalation, body), etag }
    },
  })
}

/** Writes one of the two documents in the place of the version that was read. */
export function useSave(what: keyof typeof paths) {
  const { api } = useApp()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ value, etag }: Stored<object>) =>
      api.call('PUT', paths[what], { body: value, headers: { 'If-Match': etag ?? '*' } }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['notifications', what] })
      announce('Saved')
    },
  })
}

const people = record({ value: listOf(record({ id: text, name: text, role: text })) })

/** People an escalation can name. */
export function usePeople(): UseQueryResult<Read<typeof people>['value']> {
  const { api } = useApp()
  return useQuery({
    queryKey: ['notifications', 'people'],
    queryFn: async ({ signal }) => (await fetchAs(api, '/api/v1/notifications/people', people, signal)).value,
  })
}

const channel = record({
  id: text,
  kind: text,
  name: text,
  settings: map,
  secrets: map,
  health: record({ state: text, code: nullable(text), detail: nullable(text), observedDateTime: nullable(text) }),
  version: number,
})
export type Channel = Read<typeof channel>
const channelList = record({ value: listOf(channel) })

/** Kinds of connectors that carry messages. */
export const channelKinds = ['mail', 'webhook', 'syslog'] as const

/** The channels of the tenant. */
export function useChannels(): UseQueryResult<readonly Channel[]> {
  const { api } = useApp()
  return useQuery({
    queryKey: ['notifications', 'channels'],
    queryFn: async ({ signal }) => {
      const { value } = await fetchAs(api, '/api/v1/connectors', channelList, signal)
      return value.filter(({ kind }) => channelKinds.some((known) => known === kind))
    },
  })
}

const deliveries = record({
  value: listOf(record({ id: text, channelId: text, state: text, lastError: nullable(text), createdDateTime: text })),
})
export type Delivery = Read<typeof deliveries>['value'][number]

/** The newest messages of the tenant. */
export function useDeliveries(): UseQueryResult<readonly Delivery[]> {
  const { api } = useApp()
  return useQuery({
    queryKey: ['notifications', 'deliveries'],
    queryFn: async ({ signal }) => (await fetchAs(api, '/api/v1/notifications/deliveries', deliveries, signal)).value,
  })
}

/** What a test message found. */
export const testResult = record({
  ok: truth,
  checks: listOf(record({ detail: text, fix: nullable(text) })),
})
