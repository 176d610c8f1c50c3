import { drawTenantMark, isCodeSaid } from '../../shown/tenant-mark.ts'
import type { TenantFacts } from '../api/session.ts'
import { useApp } from '../frame/app.tsx'
import { Name } from './badges.tsx'

/** The pattern and colour of a tenant. Its name or code stands beside it. */
export function TenantMark({ tenant }: { tenant: TenantFacts }) {
  if (tenant.mark < 0) return <span aria-hidden="true">▦</span>
  const { className, pattern, path } = drawTenantMark(tenant.mark)
  return (
    <svg aria-hidden="true" viewBox="0 0 14 14" className={className} data-pattern={pattern}>
      <path fillRule="evenodd" d={path} />
    </svg>
  )
}

/** A tenant by pattern, colour, short code and name. */
export function TenantBadge({ tenant, isShort = false }: { tenant: TenantFacts; isShort?: boolean }) {
  return (
    <span className="badge" data-tenant={tenant.id}>
      <TenantMark tenant={tenant} />
      {isCodeSaid(tenant) && !isShort ? null : <code>{tenant.code}</code>}
      {isShort ? null : <Name>{tenant.name}</Name>}
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
