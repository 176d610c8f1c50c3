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
      key: 'tenant',
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

/** How rows are named in a list of several tenants: the short code stands before the id, as two tenants may have one of the same number. */
export function useTenantIds(): (row: { readonly tenant: string; readonly id: string }) => string {
  const { places } = useRealm()
  return useMemo(() => {
    const codes = new Map(places.map(({ tenant }) => [tenant.id, tenant.code]))
    return ({ tenant, id }) => `${codes.get(tenant) ?? tenant}/${id}`
  }, [places])
}
