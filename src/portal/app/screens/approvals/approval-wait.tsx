import { useApproval } from '../../api/queries.ts'
import { Time } from '../../parts/time.tsx'
import { WhoMayApprove } from './may-approve.tsx'

/** Who may still approve what a card waits for, and until when. */
export default function ApprovalWait({ approvalId }: { approvalId: string }) {
  const { data } = useApproval(approvalId)
  if (data?.mayApprove == null) return null
  return (
    <div className="mt-1 max-w-[72ch]" data-approval-id={data.id}>
      <WhoMayApprove who={data.mayApprove} />
      <span className="block text-meta text-ink-2">
        It expires at <Time at={data.expiresAt} exact />
      </span>
    </div>
  )
}
