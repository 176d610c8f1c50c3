import { useQuery } from '@tanstack/react-query'
import { fetchAs, taskApi } from '../../api/queries.ts'
import { task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { TaskCard } from '../task/task-card.tsx'
import { RowPanel } from './row-panel.tsx'

/** A task beside the list, with its card and all that can be done from it. */
export default function TaskPreview({ id, row }: { id: string; row: string }) {
  const { api } = useApp()
  const found = useQuery({
    queryKey: ['tasks', 'one', id],
    queryFn: ({ signal }) => fetchAs(api, `${taskApi(id)}?$expand=incident($select=id)`, task, signal),
  })
  return (
    <RowPanel row={row} of={found}>
      {(it) => (
        <div className="mt-3">
          <TaskCard task={it} isOpen />
        </div>
      )}
    </RowPanel>
  )
}
