import type { AuditEntry } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Name } from '../../parts/badges.tsx'
import { Link } from '../../parts/link.tsx'
import { Modal } from '../../parts/modal.tsx'
import { runPath } from '../../paths.ts'

/** One entry with everything it holds, as it is stored. */
export default function EntryDialog({ entry, onClose }: { entry: AuditEntry; onClose: () => void }) {
  const { session } = useApp()
  const { details, ...rest } = entry
  const run = runOf(entry)
  return (
    <Modal title={`Entry ${entry.seq}`} onClose={onClose}>
      {run === null ? null : (
        <p className="mt-2">
          <Link to={runPath(session.tenant.id, run)}>Open the run</Link>
        </p>
      )}
      <dl className="mt-3 grid grid-cols-[8rem_1fr] gap-y-1 max-sm:grid-cols-1">
        {Object.entries(rest).map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-ink-2">{name}</dt>
            <dd className="font-mono text-table">
              <Name>{value === null ? '–' : String(value)}</Name>
            </dd>
          </div>
        ))}
      </dl>
      {details === null || details === undefined ? null : (
        <>
          <h3 className="mt-3">details</h3>
          <pre className="mt-1 overflow-x-auto rounded-box bg-sunken p-3 text-table whitespace-pre-wrap">
            {JSON.stringify(details, null, 2)}
          </pre>
        </>
      )}
    </Modal>
  )
}

/** The run an entry is about; null for none. */
function runOf({ objectType, objectId, details }: AuditEntry): string | null {
  if (objectType === 'execution') return objectId
  if (typeof details !== 'object' || details === null || !('executionId' in details)) return null
  return typeof details.executionId === 'string' ? details.executionId : null
}
