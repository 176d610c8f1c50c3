import { writeCount } from '../../../shown/count-text.ts'
import { Name, Severity, Status } from '../../parts/badges.tsx'
import type { Column } from '../../parts/grid.tsx'
import { Time } from '../../parts/time.tsx'
import { incidentPath } from '../../paths.ts'
import { AssetCount } from './asset-counts.tsx'
import type { QueueRow } from './queue-query.ts'

/** The columns of a queue, of one tenant or of several. */
export const columns: readonly Column<QueueRow>[] = [
  { key: 'severity', name: 'Severity', width: '5.5rem', cell: (row) => <Severity value={row.severity} /> },
  { key: 'id', name: 'Id', width: '4rem', spare: 5, cell: (row) => <code>{row.id}</code> },
  {
    key: 'name',
    name: 'Name',
    width: 'minmax(12rem, 1fr)',
    cell: (row) => (
      <a href={incidentPath(row.tenant, row.id)} tabIndex={-1} className="font-medium text-ink no-underline">
        <Name>{row.displayName || `Incident ${row.id}`}</Name>
      </a>
    ),
  },
  {
    key: 'tasks',
    name: 'Tasks',
    width: '6rem',
    cell: ({ waiting }) =>
      waiting === 0 ? (
        <span className="text-ink-3">none open</span>
      ) : (
        <strong>{writeCount(waiting, 'needs you', 'need you')}</strong>
      ),
  },
  { key: 'status', name: 'Status', width: '9.25rem', cell: (row) => <Status value={row.status} /> },
  { key: 'alerts', name: 'Alerts', width: '4.5rem', spare: 3, cell: (row) => countOf(row['alerts@odata.count'] ?? 0) },
  {
    key: 'owner',
    name: 'Owner',
    width: '7rem',
    spare: 4,
    cell: (row) => (row.assignedTo ? <Name>{row.assignedTo}</Name> : 'no owner'),
  },
  {
    key: 'age',
    name: 'Age',
    width: '9.5rem',
    spare: 6,
    before: 'opened',
    cell: (row) => <Time at={row.createdDateTime} />,
  },
  {
    key: 'changed',
    name: 'Changed',
    width: '9.5rem',
    spare: 2,
    before: 'changed',
    cell: (row) => <Time at={row.lastUpdateDateTime} />,
  },
]

/** The columns of the queue of one tenant. */
export const queueColumns: readonly Column<QueueRow>[] = columns.flatMap((column) =>
  column.key === 'alerts'
    ? [
        // The first to be left out, and on no card: what comes later than the row must have its place from the beginning.
        {
          key: 'assets',
          name: 'Assets',
          width: '7.5rem',
          spare: 1,
          wide: true,
          cell: (row) => <AssetCount row={row} />,
        },
        column,
      ]
    : [column],
)

function countOf(alerts: number): string {
  return writeCount(alerts, 'alert', 'alerts')
}
