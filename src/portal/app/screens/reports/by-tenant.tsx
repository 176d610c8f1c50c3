import { useQuery } from '@tanstack/react-query'
import { withOptions } from '../../api/odata.ts'
import { fetchAs } from '../../api/queries.ts'
import { pageOf, task } from '../../api/wire.ts'
import { useRealm } from '../../frame/app.tsx'
import { Link } from '../../parts/link.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { TenantBadge } from '../../parts/tenant-chip.tsx'
import { Time } from '../../parts/time.tsx'
import { screenPath } from '../../paths.ts'
import { Panel } from './parts.tsx'

const page = pageOf(task)
const waiting = withOptions('/beta/security/incidentTasks', {
  $filter: `status eq 'open'`,
  $orderby: 'createdDateTime',
  $expand: 'incident($select=id)',
  $top: 1,
  $count: 'true',
})

/** Where somebody is waited for: open tasks of each tenant of the person, the fullest first; a tenant that does not answer says so. */
export function ByTenant() {
  const realm = useRealm()
  const figures = useQuery({
    queryKey: ['reports', 'by tenant'],
    refetchInterval: 60_000,
    queryFn: async ({ signal }) => {
      const rows = realm.places.map(async (place) => {
        try {
          const { value, count } = await fetchAs(realm.apiOf(place), waiting, page, signal)
          return { place, count: count ?? value.length, oldest: value[0]?.createdDateTime ?? null, problem: null }
        } catch (error) {
          signal.throwIfAborted()
          return { place, count: 0, oldest: null, problem: describeFailure(error) }
        }
      })
      return (await Promise.all(rows)).toSorted((left, right) => right.count - left.count)
    },
  })
  if (realm.places.length < 2) return null
  return (
    <Panel
      name="Waiting by tenant"
      about="Open tasks of each of your tenants, and since when the oldest waits."
      figures={figures}
    >
      {(rows) => {
        const most = Math.max(1, ...rows.map(({ count }) => count))
        return (
          <ul className="space-y-1">
            {rows.map(({ place: { tenant }, count, oldest, problem }) => (
              <li
                key={tenant.id}
                className="grid grid-cols-[minmax(0,8rem)_minmax(0,1fr)_minmax(0,10rem)] items-center gap-2"
              >
                <Link to={screenPath(tenant.code, 'tasks')} className="alone">
                  <TenantBadge tenant={tenant} />
                </Link>
                <svg viewBox="0 0 100 6" preserveAspectRatio="none" className="h-3 w-full" aria-hidden="true">
                  <rect width={(count / most) * 100} height={6} className="chart-quiet" />
                </svg>
                <span>
                  {problem ?? count.toLocaleString('en')}{' '}
                  {oldest === null ? null : (
                    <>
                      since <Time at={oldest} />
                    </>
                  )}
                </span>
              </li>
            ))}
          </ul>
        )
      }}
    </Panel>
  )
}
