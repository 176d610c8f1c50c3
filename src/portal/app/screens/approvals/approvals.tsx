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
import { TaskTabs } from '../tasks/task-tabs.tsx'
import { DispatchSwitch } from './dispatch.tsx'
import { ManagedSwitch } from './managed.tsx'
import { WhoMayApprove } from './may-approve.tsx'
import { writeWhat } from './what.ts'

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
  // Here and not in its card: what somebody else decides leaves the list while the dialog says so.
  const [asked, ask] = useState<Asked | null>(null)
  return (
    <div className="space-y-3 p-4">
      <Title text="Approvals" />
      <TaskTabs
        current="approvals"
        hrefOf={(tab) => `${screenPath(session.tenant.id, 'tasks')}${writeSearch({ tab })}`}
      />
      <DispatchSwitch />
      <ManagedSwitch />
      <TabLinks
        label="Approvals"
        hrefOf={(value) => `${screenPath(session.tenant.id, 'approvals')}${writeSearch({ state: value })}`}
        tabs={tabs}
        current={state}
      />
      <List state={state} ask={ask} />
      <Suspense fallback={null}>
        {asked === null ? null : <BallotDialog {...asked} onClose={() => ask(null)} />}
      </Suspense>
    </div>
  )
}

/** What was pressed, on which. */
interface Asked {
  readonly approvalId: string
  readonly decision: 'approve' | 'reject'
}

function List({ state, ask }: { state: string; ask: (asked: Asked) => void }) {
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
        <Card key={approval.id} approval={approval} ask={ask} />
      ))}
    </ul>
  )
}

function Card({ approval, ask }: { approval: Approval; ask: (asked: Asked) => void }) {
  const { may, isAuditor } = useApp()
  const { seen, mayApprove } = approval
  const approvalId = approval.id
  const what = writeWhat(approval)
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
          {approval.agreed} of {approval.required} agreed
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
      <ul className="mt-2 list-disc ps-5">
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
      {mayApprove === null ? null : (
        <p className="mt-2">
          <WhoMayApprove who={mayApprove} />
        </p>
      )}
      {isAuditor || approval.state !== 'pending' ? null : (
        <div className="mt-3 flex flex-wrap gap-2">
          <Button
            kind="primary"
            off={off ?? mayApprove?.you.reason ?? null}
            label={`Approve: ${what}`}
            onPress={() => ask({ approvalId, decision: 'approve' })}
          >
            Approve
          </Button>
          <Button off={off} label={`Reject: ${what}`} onPress={() => ask({ approvalId, decision: 'reject' })}>
            Reject
          </Button>
        </div>
      )}
    </li>
  )
}
