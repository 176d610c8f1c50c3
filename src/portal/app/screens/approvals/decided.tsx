import type { Approval } from '../../api/wire.ts'
import { Name } from '../../parts/badges.tsx'
import { Time } from '../../parts/time.tsx'

/** Who ended what a dialog asks about while it was open, and when. */
export function Decided({ approval }: { approval: Approval }) {
  const { state, votes, decidedAt } = approval
  const wanted = state === 'approved' ? 'approve' : state === 'rejected' ? 'reject' : null
  const who = votes.filter(({ decision }) => decision === wanted)
  return (
    <div role="alert" className="mt-3">
      <p className="font-medium">
        {who.map(({ by }, at) => (
          <span key={by.id}>
            {at === 0 ? '' : ', '}
            <Name>{by.name ?? by.id}</Name>
          </span>
        ))}
        {who.length === 0 ? `The approval is ${state}` : ` ${state} it`} <Time at={decidedAt} exact />
      </p>
      {who.map(({ by, comment }) =>
        comment ? (
          <p key={by.id} className="text-ink-2">
            <Name>{comment}</Name>
          </p>
        ) : null,
      )}
      <p>Nothing is left to decide here.</p>
    </div>
  )
}
