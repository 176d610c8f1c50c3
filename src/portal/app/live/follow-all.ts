import type { QueryClient } from '@tanstack/react-query'
import { toFailure } from '../api/session.ts'
import type { Realm } from '../frame/realm.ts'
import { refreshQueue } from '../screens/queue/refresh.ts'
import { noteActor } from './actors.ts'
import type { Ears } from './leader.ts'
import { noteNewIncidents } from './new-incidents.ts'
import type { Change, OpenStream } from './stream.ts'

/** Several changes are shown together. */
const showAfterMs = 900

/** Opens the one stream of every tenant the person of the session may read in; the session itself is its credential. */
export const openAllStream: OpenStream = async (query, signal) => {
  const answer = await fetch(`/auth/events${query}`, { signal, headers: { Accept: 'text/event-stream' } })
  if (!answer.ok) throw await toFailure(answer)
  return answer
}

/** Keeps lists of several tenants true: rows change where they stand, new incidents are counted and wait. */
export function makeAllEars(realm: Realm, queries: QueryClient, resync: () => void): Ears {
  let waiting: Change[] = []
  const show = (): void => {
    const changes = waiting
    waiting = []
    const has = (resource: string): boolean => changes.some((change) => change.resource === resource)
    const created = changes.filter(({ resource, change }) => resource === 'incident' && change === 'created')
    noteNewIncidents(created.map(({ tenant, id }) => `${tenant}/${id}`))
    if (has('incidentTask')) {
      for (const key of ['tasks', 'waiting']) void queries.invalidateQueries({ queryKey: [key] })
    }
    if (has('incidentTask') || has('execution')) void queries.invalidateQueries({ queryKey: ['executions'] })
    if (has('incident')) void queries.invalidateQueries({ queryKey: ['queue-count'] })
    for (const place of realm.places) {
      const { id } = place.tenant
      const own = changes.filter(({ tenant }) => tenant === id)
      if (own.length === 0) continue
      const incidents = [...new Set(own.flatMap((one) => (one.resource === 'incident' ? [one.id] : [])))]
      const hasTasks = own.some(({ resource }) => resource === 'incidentTask')
      void refreshQueue(queries, realm.apiOf(place), id, { incidents, hasTasks })
    }
  }
  return {
    change: (change) => {
      noteActor(change.tenant ?? '', change)
      if (waiting.length === 0) setTimeout(show, showAfterMs)
      waiting.push(change)
    },
    resync,
  }
}
