import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { actionKinds, isActionType } from '../../../../model/actions.ts'
import { useApproval, useFreshPreview } from '../../api/queries.ts'
import type { Approval, Preview } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { DialogButtons, Modal } from '../../parts/modal.tsx'
import { describeFailure, Refused } from '../../parts/states.tsx'
import { TenantChip } from '../../parts/tenant-chip.tsx'
import { Time } from '../../parts/time.tsx'
import { Effect, ImpactLines, Line } from '../task/blast-radius.tsx'
import { Notice, useFreshness } from '../task/freshness.tsx'
import { effectOf } from '../task/verbs.ts'
import { Decided } from './decided.tsx'
import { WhoMayApprove } from './may-approve.tsx'
import { RequestReason } from './request-reason.tsx'
import { writeWhat } from './what.ts'

type Decision = 'approve' | 'reject'

const words = { approve: 'Approve', reject: 'Reject' } as const

/**
 * One person's decision, bound by the digest to exactly what they saw: what would happen is asked of the target anew. When somebody else is
 * quicker it says so and locks.
 * @param props.decision what was pressed already; null offers both
 */
export default function BallotDialog(props: { approvalId: string; decision: Decision | null; onClose: () => void }) {
  const { approvalId, decision, onClose } = props
  // Points nowhere: the heading takes the focus, since the buttons come with the answer.
  const heading = useRef<HTMLElement>(null)
  const { data, error } = useApproval(approvalId)
  const what = data === undefined ? '' : writeWhat(data)
  const asks = decision === null ? 'Approve or reject' : words[decision]
  return (
    <Modal title={`${asks}: ${what}?`} onClose={onClose} initialFocus={heading} role="alertdialog">
      <TenantChip />
      {data === undefined ? (
        <>
          <p>{error ? describeFailure(error) : 'Asking the server …'}</p>
          <DialogButtons onClose={onClose}>{null}</DialogButtons>
        </>
      ) : (
        <Ballot approval={data} decision={decision} onClose={onClose} />
      )}
    </Modal>
  )
}

function Ballot(props: { approval: Approval; decision: Decision | null; onClose: () => void }) {
  const { approval, decision, onClose } = props
  const isRun = approval.seen.kind === 'run'
  const [comment, setComment] = useState('')
  const preview = useFreshPreview(approval.taskId, isRun)
  const fresh = useFreshness(preview)
  const vote = useVote(approval, comment.trim(), onClose)
  const isOpen = approval.state === 'pending'
  const busy = vote.isPending || fresh.isChecking ? 'Sending …' : null
  const unseen = isRun && preview.data === undefined ? 'Waiting for the preview.' : null
  const barred = approval.mayApprove?.you.reason ?? null
  const approve = async (): Promise<void> => {
    if (await fresh.check()) vote.mutate('approve')
  }
  const what = writeWhat(approval)
  return (
    <>
      <Effect actionType={approval.seen.actionType} />
      <section aria-label="What would happen" className="mt-3 rounded-box bg-sunken p-3">
        <Facts approval={approval} preview={preview.data ?? null} />
        {isRun ? <Checked preview={preview.data ?? null} error={preview.error} /> : null}
        <Notice lines={fresh.notice} />
      </section>
      {isOpen ? (
        <label className="mt-3 block">
          Why (optional)
          <input
            className="field"
            value={comment}
            maxLength={500}
            onChange={(event) => setComment(event.target.value)}
            // Enter in a field never decides anything.
            onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
          />
        </label>
      ) : (
        <Decided approval={approval} />
      )}
      <Refused error={isOpen ? vote.error : null} />
      <DialogButtons onClose={onClose}>
        {isOpen && decision !== 'reject' ? (
          <Button kind="danger" off={busy ?? barred ?? unseen} onPress={() => void approve()}>
            Approve: {what}
          </Button>
        ) : null}
        {isOpen && decision !== 'approve' ? (
          <Button kind={decision === null ? 'plain' : 'primary'} off={busy} onPress={() => vote.mutate('reject')}>
            Reject: {what}
          </Button>
        ) : null}
      </DialogButtons>
    </>
  )
}

function useVote(approval: Approval, comment: string, onSuccess: () => void) {
  const { api } = useApp()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (decision: Decision) =>
      api.call('POST', `/api/v1/approvals/${encodeURIComponent(approval.id)}/${decision}`, {
        body: { digest: approval.digest, ...(comment === '' ? {} : { comment }) },
      }),
    onSuccess,
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: ['approvals'] })
      void queries.invalidateQueries({ queryKey: ['executions', approval.taskId] })
      void queries.invalidateQueries({ queryKey: ['tasks'] })
    },
  })
}

/** Who asks and why, who acts, and what of the target is known; for an undo, which no target is asked about, what it takes back. */
function Facts({ approval, preview }: { approval: Approval; preview: Preview | null }) {
  const { seen, requestedBy } = approval
  const inverse = isActionType(seen.actionType) ? actionKinds[seen.actionType].inverse : null
  return (
    <dl className="grid grid-cols-[7.5rem_1fr] gap-x-3 gap-y-1 max-sm:grid-cols-1">
      <Line term="Requested by">
        <Name>{requestedBy.name ?? requestedBy.id}</Name>, <Time at={approval.requestedAt} />
      </Line>
      <Line term="Reason">
        <RequestReason approval={approval} />
      </Line>
      <Line term="Asked because">
        {seen.reasons.map(({ policy, reason }) => (
          <span key={policy} className="block">
            {reason}
          </span>
        ))}
      </Line>
      <Line term="Approval">
        {approval.agreed} of {approval.required} agreed, until <Time at={approval.expiresAt} exact />
        {approval.mayApprove === null ? null : (
          <span className="block">
            <WhoMayApprove who={approval.mayApprove} />
          </span>
        )}
      </Line>
      {preview === null ? (
        <>
          <Line term="Target">
            <Name>{seen.target?.displayName ?? 'none'}</Name>
          </Line>
          <Line term="Done by">{seen.connector ?? 'nobody'}</Line>
          {seen.kind === 'undo' ? (
            <Line term="Undo">{inverse === null ? 'What the action did is taken back.' : effectOf(inverse)}</Line>
          ) : null}
        </>
      ) : (
        <ImpactLines preview={{ ...preview, policy: null, mayApprove: null }} isBare />
      )}
    </dl>
  )
}

function Checked({ preview, error }: { preview: Preview | null; error: unknown }) {
  if (preview === null)
    return (
      <p className="mt-2">{error ? `No preview: ${describeFailure(error)}` : 'Asking the target what it would do …'}</p>
    )
  return (
    <p className="mt-2 text-meta text-ink-2">
      Checked <Time at={preview.readAt} />
    </p>
  )
}
