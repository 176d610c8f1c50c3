import { useRef } from 'react'
import { isLiveState } from '../../../shown/card-state.ts'
import { useExecutions } from '../../api/queries.ts'
import type { Execution } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Badge, Name } from '../../parts/badges.tsx'
import { Link } from '../../parts/link.tsx'
import { Time } from '../../parts/time.tsx'
import { runPath } from '../../paths.ts'
import { runTones } from './runs.tsx'

/**
 * The run of somebody who was quicker while a dialog was open: one that is under way, or has gone well since.
 * @param isOwn the person's own request is on its way or was accepted, so that what is seen may be theirs
 */
export function useTaken(taskId: string, isOwn: boolean): Execution | null {
  const { data } = useExecutions(taskId, true)
  const first = useRef<string | null>(null)
  if (data === undefined) return null
  const newest = data[0]
  first.current ??= newest?.id ?? ''
  if (isOwn || newest === undefined) return null
  const isNew = newest.id !== first.current
  return isLiveState(newest.state) || (isNew && newest.state === 'succeeded') ? newest : null
}

/** Whoever was quicker, and how their run stands. */
export function Taken({ run }: { run: Execution }) {
  const { session } = useApp()
  return (
    <p role="alert" className="mt-3 flex flex-wrap items-center gap-2">
      <span>
        <Name>{run.requestedBy.name ?? 'Somebody'}</Name> {run.kind === 'undo' ? 'took this back' : 'ran this'}{' '}
        <Time at={run.requestedAt} />.
        {run.state === 'succeeded'
          ? ' It is done already; reopen the task to run it again.'
          : ' Nothing of yours was sent.'}
      </span>
      <Badge tone={runTones[run.state] ?? 'low'}>{run.state}</Badge>
      <Link to={runPath(session.tenant.id, run.id)}>Open the run</Link>
    </p>
  )
}
