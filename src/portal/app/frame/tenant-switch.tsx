import { useLocation, useNavigate } from '@tanstack/react-router'
import { useRef } from 'react'
import { writeCount } from '../../shown/count-text.ts'
import { PickList } from '../keys/pick-list.tsx'
import { Modal } from '../parts/modal.tsx'
import { TenantBadge } from '../parts/tenant-chip.tsx'
import { screenPath } from '../paths.ts'
import { useApp, useRealm } from './app.tsx'
import { everyTenant } from './realm.ts'

/** Lists that every tenant has. Whatever else one looks at, the incidents are what the other tenant begins with. */
const lists: ReadonlySet<string> = new Set([
  'incidents',
  'tasks',
  'alerts',
  'approvals',
  'devices',
  'users',
  'mailboxes',
  'reports',
  'audit',
])
const shared: ReadonlySet<string> = new Set(['incidents', 'tasks'])

/** The other tenants of the person, and all of them together. */
export default function TenantSwitch({ onClose }: { onClose: () => void }) {
  const { session } = useApp()
  const { places } = useRealm()
  const navigate = useNavigate()
  const field = useRef<HTMLInputElement>(null)
  const { pathname } = useLocation()
  const screen = pathname.split('/')[3] ?? ''
  const go = (id: string): void => {
    onClose()
    const held = (id === everyTenant.id ? shared : lists).has(screen) ? screen : 'incidents'
    void navigate({ href: screenPath(id, held) })
  }
  const choices = [
    { tenant: everyTenant, role: writeCount(places.length, 'tenant', 'tenants') },
    ...places.map(({ tenant, user }) => ({ tenant, role: user.role })),
  ]
  return (
    <Modal title="Switch tenant" onClose={onClose} initialFocus={field}>
      <PickList
        field={field}
        name="tenant"
        label="Tenant"
        nothing="No tenant of yours is called that."
        picks={choices.map(({ tenant, role }) => ({
          id: tenant.id,
          words: `${tenant.code} ${tenant.name}`,
          shown: (
            <>
              <TenantBadge tenant={tenant} />
              <span className="text-meta text-ink-2">{tenant.id === session.tenant.id ? `${role}, here` : role}</span>
            </>
          ),
        }))}
        onPick={go}
      />
    </Modal>
  )
}
