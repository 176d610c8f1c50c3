import { useRealm } from '../../frame/app.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { TenantBadge } from '../../parts/tenant-chip.tsx'
import type { MergedPage } from './merge.ts'

/** Says which tenants are not in the list: what is left out is never left out in silence. */
export function Missing({ failed, retry }: { failed: MergedPage<unknown>['failed']; retry: () => void }) {
  const { places } = useRealm()
  if (failed.length === 0) return null
  return (
    <div className="rounded-box bg-sunken p-3">
      <p className="font-medium">Not all tenants are in this list.</p>
      <ul className="mt-1 space-y-1">
        {places.flatMap(({ tenant }) => {
          const found = failed.find((one) => one.tenant === tenant.id)
          if (found === undefined) return []
          return [
            <li key={tenant.id}>
              <TenantBadge tenant={tenant} /> {describeFailure(found.cause)}
            </li>,
          ]
        })}
      </ul>
      <button type="button" className="button mt-2" onClick={retry}>
        Ask again
      </button>
    </div>
  )
}
