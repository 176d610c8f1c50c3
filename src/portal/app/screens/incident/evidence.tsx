import { useIncidentAlerts } from '../../api/queries.ts'
import { Name } from '../../parts/badges.tsx'
import { describeEvidence } from '../../parts/evidence-text.ts'
import { Heads } from '../../parts/grid.tsx'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { Wide } from '../../parts/wide.tsx'

/** Everything the alerts name, each once, with the alerts that name it. */
export function EvidenceTab({ id }: { id: string }) {
  const alerts = useIncidentAlerts(id)
  if (alerts.isError && alerts.data === undefined)
    return <Failure error={alerts.error} retry={() => void alerts.refetch()} />
  if (alerts.data === undefined) return <Skeleton />
  const found = new Map<string, { readonly line: ReturnType<typeof describeEvidence>; count: number }>()
  for (const alert of alerts.data.value) {
    for (const evidence of alert.evidence) {
      const line = describeEvidence(evidence)
      const key = `${line.kind} ${line.name}`
      const known = found.get(key)
      if (known) known.count += 1
      else found.set(key, { line, count: 1 })
    }
  }
  if (found.size === 0) return <Empty title="No alert names any evidence." />
  return (
    <Wide name="Evidence" isBox>
      <table className="w-full text-table">
        <Heads names={['Kind', 'Name', 'Verdict', 'Alerts', 'More']} />
        <tbody>
          {[...found].map(([key, { line, count }]) => (
            <tr key={key} data-entity-id={key} className="border-t border-line align-top">
              <td className="px-3 py-1">{line.kind}</td>
              <td className="px-3 py-1 font-mono">
                <Name>{line.name}</Name>
              </td>
              <td className="px-3 py-1">{line.verdict}</td>
              <td className="px-3 py-1">{count}</td>
              <td className="px-3 py-1 text-meta text-ink-2">
                <Name>{line.details.join(', ')}</Name>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  )
}
