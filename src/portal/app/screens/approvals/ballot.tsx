import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import type { Approval } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Button } from '../../parts/button.tsx'
import { Modal } from '../../parts/modal.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { TenantChip } from '../../parts/tenant-chip.tsx'
import { Effect } from '../task/blast-radius.tsx'

/** One person's decision, bound by the digest to exactly what they saw. */
export default function BallotDialog(props: {
  approval: Approval
  decision: 'approve' | 'reject'
  what: string
  onClose: () => void
}) {
  const { approval, decision, what, onClose } = props
  const { api } = useApp()
  const queries = useQueryClient()
  const cancel = useRef<HTMLButtonElement>(null)
  const [comment, setComment] = useState('')
  const vote = useMutation({
    mutationFn: () =>
      api.call('POST', `/api/v1/approvals/${encodeURIComponent(approval.id)}/${decision}`, {
        body: { digest: approval.digest, ...(comment.trim() === '' ? {} : { comment: comment.trim() }) },
      }),
    onSuccess: onClose,
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: ['approvals'] })
      void queries.invalidateQueries({ queryKey: ['executions', approval.taskId] })
      void queries.invalidateQueries({ queryKey: ['tasks'] })
    },
  })
  const word = decision === 'approve' ? 'Approve' : 'Reject'
  return (
    <Modal title={`${word}: ${what}?`} onClose={onClose} initialFocus={cancel} role="alertdialog">
      <TenantChip />
      <p className="my-2 text-meta text-ink-2">
        Requested by <bdi>{approval.requestedBy.name ?? approval.requestedBy.id}</bdi>, through{' '}
        {approval.seen.connector ?? 'nobody'}
      </p>
      <Effect actionType={approval.seen.actionType} />
      <label className="mt-3 block">
        Why (optional)
        <input className="field" value={comment} maxLength={500} onChange={(event) => setComment(event.target.value)} />
      </label>
      {vote.isError ? (
        <p role="alert" className="mt-3 text-danger">
          {describeFailure(vote.error)}
        </p>
      ) : null}
      <div className="mt-4 flex flex-wrap justify-end gap-2">
        <Button
          kind={decision === 'approve' ? 'danger' : 'primary'}
          off={vote.isPending ? 'Sending …' : null}
          onPress={() => vote.mutate()}
        >
          {word}: {what}
        </Button>
        <button ref={cancel} type="button" className="button" onClick={onClose}>
          Not now
        </button>
      </div>
    </Modal>
  )
}
