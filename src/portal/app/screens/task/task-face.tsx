import type { ReactNode } from 'react'
import { modeOf } from '../../../shown/card-state.ts'
import { verbOf } from '../../../shown/words.ts'
import type { Task } from '../../api/wire.ts'
import { Changed, ChangedBy, useChanges } from '../../live/changed-by.tsx'
import { Name, Status } from '../../parts/badges.tsx'
import { Time } from '../../parts/time.tsx'
import { targetOf } from './verbs.ts'

/** What of a task changes while somebody looks at it, in words. */
const fields = { status: 'Task state', actionStatus: 'Action state' } as const

/** What every card of a task begins with: its title, both states, what it is about and why. */
export function TaskFace({ task, children }: { task: Task; children: ReactNode }) {
  const shown = { status: task.status, actionStatus: task.actionStatus }
  const thing = { resource: 'incidentTask', id: task.id } as const
  const changes = useChanges(thing, shown, task.lastModifiedByDisplayName, task.lastModifiedDateTime)
  return (
    <>
      <div className="flex flex-wrap items-start justify-between gap-2">
        {children}
        <p className="flex flex-wrap gap-1">
          <Changed isNew={changes.has('status')}>
            <Status of="Task" value={task.status} />
          </Changed>
          <Changed isNew={changes.has('actionStatus')}>
            <Status of="Action" value={task.actionStatus} />
          </Changed>
        </p>
      </div>
      <Facts task={task}>
        <ChangedBy changes={changes} words={fields} />
      </Facts>
      {task.description ? (
        <p className="mt-2 max-w-[72ch] whitespace-pre-wrap">
          <Name>{task.description}</Name>
        </p>
      ) : null}
    </>
  )
}

function Facts({ task, children }: { task: Task; children: ReactNode }) {
  return (
    <p className="mt-1 flex flex-wrap gap-x-3 text-meta text-ink-2">
      <span title={task.actionType}>{task.actionType === 'text' ? 'For people' : verbOf(task.actionType)}</span>
      {targetOf(task) === '' ? null : (
        <code>
          <Name>{targetOf(task)}</Name>
        </code>
      )}
      <span title={task.source}>{modeOf(task.source)}</span>
      <span>
        proposed by <Name>{task.createdByDisplayName || 'nobody named'}</Name> <Time at={task.createdDateTime} />
      </span>
      {children}
    </p>
  )
}
