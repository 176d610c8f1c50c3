import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { fetchAs } from '../../api/queries.ts'
import { listOf, type Read, record, text } from '../../api/read.ts'
import { useApp } from '../../frame/app.tsx'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'

const AdmitDialog = lazy(() => import('./admit-member.tsx'))
const RemoveDialog = lazy(() => import('./remove-member.tsx'))

const members = record({
  value: listOf(record({ personId: text, name: text, role: text, homeTenantName: text, createdDateTime: text })),
})
export type Member = Read<typeof members>['value'][number]

/** Who of other tenants may work in this one; an admin lets them in and out. */
export default function Members() {
  const { session, may, isAuditor } = useApp()
  const isAdmin = may('Cordon.Admin')
  const [asked, ask] = useState<{ readonly what: 'admit' | 'remove'; readonly member: Member | null } | null>(null)
  const close = (): void => ask(null)
  const off = isAdmin
    ? null
    : 'Needs the permission Cordon.Admin; an admin of this tenant grants it with the role admin.'
  return (
    <section aria-labelledby="members">
      <h2 id="members">People of other tenants</h2>
      <p className="text-meta text-ink-2">
        They sign in where they are at home, and do here what their role in <Name>{session.tenant.name}</Name> lets
        them.
      </p>
      {isAdmin ? <List ask={(what, member) => ask({ what, member })} /> : null}
      {isAuditor ? null : (
        <p className="mt-2">
          <Button off={off} onPress={() => ask({ what: 'admit', member: null })}>
            Let somebody in
          </Button>
        </p>
      )}
      <Suspense fallback={null}>
        {asked?.what === 'admit' ? <AdmitDialog member={asked.member} onClose={close} /> : null}
        {asked?.what === 'remove' && asked.member !== null ? (
          <RemoveDialog member={asked.member} onClose={close} />
        ) : null}
      </Suspense>
    </section>
  )
}

function List({ ask }: { ask: (what: 'admit' | 'remove', member: Member) => void }) {
  const { api } = useApp()
  const list = useQuery({
    queryKey: ['members'],
    queryFn: async ({ signal }) => (await fetchAs(api, '/api/v1/members', members, signal)).value,
  })
  if (list.isError && list.data === undefined) return <Failure error={list.error} retry={() => void list.refetch()} />
  if (list.data === undefined) return <Skeleton rows={2} />
  if (list.data.length === 0) {
    return (
      <Empty title="Nobody of another tenant works here.">
        <p>Whoever is to come tells you their id; it stands in their Settings, below Your tenants.</p>
      </Empty>
    )
  }
  return (
    <ul aria-label="Members" className="mt-1 space-y-2">
      {list.data.map((member) => (
        <li
          key={member.personId}
          data-member-id={member.personId}
          className="box flex flex-wrap items-center gap-3 p-3"
        >
          <span className="grow">
            <strong>
              <Name>{member.name}</Name>
            </strong>{' '}
            as {member.role}
            <span className="block text-meta text-ink-2">
              at home in <Name>{member.homeTenantName}</Name>, here since <Time at={member.createdDateTime} />
            </span>
          </span>
          <Button label={`Change the role of ${member.name}`} onPress={() => ask('admit', member)}>
            Change the role
          </Button>
          <Button label={`Remove ${member.name}`} onPress={() => ask('remove', member)}>
            Remove
          </Button>
        </li>
      ))}
    </ul>
  )
}
