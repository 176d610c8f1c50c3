import { useRealm } from '../../frame/app.tsx'
import { Name } from '../../parts/badges.tsx'
import { TenantBadge } from '../../parts/tenant-chip.tsx'
import type { InTenant } from './change-one.ts'
import type { Outcome } from './each.ts'

/** Every tenant that something is changed in. */
export function Tenants({ rows }: { rows: readonly InTenant[] }) {
  const { places } = useRealm()
  const concerned = places.filter(({ tenant }) => rows.some((row) => row.tenant === tenant.id))
  return (
    <p className="my-2 flex flex-wrap gap-2 text-meta text-ink-2">
      {concerned.length === 1 ? 'Tenant' : 'Tenants'}
      {concerned.map(({ tenant }) => (
        <TenantBadge key={tenant.id} tenant={tenant} />
      ))}
    </p>
  )
}

/** One of several, and what came of it. */
export function OutcomeRow(props: {
  readonly id: string
  readonly name: string
  readonly outcome: Outcome | undefined
  readonly isIn: boolean
  /** Leaves it out or takes it in again; null where that is decided. */
  readonly toggle: (() => void) | null
}) {
  const { id, name, outcome, isIn, toggle } = props
  return (
    <li data-bulk-id={id} className="flex flex-wrap items-baseline gap-2">
      {toggle === null ? null : (
        <input type="checkbox" className="size-6" aria-label={`Include ${id}`} checked={isIn} onChange={toggle} />
      )}
      <code>{id}</code> <Name>{name}</Name>
      <span className="text-meta text-ink-2">{describe(outcome)}</span>
    </li>
  )
}

function describe(outcome: Outcome | undefined): string {
  if (outcome === undefined) return ''
  return outcome.state === 'waiting' ? 'sending …' : outcome.state === 'sent' ? 'changed' : outcome.reason
}
