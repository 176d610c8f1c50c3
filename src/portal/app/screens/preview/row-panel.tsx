import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { ApiError } from '../../api/session.ts'
import { usePanels } from '../../lists/beside/panels.ts'
import { SidePanel } from '../../lists/beside/side-panel.tsx'
import { Failure, Skeleton } from '../../parts/states.tsx'

/** The panel of a previewed row; what it says follows what is stored. @param props.row as the list names it */
export function RowPanel<T>(props: {
  readonly row: string
  readonly of: UseQueryResult<T>
  readonly children: (it: T) => ReactNode
}) {
  const { row, of, children } = props
  const { put } = usePanels()
  return (
    <SidePanel
      label="Preview"
      side="end"
      subject={row}
      close={() => put({ preview: '' })}
      returnTo={`[role=row][data-id="${CSS.escape(row)}"]`}
    >
      {of.data === undefined ? null : children(of.data)}
      {of.isPending ? <Skeleton /> : null}
      {of.data === undefined && of.isError ? <Problem error={of.error} retry={() => void of.refetch()} /> : null}
    </SidePanel>
  )
}

function Problem({ error, retry }: { error: Error; retry: () => void }) {
  if (error instanceof ApiError && error.status === 404) return <p className="mt-3">It is not here any more.</p>
  return <Failure error={error} retry={retry} />
}
