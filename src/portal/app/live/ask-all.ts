import type { QueryClient } from '@tanstack/react-query'
import { fetchAs } from '../api/queries.ts'
import { listOf, number, record, text } from '../api/read.ts'
import type { Session } from '../api/session.ts'
import type { Realm } from '../frame/realm.ts'
import { refreshQueue } from '../screens/queue/refresh.ts'
import { setLiveState } from './live-state.ts'
import { noteNewIncidents } from './new-incidents.ts'

const changes = record({ seq: number, value: listOf(record({ resource: text, id: text, change: text })) })
const everyMs = 5_000

/**
 * Keeps lists of several tenants true by asking each of them what has changed, where a browser cannot share one stream among its tabs.
 * @returns what ends it
 */
export function askAll(realm: Realm, queries: QueryClient): () => void {
  const over = new AbortController()
  const heard = new Map<string, number>()
  const askOne = async (place: Session): Promise<void> => {
    const { id } = place.tenant
    const api = realm.apiOf(place)
    const since = heard.get(id)
    const path = `/api/v1/events${since === undefined ? '' : `?since=${since}`}`
    const { seq, value } = await fetchAs(api, path, changes, over.signal)
    heard.set(id, seq)
    const idsOf = (resource: string): string[] => [
      ...new Set(value.filter((change) => change.resource === resource).map((change) => change.id)),
    ]
    const created = value.filter(({ resource, change }) => resource === 'incident' && change === 'created')
    noteNewIncidents(created.map((change) => `${id}/${change.id}`))
    const hasTasks = idsOf('incidentTask').length > 0
    if (hasTasks) void queries.invalidateQueries({ queryKey: ['tasks'] })
    if (idsOf('incident').length > 0) void queries.invalidateQueries({ queryKey: ['queue-count'] })
    await refreshQueue(queries, api, id, { incidents: idsOf('incident'), hasTasks })
  }
  const ask = async (): Promise<void> => {
    if (document.visibilityState !== 'visible') return
    const asked = await Promise.allSettled(realm.places.map(askOne))
    // A tenant that refuses is named by the list itself; without a network none answers.
    if (!over.signal.aborted) setLiveState(navigator.onLine && asked.length > 0 ? 'polling' : 'offline')
  }
  void ask()
  const timer = setInterval(() => void ask(), everyMs)
  return () => {
    over.abort()
    clearInterval(timer)
  }
}
