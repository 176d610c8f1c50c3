import { useRealm } from '../../frame/app.tsx'
import { Link } from '../../parts/link.tsx'
import { TenantBadge } from '../../parts/tenant-chip.tsx'
import { screenPath } from '../../paths.ts'

/** Where the person may work, and the id by which an admin of another tenant lets them in. */
export function OwnTenants() {
  const { home, places } = useRealm()
  return (
    <section>
      <h2>Your tenants</h2>
      <ul className="mt-1 space-y-1">
        {places.map(({ tenant, user }) => (
          <li key={tenant.id}>
            <Link to={screenPath(tenant.id, 'incidents')}>
              <TenantBadge tenant={tenant} />
            </Link>{' '}
            as {user.role}
          </li>
        ))}
      </ul>
      <p className="mt-2 text-meta text-ink-2">
        An admin of another tenant gives you a role there by your id: <code>{home.user.id}</code>
      </p>
    </section>
  )
}
