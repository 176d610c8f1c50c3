import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { writeCount } from '../../shown/count-text.ts'
import type { Api } from '../api/client.ts'
import { useApp, useRealm } from '../frame/app.tsx'
import { everyTenant } from '../frame/realm.ts'
import { refreshQueue } from '../screens/queue/refresh.ts'
import { noteActor } from './actors.ts'
import { announce } from './announce.tsx'
import { askAll } from './ask-all.ts'
import { makeAllEars, openAllStream } from './follow-all.ts'
import { type Ears, listen } from './leader.ts'
import { setLiveState } from './live-state.ts'
import { forgetNewIncidents, noteNewIncidents } from './new-incidents.ts'
import type { Change } from './stream.ts'

/** What an open task must show at once, and what may wait until several changes can be shown together. */
const quickMs = 80
const slowMs = 900
const announceEveryMs = 10_000

/** Keeps what is on the screen true: by the stream, or by asking every few seconds where a browser cannot share one. */
export function LiveUpdates() {
  const queries = useQueryClient()
  const { api, session } = useApp()
  const realm = useRealm()
  useEffect(() => {
    forgetNewIncidents()
    const canShare = 'locks' in navigator && typeof BroadcastChannel === 'function'
    const name = `cordon ${session.tenant.id} ${session.user.id}`
    if (session.tenant.id === everyTenant.id) {
      const resync = (): void => void queries.invalidateQueries({ predicate: isFollowed })
      return canShare ? listen(openAllStream, name, makeAllEars(realm, queries, resync)) : askAll(realm, queries)
    }
    const openStream = (query: string, signal: AbortSignal): Promise<Response> =>
      api.open(`/api/v1/events${query}`, signal)
    return canShare ? listen(openStream, name, makeEars(queries, api, session.tenant.id)) : poll(queries)
  }, [queries, api, session, realm])
  return null
}

/** Everything but what only a person asks for, and lists whose rows would move. */
function isFollowed({ queryKey }: { readonly queryKey: readonly unknown[] }): boolean {
  return !['preview', 'queue', 'audit', 'facet'].includes(String(queryKey[0]))
}

function poll(queries: QueryClient): () => void {
  setLiveState('polling')
  const timer = setInterval(() => {
    if (document.visibilityState === 'visible') void queries.invalidateQueries({ predicate: isFollowed })
  }, 5_000)
  return () => clearInterval(timer)
}

function makeEars(queries: QueryClient, api: Api, tenant: string): Ears {
  // Two lists: what comes just before the slow turn still waits for its quick one.
  let soon: Change[] = []
  let waiting: Change[] = []
  const due = { quick: false, slow: false }
  let announcedAtMs = 0
  const showQuick = (): void => {
    due.quick = false
    const changes = soon
    soon = []
    const kinds = new Set(changes.map(({ resource }) => resource))
    if (kinds.has('execution')) renew(queries, ['executions'], ['approvals'])
    if (kinds.has('incidentTask')) renew(queries, ['tasks'], ['executions'])
    for (const { resource, id } of changes) if (resource === 'incident') renew(queries, ['incident', id])
  }
  const showSlow = (): void => {
    due.slow = false
    const changes = waiting
    waiting = []
    const idsOf = (resource: string): string[] => [
      ...new Set(changes.filter((change) => change.resource === resource).map(({ id }) => id)),
    ]
    noteNewIncidents(
      changes.filter(({ resource, change }) => resource === 'incident' && change === 'created').map(({ id }) => id),
    )
    if (idsOf('incident').length > 0) renew(queries, ['queue-count'])
    if (idsOf('alert').length > 0) renew(queries, ['alerts'], ['alert'], ['joins'])
    if (idsOf('incidentTask').length > 0 || idsOf('execution').length > 0) renew(queries, ['waiting'])
    if (idsOf('agent').length > 0) renew(queries, ['agents'])
    void refreshQueue(queries, api, tenant, {
      incidents: idsOf('incident'),
      hasTasks: idsOf('incidentTask').length > 0,
    })
    if (performance.now() - announcedAtMs > announceEveryMs && idsOf('incident').length > 0) {
      announcedAtMs = performance.now()
      announce(`${writeCount(idsOf('incident').length, 'incident', 'incidents')} updated`)
    }
  }
  return {
    change: (change) => {
      noteActor(tenant, change)
      soon.push(change)
      waiting.push(change)
      if (!due.quick) setTimeout(showQuick, quickMs)
      if (!due.slow) setTimeout(showSlow, slowMs)
      due.quick = true
      due.slow = true
    },
    resync: () => void queries.invalidateQueries({ predicate: isFollowed }),
  }
}

function renew(queries: QueryClient, ...keys: readonly (readonly string[])[]): void {
  for (const queryKey of keys) void queries.invalidateQueries({ queryKey })
}
