import { executionsQuery, incidentQuery, incidentTasksQuery } from './api/queries.ts'
import { findPlace, type Realm } from './frame/realm.ts'
import type { createPortalRouter } from './routes.tsx'
import { attentionQuery } from './screens/incident/attention.tsx'
import { readStoryAhead } from './screens/incident/story.tsx'

/** Whoever reads already waits no longer for what they can press. */
const longestMs = 5_000

/**
 * The document shows an incident before the scripts run. Waits until the page can draw the same at once, so that nothing of it goes away and
 * comes back. What fails meanwhile is said where it is drawn.
 */
export async function waitForWhole(realm: Realm, router: ReturnType<typeof createPortalRouter>): Promise<void> {
  const whole = Promise.allSettled([router.load(), readIncident(realm, location.pathname)])
  await Promise.race([whole, new Promise((resolve) => setTimeout(resolve, longestMs))])
}

async function readIncident(realm: Realm, path: string): Promise<void> {
  const [, , tenant = '', , id = '', tab = 'story', taskId] = path.split('/').map(decodeURIComponent)
  const place = findPlace(realm, tenant)
  if (place === undefined) return
  const queries = realm.queriesOf(place.tenant.id)
  const api = realm.apiOf(place)
  if (tab === 'story') readStoryAhead(queries, api, id)
  await Promise.all([
    queries.prefetchQuery(incidentQuery(api, id)),
    queries.prefetchQuery(incidentTasksQuery(api, id)),
    queries.prefetchQuery(attentionQuery(api, id)),
    taskId === undefined ? null : queries.prefetchQuery(executionsQuery(api, taskId)),
  ])
}
