import { useQuery } from '@tanstack/react-query'
import { fetchAs } from '../../api/queries.ts'
import { listOf, map, nullable, number, type Read, type Reader, record, text, truth } from '../../api/read.ts'
import { useApp } from '../../frame/app.tsx'

const spread = record({ count: number, p50Seconds: nullable(number), p90Seconds: nullable(number) })
export type Spread = Read<typeof spread>

export const ageing = record({
  at: text,
  ageLimitsSeconds: listOf(number),
  value: listOf(
    record({
      severity: text,
      counts: listOf(number),
      oldest: record({ incidentId: text, createdDateTime: text }),
    }),
  ),
})

export const times = record({
  since: text,
  newestOnly: truth,
  value: listOf(record({ week: text, acknowledge: spread, resolve: spread, expert: spread, customer: spread })),
})
export type Week = Read<typeof times>['value'][number]

export const actions = record({ since: text, value: listOf(record({ actionType: text, states: map })) })

export const alertsPerIncident = record({
  since: text,
  alertLimits: listOf(number),
  counts: listOf(number),
  merged: number,
})

export const activity = record({
  at: text,
  value: listOf(record({ hour: text, incidents: number, alerts: number })),
})

/** One report of the server, read anew every minute. */
export function useFigures<T>(name: string, reader: Reader<T>) {
  const { api } = useApp()
  return useQuery({
    queryKey: ['reports', name],
    refetchInterval: 60_000,
    queryFn: ({ signal }) => fetchAs(api, `/api/v1/reports/${name}`, reader, signal),
  })
}
