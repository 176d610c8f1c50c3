import { useQuery } from '@tanstack/react-query'
import { fetchAs } from '../../api/queries.ts'
import { listOf, nullable, number, type Read, record, text, truth } from '../../api/read.ts'
import { useApp } from '../../frame/app.tsx'
import { screenPath } from '../../paths.ts'

const containment = record({
  kind: text,
  id: text,
  name: text,
  actionType: text,
  since: text,
  until: nullable(text),
  by: text,
  executionId: text,
  taskId: text,
  incidentId: text,
})
/** Something that is cut off, and by what. */
export type Containment = Read<typeof containment>

const task = record({
  id: text,
  incidentId: text,
  displayName: text,
  actionType: text,
  status: text,
  actionStatus: text,
  createdDateTime: text,
})
export type AssetTask = Read<typeof task>

const run = record({
  id: text,
  kind: text,
  actionType: text,
  state: text,
  reason: nullable(text),
  by: text,
  target: text,
  requestedAt: text,
  holds: truth,
})
export type AssetRun = Read<typeof run>

const incident = record({
  id: text,
  displayName: nullable(text),
  status: text,
  severity: text,
  createdDateTime: text,
})
export type AssetIncident = Read<typeof incident>

const fields = { kind: text, name: text, deviceId: nullable(text), alertCount: number, contained: listOf(containment) }

/** One line of a list of assets. */
export const assetLine = record({ ...fields, names: listOf(text), firstSeenAt: text, lastSeenAt: text })
export type AssetLine = Read<typeof assetLine>

const asset = record({
  ...fields,
  names: listOf(text),
  firstSeenAt: nullable(text),
  lastSeenAt: nullable(text),
  incidents: listOf(incident),
  tasks: listOf(task),
  runs: listOf(run),
  more: truth,
})
export type Asset = Read<typeof asset>

const ofIncident = record({ value: listOf(record({ ...fields, waiting: nullable(task) })) })
const contained = record({ value: listOf(containment), more: truth })

/** The part of the address that stands for a kind. */
const screens: Readonly<Record<string, string>> = { device: 'devices', user: 'users', mailbox: 'mailboxes' }

/** Where the page of an asset stands; by its id for a host that Cordon controls, else by its name. */
export function assetPath(tenant: string, kind: string, id: string): string {
  return `${screenPath(tenant, screens[kind] ?? 'devices')}/${encodeURIComponent(id)}`
}

// All of them are asked anew with every step of a run, so that what is cut off is true within a second.
const key = ['executions', 'assets'] as const

/** One asset. */
export function useAsset(screen: string, id: string) {
  const { api } = useApp()
  return useQuery({
    queryKey: [...key, screen, id],
    queryFn: ({ signal }) => fetchAs(api, `/api/v1/assets/${screen}/${encodeURIComponent(id)}`, asset, signal),
  })
}

/** What an incident is about. */
export function useIncidentAssets(id: string) {
  const { api } = useApp()
  return useQuery({
    queryKey: [...key, 'of', id],
    queryFn: ({ signal }) => fetchAs(api, `/api/v1/incidents/${encodeURIComponent(id)}/assets`, ofIncident, signal),
  })
}

/** What is cut off in the tenant. */
export function useContained() {
  const { api } = useApp()
  return useQuery({
    queryKey: [...key, 'contained'],
    refetchInterval: 60_000,
    queryFn: ({ signal }) => fetchAs(api, '/api/v1/assets/contained', contained, signal),
  })
}
