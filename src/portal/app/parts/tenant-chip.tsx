import type { TenantFacts } from '../api/session.ts'
import { useApp } from '../frame/app.tsx'

/** Seven colours and eight patterns: of 56 tenants made one after the other no two look alike, and the next one differs in both. */
const colours = 7
const patterns = [
  'M0 0h14v14H0z',
  'M0 0h14v3H0zM0 5.5h14v3H0zM0 11h14v3H0z',
  'M0 0h3v14H0zM5.5 0h3v14h-3zM11 0h3v14h-3z',
  'M0 0h5L0 5zM9 0h5L0 14V9zM14 9v5H9z',
  'M0 0h7v7H0zM7 7h7v7H7z',
  'M0 0h4v4H0zM10 0h4v4h-4zM5 5h4v4H5zM0 10h4v4H0zM10 10h4v4h-4z',
  'M0 0h14v14H0zM3.5 3.5v7h7v-7z',
  'M5 0h4v5h5v4H9v5H5V9H0V5h5z',
] as const

/** The pattern and colour of a tenant. Its name or code stands beside it. */
export function TenantMark({ tenant }: { tenant: TenantFacts }) {
  if (tenant.mark < 0) return <span aria-hidden="true">▦</span>
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 14 14"
      className={`tenant-mark tenant-${tenant.mark % colours}`}
      data-pattern={tenant.mark % patterns.length}
    >
      <path fillRule="evenodd" d={patterns[tenant.mark % patterns.length] ?? patterns[0]} />
    </svg>
  )
}

/** A tenant by pattern, colour, short code and name. */
export function TenantBadge({ tenant, isShort = false }: { tenant: TenantFacts; isShort?: boolean }) {
  const isSaid = tenant.code === tenant.name.toLowerCase() || tenant.mark < 0
  return (
    <span className="badge" data-tenant={tenant.id}>
      <TenantMark tenant={tenant} />
      {isSaid && !isShort ? null : <code>{tenant.code}</code>}
      {isShort ? null : <bdi>{tenant.name}</bdi>}
    </span>
  )
}

/** The tenant that something is done in, in the words of its dialog. */
export function TenantChip() {
  const { session } = useApp()
  return (
    <p className="my-2 text-meta text-ink-2">
      Tenant <TenantBadge tenant={session.tenant} />
    </p>
  )
}
