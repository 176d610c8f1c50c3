import { useApp } from '../frame/app.tsx'

/** The tenant that something is done in, in the words of its dialog. */
export function TenantChip() {
  const { session } = useApp()
  return (
    <p className="my-2 text-meta text-ink-2">
      Tenant{' '}
      <span className="badge" data-tenant={session.tenant.id}>
        <span aria-hidden="true">◧</span>
        <bdi>{session.tenant.name}</bdi>
      </span>
    </p>
  )
}
