import { Name, Severity, Status } from '../../parts/badges.tsx'
import type { Column } from '../../parts/grid.tsx'
import { Time } from '../../parts/time.tsx'
import { incidentPath } from '../../paths.ts'
import type { QueueRow } from './queue-query.ts'

/** The columns of the queue. */
export const columns: readonly Column<QueueRow>[] = [
  { name: 'Severity', width: '6.5rem', cell: (row) => <Severity value={row.severity} /> },
  { name: 'Id', width: '4rem', cell: (row) => <code>{row.id}</code> },
  {
    name: 'Name',
    width: 'minmax(10rem, 1fr)',
    cell: (row) => (
      <a href={incidentPath(row.tenant, row.id)} tabIndex={-1} className="font-medium text-ink no-underline">
        <Name>{row.displayName || `Incident ${row.id}`}</Name>
      </a>
    ),
  },
  {
    name: 'Tasks',
    width: '6.5rem',
    cell: ({ waiting }) =>
      waiting === 0 ? (
        <span className="text-ink-3">none open</span>
      ) : (
        <strong>{waiting === 1 ? '1 needs you' : `${waiting} need you`}</strong>
      ),
  },
  { name: 'Status', width: '10rem', cell: (row) => <Status value={row.status} /> },
  { name: 'Alerts', width: '5rem', cell: (row) => countOf(row['alerts@odata.count'] ?? 0) },
  { name: 'Owner', width: '8rem', cell: (row) => (row.assignedTo ? <Name>{row.assignedTo}</Name> : 'no owner') },
  { name: 'Age', width: '8rem', cell: (row) => <Time at={row.createdDateTime} /> },
  { name: 'Changed', width: '8rem', cell: (row) => <Time at={row.lastUpdateDateTime} /> },
]

function countOf(alerts: number): string {
  return alerts === 1 ? '1 alert' : `${alerts} alerts`
}
