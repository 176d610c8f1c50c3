import { useMutation } from '@tanstack/react-query'
import { writeCount } from '../../../shown/count-text.ts'
import { fetchAs } from '../../api/queries.ts'
import { listOf, number, record, text } from '../../api/read.ts'
import { useApp } from '../../frame/app.tsx'
import { Badge } from '../../parts/badges.tsx'
import { describeFailure } from '../../parts/states.tsx'

const report = record({
  entries: number,
  coveredTo: number,
  root: text,
  findings: listOf(record({ kind: text, seq: number, detail: text })),
})

/** Has the server read the whole log again and compare every hash; says what it found. */
export function VerifyButton() {
  const { api } = useApp()
  const verify = useMutation({ mutationFn: () => fetchAs(api, '/api/v1/audit/verification', report) })
  return (
    <span className="inline-flex flex-wrap items-center gap-2">
      <button type="button" className="button" onClick={() => verify.mutate()} aria-disabled={verify.isPending}>
        {verify.isPending ? 'Verifying …' : 'Verify the chain'}
      </button>
      {verify.isError ? <span className="text-danger">{describeFailure(verify.error)}</span> : null}
      {verify.data === undefined ? null : verify.data.findings.length === 0 ? (
        <Badge tone="done">
          Holds: {writeCount(verify.data.entries, 'entry', 'entries')}, root {verify.data.root.slice(0, 16)}…
        </Badge>
      ) : (
        <Badge tone="failed">
          Broken: {verify.data.findings.map(({ seq, detail }) => `${seq}: ${detail}`).join('; ')}
        </Badge>
      )}
    </span>
  )
}
