import { useMemo } from 'react'
import { useRealm } from '../../frame/app.tsx'
import type { Column } from '../../parts/grid.tsx'
import { TenantBadge } from '../../parts/tenant-chip.tsx'

/** The columns of a list, with the tenant before them. @param rest the same list from one rendering to the next */
export function useTenantColumns<T extends { readonly tenant: string }>(
  rest: readonly Column<T>[],
): readonly Column<T>[] {
  const { places } = useRealm()
  return useMemo(() => {
    const tenant: Column<T> = {
      name: 'Tenant',
      width: '9rem',
      cell: (row) => {
        const place = places.find((one) => one.tenant.id === row.tenant)
        return place === undefined ? '' : <TenantBadge tenant={place.tenant} isShort />
      },
    }
    return [tenant, ...rest]
  }, [places, rest])
}
