import { useQuery } from '@tanstack/react-query'
import { fetchAs, incidentQuery, taskApi } from '../../api/queries.ts'
import { type Approval, task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Name } from '../../parts/badges.tsx'

/** What whoever requested an action wrote on the incident about it, when they did: a request has no reason of its own. */
export function RequestReason({ approval }: { approval: Approval }) {
  const { api } = useApp()
  const about = useQuery({
    queryKey: ['task', approval.taskId, 'incident'],
    queryFn: async ({ signal }) => {
      const path = `${taskApi(approval.taskId)}?$expand=${encodeURIComponent('incident($select=id)')}`
      return (await fetchAs(api, path, task, signal)).incident?.id ?? ''
    },
  })
  const incidentId = about.data ?? ''
  const { data, isError } = useQuery({ ...incidentQuery(api, incidentId), enabled: incidentId !== '' })
  if (isError || about.isError) return 'not known'
  const said = data?.it.comments.filter((one) => isAbout(one, approval)).at(-1)
  if (said !== undefined) return <Name>{said.comment ?? ''}</Name>
  return data === undefined ? '…' : 'none given'
}

function isAbout(
  one: {
    readonly comment: string | null
    readonly createdByDisplayName: string | null
    readonly createdDateTime: string
  },
  { requestedBy, requestedAt, seen }: Approval,
): boolean {
  const names = one.comment?.includes(seen.displayName ?? '') === true
  return names && one.createdByDisplayName === requestedBy.name && one.createdDateTime >= requestedAt
}
