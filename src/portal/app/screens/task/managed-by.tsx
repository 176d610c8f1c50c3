import type { Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Name } from '../../parts/badges.tsx'
import { PauseManaged } from '../approvals/managed.tsx'
import { usePolicy } from '../policies/policy-query.ts'

/** On a task that an expert runs by themselves: who acts without asking, and the customer's way to end that. */
export default function ManagedBy({ task }: { task: Task }) {
  const { isAuditor } = useApp()
  const policy = usePolicy()
  const paused = policy.data?.managedResponse.paused
  return (
    <p className="mt-3 flex flex-wrap items-center gap-3 rounded-box bg-sunken p-3">
      <span>
        <Name>{task.createdByDisplayName || 'An expert'}</Name> acts here without asking first, by the consent of the
        policy.
      </span>
      {paused === true ? <span className="font-medium">Managed response is paused.</span> : null}
      {paused === false && !isAuditor ? <PauseManaged /> : null}
    </p>
  )
}
