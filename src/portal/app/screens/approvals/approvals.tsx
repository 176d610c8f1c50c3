import { useSearch } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { useApprovals } from '../../api/queries.ts'
import type { Approval } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { Badge, Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { TabLinks } from '../../parts/tab-links.tsx'
import { Time } from '../../parts/time.tsx'
import { firstOf, type Search, screenPath, writeSearch } from '../../paths.ts'
import { verbOf } from '../task/verbs.ts'
import { DispatchSwitch } from './dispatch.tsx'
import { ManagedSwitch } from './managed.tsx'

const BallotDialog = lazy(() => import('./ballot.tsx'))

const tabs = [
  ['pending', 'Waiting'],
  ['all', 'All'],
] as const

/** What waits for a second person, and the kill switch. */
export function ApprovalsScreen() {
  const search: Search = useSearch({ strict: false })
  const { session } = useApp()
  const state = firstOf(search, 'state') === 'all' ? 'all' : 'pending'
  return (
    <div className="space-y-3 p-4">
      <Title text="Approvals" />
      <DispatchSwitch />
      <ManagedSwitch />
      <TabLinks
        label="Approvals"
        hrefOf={(value) => `${screenPath(session.tenant.id, 'approvals')}${writeSearch({ state: value })}`}
        tabs={tabs}
        current={state}
      />
      <List state={state} />
    </div>
  )
}

function List({ state }: { state: string }) {
  const approvals = useApprovals(state)
  if (approvals.isError && approvals.data === undefined) {
    return <Failure error={approvals.error} retry={() => void approvals.refetch()} />
  }
  if (approvals.data === undefined) return <Skeleton rows={3} />
  if (approvals.data.length === 0) {
    return (
      <Empty title="Nothing waits for approval.">
        <p>The policy says which actions need a second person.</p>
      </Empty>
    )
  }
  return (
    <ul className="space-y-3">
      {approvals.data.map((approval) => (
        <Card key={approval.id} approval={approval} />
      ))}
    </ul>
  )
}

function Card({ approval }: { approval: Approval }) {
  const { may, isAuditor } = useApp()
  const [asked, ask] = useState<'approve' | 'reject' | null>(null)
  const { seen } = approval
  const what = `${verbOf(seen.actionType)} ${seen.target?.displayName ?? ''}`
  const off = may('Cordon.Approve') ? null : 'Needs an approver; an admin grants the role.'
  return (
    <li className="box p-4">
      <h2>
        <Name>{what}</Name>
      </h2>
      <p className="mt-1 flex flex-wrap gap-x-3 text-meta text-ink-2">
        <Badge tone={approval.state === 'pending' ? 'medium' : approval.state === 'approved' ? 'done' : 'quiet'}>
          {approval.state}
        </Badge>
        <span>
          {approval.votes.filter(({ decision }) => decision === 'approve').length} of {approval.required} agreed
        </span>
        <span>
          requested by <Name>{approval.requestedBy.name ?? approval.requestedBy.id}</Name>{' '}
          <Time at={approval.requestedAt} />
        </span>
        <span>
          until <Time at={approval.expiresAt} exact />
        </span>
        <span>through {seen.connector ?? 'nobody'}</span>
      </p>
      <ul className="mt-2 list-disc pl-5">
        {seen.reasons.map(({ policy, reason }) => (
          <li key={policy}>{reason}</li>
        ))}
      </ul>
      {approval.votes.map((vote) => (
        <p key={`${vote.by.id} ${vote.at}`} className="text-meta text-ink-2">
          <Name>{vote.by.name ?? vote.by.id}</Name>: {vote.decision} <Time at={vote.at} />{' '}
          {vote.comment ? <Name>{vote.comment}</Name> : null}
        </p>
      ))}
      {isAuditor || approval.state !== 'pending' ? null : (
        <div className="mt-3 flex flex-wrap gap-2">
          <Button kind="primary" off={off} label={`Approve: ${what}`} onPress={() => ask('approve')}>
            Approve
          </Button>
          <Button off={off} label={`Reject: ${what}`} onPress={() => ask('reject')}>
            Reject
          </Button>
        </div>
      )}
      <Suspense fallback={null}>
        {asked === null ? null : (
          <BallotDialog approval={approval} decision={asked} what={what} onClose={() => ask(null)} />
        )}
      </Suspense>
    </li>
  )
}
