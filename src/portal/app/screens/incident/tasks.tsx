import type { UseQueryResult } from '@tanstack/react-query'
import type { Task } from '../../api/wire.ts'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { TaskCard } from '../task/task-card.tsx'

/** The tasks of the incident: what waits first. One of them is open when the address names it. */
export function TasksTab({ tasks, taskId }: { tasks: UseQueryResult<readonly Task[]>; taskId: string | null }) {
  if (tasks.isError && tasks.data === undefined)
    return <Failure error={tasks.error} retry={() => void tasks.refetch()} />
  if (tasks.data === undefined) return <Skeleton rows={3} />
  if (tasks.data.length === 0) {
    return (
      <Empty title="There are no tasks.">
        <p>An expert proposes them here, or by the API.</p>
      </Empty>
    )
  }
  const named = tasks.data.filter((task) => task.id === taskId)
  const groups = [
    ['Asked for', named],
    ['Waiting', tasks.data.filter((task) => task.id !== taskId && task.status === 'open')],
    ['Under way', tasks.data.filter((task) => task.id !== taskId && task.status === 'inProgress')],
    ['Closed', tasks.data.filter((task) => task.id !== taskId && !['open', 'inProgress'].includes(task.status))],
  ] as const
  return (
    <div className="space-y-4">
      {taskId !== null && named.length === 0 ? <p>This incident has no such task.</p> : null}
      {groups.map(([name, members]) =>
        members.length === 0 ? null : (
          <section key={name} aria-label={name} className="space-y-3">
            <h2 className="text-ink-2">{name}</h2>
            {members.map((task) => (
              <TaskCard key={task.id} task={task} isOpen={task.id === taskId} hasFocus={task.id === taskId} />
            ))}
          </section>
        ),
      )}
    </div>
  )
}
